"""The site: settings, addresses and what belongs to no app."""
