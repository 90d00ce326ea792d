"""What imports add to the pages of flows, connections and secrets."""
