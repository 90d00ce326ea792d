"""Every variable of the environment that the site and its servers read: one declaration for each.

What reads it, what checks it and the table in docs/reference/settings.md all follow from these.
`Environment.read` refuses a name that is not here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flows.conf import Ziggy

DEVELOPMENT_SECRET_KEY = "development-only-secret-key-that-everybody-can-read"  # noqa: S105
DEVELOPMENT_ENCRYPTION_KEY = "ZGV2ZWxvcG1lbnQtb25seS1rZXktbm90LXNlY3JldCE="
"""Both are public, so that neither is taken once DEBUG is off."""

_HSTS_SECONDS = 365 * 24 * 3600


class Holds(StrEnum):
    """What a variable holds, in the words of an error."""

    TEXT = "a text"
    TEXTS = "texts, separated by commas"
    SWITCH = "1 or 0"
    WHOLE_NUMBER = "a whole number"
    WHOLE_NUMBER_OR_NONE = "a whole number, or none"
    NUMBER = "a number"
    NUMBER_OR_NONE = "a number, or none"
    LOG_LEVEL = "a level of the log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable: what it holds, what it does, and what holds without it."""

    name: str
    kind: Holds
    default: Any
    effect: str
    """A sentence or two, in Markdown."""
    is_secret: bool = False
    """Whether it may hold a password or a key: then NAME_FILE may name a file that has it."""
    default_words: str = ""
    """The default for people, where it is not a plain value."""


def _declare(kind: Holds, name: str, default: Any, effect: str, **more: Any) -> Variable:
    return Variable(name=name, kind=kind, default=default, effect=effect, **more)


def _declare_ziggy(kind: Holds, key: str, effect: str, **more: Any) -> Variable:
    """Return the variable of a key of the setting ZIGGY, which has the same default."""
    return _declare(kind, f"ZIGGY_{key}", getattr(Ziggy, key), effect, **more)


# The site reads them, and gunicorn's configuration too.
_LOG_FORMAT = _declare(
    Holds.TEXT, "ZIGGY_LOG_FORMAT", "line",
    "`json` writes the log as one JSON object a line, with the extra `logs`: see "
    "[how to monitor](../how-to/monitor.md).",
)  # fmt: skip
_METRICS = _declare_ziggy(
    Holds.SWITCH, "METRICS",
    "With `1`, [metrics](metrics.md) are counted and served at `/metrics`, with the extra "
    "`metrics`, to those whom the next two name; without these, to nobody.",
)  # fmt: skip

