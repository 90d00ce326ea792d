"""The REST door to flows, connections, secrets and named saves."""
