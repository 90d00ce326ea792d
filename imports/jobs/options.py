"""What a job was asked for, as it is kept until a worker has carried it out.

It is kept encrypted, as the file is: a saved plan and decisions tell what is in the file.
"""

from typing import Any, TypeVar

import msgspec

from flows.content.fields import Kind
from imports.importing.request import ImportRequest
from imports.models import BackgroundJob, Door, ImportRecord
from imports.planfile.decisions import GivenDecision
from imports.planfile.shape import SavedPlan
from imports.plans.plan import Mode
from imports.undo.plans.plan import ConflictResolution
from imports.undo.request import UndoRequest
from imports.uploads.stored_file import pack_file, unpack_file


class KeptImport(msgspec.Struct, kw_only=True, frozen=True):
    """The options of an import, but its file."""

    file_name: str
    mode: Mode
    override_locks: bool
    prune: bool
    prune_limit: int
    given_decisions: tuple[GivenDecision, ...]
    only: tuple[str, ...]
    accept: tuple[str, ...]
    saved_plan: SavedPlan | None


class KeptUpload(msgspec.Struct, kw_only=True, frozen=True):
    """How a waiting file is applied: its plan as it was confirmed."""

    token: str
    """The confirmation token of the plan that is applied."""
    accept: tuple[str, ...]
    """The codes of warnings that are acknowledged."""


class KeptUndo(msgspec.Struct, kw_only=True, frozen=True):
    """The options of an undo."""

    undone: int
    conflicts: ConflictResolution | None
    decisions: list[tuple[Kind | None, str, ConflictResolution]]
    token: str | None = None
    """The confirmation token of the plan that was shown; None where none was."""


Kept = KeptImport | KeptUpload | KeptUndo
K = TypeVar("K", KeptImport, KeptUpload, KeptUndo)


def keep_import(request: ImportRequest) -> KeptImport:
    """Return the options of an import that was asked for."""
    names = KeptImport.__struct_fields__
    return KeptImport(**{name: getattr(request, name) for name in names})


def keep_undo(request: UndoRequest, token: str | None = None) -> KeptUndo:
    """Return the options of an undo that was asked for."""
    return KeptUndo(
        undone=request.record,
        conflicts=request.conflicts,
        decisions=[(kind, uuid, one) for (kind, uuid), one in request.decisions.items()],
        token=token,
    )


def pack_options(kept: Kept) -> bytes:
    """Return what is stored of the options."""
    return pack_file(msgspec.json.encode(kept))


def read_options(job: BackgroundJob, kind: type[K]) -> K:
    """Return the options that the job has. Raises WrongKeyError."""
    return msgspec.json.decode(unpack_file(bytes(job.options or b"")), type=kind)


def make_import_request(job: BackgroundJob) -> ImportRequest:
    """Return the request of the job, in the name of who asked for it. Raises WrongKeyError."""
    kept = read_options(job, KeptImport)
    options = {name: getattr(kept, name) for name in KeptImport.__struct_fields__}
    payload = unpack_file(bytes(job.content or b""))
    return ImportRequest(payload=payload, **options, **share(job.record))


def make_undo_request(job: BackgroundJob) -> UndoRequest:
    """Return the request of the job, in the name of who asked for it. Raises WrongKeyError."""
    kept = read_options(job, KeptUndo)
    return UndoRequest(
        record=kept.undone,
        conflicts=kept.conflicts,
        decisions={(kind, uuid): one for kind, uuid, one in kept.decisions},
        **share(job.record),
    )


def share(record: ImportRecord) -> dict[str, Any]:
    """Return what every request takes from its record."""
    return {
        "server": record.server,
        "door": Door(record.door),
        "user": record.user,
        "user_name": record.user_name,
        "with_backup": record.with_backup,
        "idempotency_key": record.idempotency_key,
        "queued_record": record.pk,
    }
