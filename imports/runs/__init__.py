"""What every run has, whatever it does: its record, its lock, its transaction, its progress.

For others: `run.recorded`, `run.hold_lock`, `run.one_transaction`, and `idempotency.check_key`.
"""
