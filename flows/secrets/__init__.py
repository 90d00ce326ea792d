"""The stored secrets: their keys, their values, and where they are sent."""
