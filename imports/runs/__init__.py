"""What every kind of run shares: its record, its lock, its transaction, its progress.

For others: `run.record_run`, `run.hold_lock`, `carrying_out.carry_out`, `idempotency.check_key`.
"""
