"""The steps of every run that writes: keys checked, a backup, one transaction for all writes.

What is checked and planned before, and what is written, is up to the service of each kind of run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from flows.database.state import SeenState
from imports.database.backup import make_backup
from imports.database.lock import HeldLock
from imports.expiry import drop_expired_uploads
from imports.models import ImportRecord
from imports.runs.current import RunPhase, measure_phase
from imports.runs.recorder import RunRecorder
from imports.runs.run import check_encryption_keys, open_transaction

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[P]):
    """The plan and the record of a run that succeeded."""

    plan: P
    record: ImportRecord


@contextmanager
def carry_out(
    recorder: RunRecorder,
    lock: HeldLock,
    *,
    seen: SeenState,
    writes: bool,
    again: str,
    sparing: Path | None = None,
) -> Iterator[None]:
    """Open one transaction for what the run writes and records, after a backup if it has one.

    A run that `writes` nothing needs neither keys nor backup: only its record is written. `seen` is
    the state for which the run was planned: what is written here is no change of it. `sparing` is
    a backup that is not removed to make room for the new one. Raises WrongEncryptionKey,
    BackupFailed, RunCancelled and what `open_transaction` raises.
    """
    recorder.check_cancelled()
    if writes:
        check_encryption_keys()
        with seen.pass_over_own_writes():
            drop_expired_uploads()  # keeps them out of the backup
            if recorder.record.with_backup:
                with measure_phase(RunPhase.BACKUP):
                    recorder.keep_backup(make_backup(sparing=sparing))
    recorder.begin_writing()
    with measure_phase(RunPhase.WRITING), open_transaction(recorder, lock, again=again):
        yield
