"""The settings of the apps: the dict `ZIGGY` of the project's settings, with defaults.

They are read when they are used, so that a project may set them however it likes:

    ZIGGY = {"SERVER_NAME": "production", "ENCRYPTION_KEYS": [...]}
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

MEGABYTE = 1024 * 1024
_MINUTE = 60
_HOUR = 60 * _MINUTE


def _get_backup_dir() -> Path:
    return Path(getattr(settings, "BASE_DIR", "")) / "backups"


@dataclass(frozen=True, kw_only=True)
class Ziggy:
    """The keys of `ZIGGY`, with their defaults."""

    SERVER_NAME: str = "local"
    """This instance's friendly name."""
    SERVERS: Mapping[str, Any] = field(default_factory=dict)
    """Registered servers: friendly names that are aliases in DATABASES, with anything as value."""
    ENCRYPTION_KEYS: Sequence[str] = ()
    """Fernet keys for secret values: the first one encrypts, all of them decrypt."""
    BACKUP_DIR: str | Path = field(default_factory=_get_backup_dir)
    """Where backups are written: `backups` in BASE_DIR, if the project's settings have that."""
    BACKUP_KEEP: int = 10
    """How many of the newest backups of a server are kept, however old."""
    BACKUP_DAYS: float = 30.0
    """How many days every backup is kept."""
    BACKUP_MAX_BYTES: int | None = None
    """The most bytes of all backups of a server together; the newest is always kept."""
    BACKUPS_PER_DAY: int = 20
    """How many backups an account may ask the API for in a day."""
    BACKUP_TIMEOUT: int = 3600
    """Seconds that pg_dump may take."""
    HISTORY_DAYS: float | None = 730.0
    """How many days all records of runs and their named saves are kept; None keeps them all."""
    HISTORY_KEEP_RUNS: int = 200
    """How many of the newest runs are kept, however old."""
    UNDO_DAYS: float = 90.0
    """How many days a run must stay possible to undo, at most HISTORY_DAYS."""
    KEPT_PLAN_DAYS: float = 30.0
    """How many days a plan that is kept on the server can be looked at and applied."""
    MAX_IMPORT_BYTES: int = 256 * MEGABYTE
    """The largest file that is read, without white space between values."""
    LOCK_WAIT: float = 5.0
    """Seconds that an import waits for another one."""
    MOST_LOCK_WAIT: int = 60
    """The most seconds that a caller of the API may ask to wait."""
    STATEMENT_TIMEOUT: float = 30.0
    """Seconds that PostgreSQL may take over one statement of a page or an answer; 0 is no limit."""
    MUST_ACKNOWLEDGE: Sequence[str] = ("secret-to-new-destination", "invisible-characters")
    """Which warnings must be acknowledged before an import, of MAY_ACKNOWLEDGE."""
    CONFIRM_SERVER_NAME: bool = False
    """Whether an import in the admin needs the server's name typed: for important servers."""
    TOKEN_HOURS: float = 24.0
    """Hours that a login to the API lasts."""
    KEY_DAYS: int = 365
    """The most days that a key for automation lasts."""
    TOKENS_PER_USER: int = 100
    """How many logins a user may have, and how many keys."""
    BACKGROUND: bool = False
    """Whether long work is left to workers (`manage.py background_worker`), on PostgreSQL."""
    BACKGROUND_BYTES: int = 5 * MEGABYTE
    """How large an upload of the admin may be that is imported while the browser waits."""
    DRILL_HOURS: float = 168.0
    """After how many hours a worker verifies the newest backup once more; 0 is never."""
    HASHES_AT_ONCE: int = 2
    """How many passwords a process hashes at once, fewer than it has threads; others try again."""
    METRICS: bool = False
    """Whether what happens is counted for Prometheus; it needs the extra `metrics`."""
    METRICS_TOKEN: str = ""
    """What a caller must send to read the metrics, as `Authorization: Bearer TOKEN`."""
    METRICS_FROM: Sequence[str] = ()
    """The addresses and networks from which the metrics may be read."""
    WORKER_METRICS_BIND: str = ""
    """The address, HOST:PORT, at which a worker serves what it counts; empty, it serves nothing."""
    ATTEMPTS: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How many attempts may be made in how many seconds, by scope, in place of the defaults."""


_FIELDS = {each.name: each for each in fields(Ziggy)}


class _LazyZiggy:
    def __getattr__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise AttributeError(name)
        given = getattr(settings, "ZIGGY", {})
        return given[name] if name in given else _get_default(name)


def _get_default(name: str) -> Any:
    factory = _FIELDS[name].default_factory
    return _FIELDS[name].default if factory is MISSING else factory()


def get_limit_of_attempts(scope: str) -> tuple[int, int]:
    """Return how many attempts of that scope may be made, and in how many seconds."""
    limits = {
        "login": (20, _HOUR),  # that fail by one name from one address
        "login-address": (100, _HOUR),  # that fail from one address
        # That fail by one name from any address. They refuse nobody: beyond that number, each
        # attempt waits for a minute at most, so that nobody can lock a user out.
        "login-name": (100, _HOUR),
        "bad-token": (60, _MINUTE),  # from one address
        "backup": (ziggy.BACKUPS_PER_DAY, 24 * _HOUR),  # by one account
        **ziggy.ATTEMPTS,
    }
    return limits[scope]


def find_unknown_settings() -> list[str]:
    """Return the keys of the project's `ZIGGY` that are no settings."""
    return sorted(getattr(settings, "ZIGGY", {}).keys() - _FIELDS.keys())


if TYPE_CHECKING:
    ziggy: Ziggy
else:
    ziggy = _LazyZiggy()