_SITE = (
    _declare(
        Holds.TEXT, "DATABASE_URL", None, "The database.", is_secret=True,
        default_words="`db.sqlite3` beside `manage.py`",
    ),
    _declare(
        Holds.SWITCH, "DEBUG", True,
        "Set it to `0` in production: then `SECRET_KEY` and `ZIGGY_ENCRYPTION_KEYS` are required.",
    ),
    _declare(
        Holds.TEXT, "SECRET_KEY", "", "Django's key for sessions and forms.", is_secret=True,
        default_words="development only",
    ),
    _declare(
        Holds.TEXT, "ZIGGY_ENCRYPTION_KEYS", "",
        "Fernet keys for secret values, separated by commas. The first one encrypts, all of them "
        "decrypt.",
        is_secret=True, default_words="development only",
    ),
    _declare(
        Holds.TEXTS, "ALLOWED_HOSTS", (),
        "Host names that the site answers to, separated by commas.",
    ),
    _declare(
        Holds.TEXTS, "CSRF_TRUSTED_ORIGINS", (),
        "Origins that forms may come from, separated by commas.",
    ),
    _declare_ziggy(Holds.TEXT, "SERVER_NAME", "This instance's friendly name."),
    _declare(
        Holds.TEXT, "ZIGGY_SERVERS", "",
        "Registered servers: `NAME=DATABASE_URL,NAME=DATABASE_URL`.", is_secret=True,
    ),
    _declare(
        Holds.TEXT, "ZIGGY_BACKUP_DIR", None, "Where backups are written.",
        default_words="`backups` beside `manage.py`",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "BACKUP_KEEP",
        "How many of the newest backups of a server are kept, however old.",
    ),
    _declare_ziggy(Holds.NUMBER, "BACKUP_DAYS", "How many days every backup is kept."),
    _declare_ziggy(
        Holds.WHOLE_NUMBER_OR_NONE, "BACKUP_MAX_BYTES",
        "The most bytes of all backups of a server together. Beyond it the oldest are removed, the "
        "newest never. `none` is no limit.",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "BACKUPS_PER_DAY",
        "How many backups an account may ask the API for in a day.",
    ),
    _declare_ziggy(Holds.WHOLE_NUMBER, "BACKUP_TIMEOUT", "Seconds that `pg_dump` may take."),
    _declare_ziggy(
        Holds.NUMBER_OR_NONE, "HISTORY_DAYS",
        "How many days all records of runs are kept, with their items and named saves; `none` "
        "keeps them for ever.",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "HISTORY_KEEP_RUNS",
        "How many of the newest runs are kept, however old.",
    ),
    _declare_ziggy(
        Holds.NUMBER, "KEPT_PLAN_DAYS",
        "How many days a plan that is kept on the server can be looked at and applied.",
    ),
    _declare_ziggy(
        Holds.NUMBER, "UNDO_DAYS",
        "How many days a run must stay possible to undo, at most `ZIGGY_HISTORY_DAYS`. "
        "`history_prune --days` goes no lower.",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "MAX_IMPORT_BYTES",
        "The largest file that is read, in bytes without white space between values. With it, a "
        "file may have four times as many.",
    ),
    _declare_ziggy(Holds.NUMBER, "LOCK_WAIT", "Seconds that an import waits for another one."),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "MOST_LOCK_WAIT",
        "The most seconds that a caller of the API may ask to wait. A waiting call occupies a "
        "thread.",
    ),
    _declare_ziggy(
        Holds.TEXTS, "MUST_ACKNOWLEDGE",
        "Which warnings must be [acknowledged](warnings.md#acknowledged-warnings) before an "
        "import, by their codes, separated by commas; empty, none.",
    ),
    _declare_ziggy(
        Holds.SWITCH, "CONFIRM_SERVER_NAME",
        "With `1`, whoever imports in the admin must type the server's name.",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "HASHES_AT_ONCE",
        "How many passwords each process hashes at once. Whoever logs in beyond that gets 503, "
        "`too-many-logins`, at once. Fewer than `ZIGGY_THREADS`, so that threads are left for "
        "everybody else.",
    ),
    _declare_ziggy(
        Holds.SWITCH, "BACKGROUND",
        "With `1`, long imports, undos and exports are left to workers (`background_worker`), on "
        "PostgreSQL with the extra `background`. On SQLite they run where they are asked for.",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "BACKGROUND_BYTES",
        "Uploads in the admin that are larger are imported by a worker, where there are workers; "
        "in bytes without white space.",
    ),
    _declare_ziggy(
        Holds.NUMBER, "DRILL_HOURS",
        "After how many hours a worker [verifies the newest backup]"
        "(../how-to/run-work-in-the-background.md#the-drill) once more; `0` is never.",
    ),
    _declare_ziggy(
        Holds.NUMBER, "STATEMENT_TIMEOUT",
        "Seconds that PostgreSQL may take over one statement of a page or an answer (then 503, "
        "`statement-timeout`); `0` is no limit. Imports, undos, backups and commands have none. On "
        "SQLite no statement is limited.",
    ),
    _declare(
        Holds.SWITCH, "BEHIND_TLS_PROXY", False,
        "With `1`, `X-Forwarded-Proto` of a proxy in front is trusted.",
    ),
    _declare(
        Holds.WHOLE_NUMBER, "ZIGGY_PROXIES", None,
        "How many proxies stand in front, to tell callers apart by address.",
        default_words="`0`, or `1` with `BEHIND_TLS_PROXY`",
    ),
    _declare_ziggy(Holds.NUMBER, "TOKEN_HOURS", "Hours that a login to the API lasts."),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "KEY_DAYS",
        "Days that a key for automation lasts at most. The form of the admin offers 90.",
    ),
    _declare_ziggy(
        Holds.WHOLE_NUMBER, "TOKENS_PER_USER",
        "How many logins a user may have, and how many keys.",
    ),
    _declare(
        Holds.SWITCH, "SECURE_SSL_REDIRECT", True,
        "Redirect plain HTTP to HTTPS, with `DEBUG` off.",
    ),
    _declare(
        Holds.WHOLE_NUMBER, "SECURE_HSTS_SECONDS", _HSTS_SECONDS,
        "Seconds that browsers keep to HTTPS, for this host and those below it, with `DEBUG` off.",
    ),
    _declare(
        Holds.SWITCH, "SECURE_HSTS_PRELOAD", False,
        "Allow browsers' lists of HTTPS sites to have the domain.",
    ),
    _declare(
        Holds.LOG_LEVEL, "LOG_LEVEL", "WARNING",
        "The level of the log on stderr. [Security events](events.md) are logged whatever it is.",
    ),
    _LOG_FORMAT,
    _METRICS,
    _declare_ziggy(
        Holds.TEXT, "METRICS_TOKEN",
        "What must be sent to read the metrics, as `Authorization: Bearer TOKEN`: 32 characters or "
        "more.",
        is_secret=True,
    ),
    _declare_ziggy(
        Holds.TEXTS, "METRICS_FROM",
        "Addresses and networks from which the metrics may be read, separated by commas. With a "
        "token too, both are needed.",
    ),
    _declare_ziggy(
        Holds.TEXT, "WORKER_METRICS_BIND",
        "With `ZIGGY_METRICS`, the address (`HOST:PORT`) at which each worker serves what it "
        "counts, at `/metrics`: for containers, which share no `PROMETHEUS_MULTIPROC_DIR`.",
        default_words="none",
    ),
)  # fmt: skip

