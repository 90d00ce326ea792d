"""Bytes to JSON values, strictly: for files, for the bodies of requests and for documents."""
