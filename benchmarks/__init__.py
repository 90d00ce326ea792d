"""Measurements, outside the test suite."""
