"""Exports in the background: asked for, built by a worker, fetched for a day, swept up.

An export writes nothing of the flows, so that it has no record, waits for no import, and is simply
built again where its worker died.
"""
