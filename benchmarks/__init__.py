"""Measurements, outside the test suite: `make bench`."""
