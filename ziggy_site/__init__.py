"""The site: settings, addresses, and what all doors of the API have in common."""

__version__ = "0.1.0"
