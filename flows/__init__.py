"""Flows, connections and secrets: their content, their rows, and their admin and API."""

__version__ = "0.1.0"