_GUNICORN = (
    _declare(Holds.TEXT, "ZIGGY_BIND", "127.0.0.1:8000", "The address that gunicorn listens at."),
    _declare(Holds.WHOLE_NUMBER, "ZIGGY_WORKERS", 2, "Processes."),
    _declare(Holds.WHOLE_NUMBER, "ZIGGY_THREADS", 8, "Threads in each process."),
    _declare(
        Holds.WHOLE_NUMBER, "ZIGGY_WORKER_TIMEOUT", 60,
        "Seconds without a sign of life of a worker, not of a request: a long import is not cut "
        "off.",
    ),
    _declare(
        Holds.WHOLE_NUMBER, "ZIGGY_GRACEFUL_TIMEOUT", 120,
        "Seconds for requests to end when the service is stopped.",
    ),
    _declare(
        Holds.WHOLE_NUMBER, "ZIGGY_KEEPALIVE", 75,
        "Seconds that a connection of the proxy is kept open.",
    ),
    _declare(
        Holds.TEXT, "PROMETHEUS_MULTIPROC_DIR", "",
        "With `ZIGGY_METRICS`, the directory in which all processes of this machine count: in "
        "memory, and for this service alone. Workers and commands that are to be counted with the "
        "web processes have the same one.",
        default_words="a directory in `/dev/shm` for as long as gunicorn runs",
    ),
)  # fmt: skip

SITE_VARIABLES = {each.name: each for each in _SITE}
"""Those that ziggy_site/settings.py reads."""

SERVER_VARIABLES = {each.name: each for each in _GUNICORN}
"""Those that deploy/gunicorn.conf.py reads."""

VARIABLES = SITE_VARIABLES | SERVER_VARIABLES
