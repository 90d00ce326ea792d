"""Flows, connections and secrets: what they hold, and their doors."""

__version__ = "0.1.0"
