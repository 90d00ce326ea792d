"""Benchmarks, which are not part of the tests: `make bench`."""
