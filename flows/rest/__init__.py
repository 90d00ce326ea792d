"""The API of flows, connections, secrets and named saves."""
