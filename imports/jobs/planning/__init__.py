"""Planning large uploads in the background: stored at once, planned by a worker, swept up.

An upload has a PlanningJob until its plan is there, and no record: nothing is written. Unlike runs,
plans are made beside each other, and beside a run.
"""
