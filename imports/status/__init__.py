"""The status of a file on a server: `decide` finds which side changed, `service` reads both."""
