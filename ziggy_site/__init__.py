"""The site: its settings, addresses, and what is part of no app."""
