"""Pure: what flows, connections and secrets hold, their fields, and the texts in them."""
