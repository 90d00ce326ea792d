"""Pure: the content of flows, connections and secrets, their fields, and the texts in them."""
