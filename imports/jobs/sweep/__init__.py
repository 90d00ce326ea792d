"""The sweep: what died is ended and explained, what was lost goes back into the queue.

Whether a process is alive is known by the locks of the database alone, so that any worker sweeps
for all machines. Each step is one transaction: a sweep that is killed leaves nothing half.
"""
