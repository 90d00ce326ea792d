"""A file against a server: `decide` says of each item which side changed, `service` reads both."""
