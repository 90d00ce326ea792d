"""Runs in the background: asked for, queued, carried out by a worker, called off, swept up.

The record of a run is made when it is asked for, in one transaction with its job in the queue of
procrastinate. A worker carries it out by the services that every door calls. Only on PostgreSQL,
with the setting BACKGROUND: without, doors call those services themselves.
"""
