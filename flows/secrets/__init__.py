"""The secrets that are stored: their keys, their values, and where they are sent."""
