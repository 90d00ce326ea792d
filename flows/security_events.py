"""Events that matter for security, under one logger and stable names.

`docs/reference/events.md` has them all. A fact of an event is a number, an address or a word of
this code: never a password, a token, a name that somebody typed, or a text of a file.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from django.db import transaction

from flows.log_context import read_log_context

LOGGER = "ziggy.security"
"""The logger of all security events."""

logger = logging.getLogger(LOGGER)

_SEVERAL_WORDS = re.compile(r'[\s"]')


class SecurityEvent(StrEnum):
    """The names of the events. They are stable: alerts and searches go by them."""

    LOGIN_SUCCEEDED = "login-succeeded"
    LOGIN_FAILED = "login-failed"
    LOGIN_REFUSED = "login-refused"
    LOGIN_THROTTLED = "login-throttled"
    LOGGED_OUT = "logged-out"
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - the name of an event
    TOKEN_THROTTLED = "token-throttled"  # noqa: S105
    KEY_ISSUED = "key-issued"
    KEY_EXCHANGED = "key-exchanged"
    KEY_REVOKED = "key-revoked"
    PERMISSION_REFUSED = "permission-refused"
    RETARGET_REFUSED = "retarget-refused"
    FORM_REFUSED = "form-refused"
    METRICS_REFUSED = "metrics-refused"
    ACCOUNT_ADDED = "account-added"
    ACCOUNT_CHANGED = "account-changed"
    ACCOUNT_DELETED = "account-deleted"
    ITEMS_PURGED = "items-purged"
    DATABASE_FETCHED = "database-fetched"
    DATABASE_RESTORED = "database-restored"
    ENCRYPTION_KEYS_ROTATED = "encryption-keys-rotated"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """What an event says, for the reference."""

    level: int
    meaning: str
    facts: tuple[str, ...] = ()


FACTS: Mapping[str, str] = {
    "account": "the number of the account that it is about; none where no account has the name",
    "system_user": "of a command without an account: the operating system's user",
    "address": "the caller's address; of IPv6, its /64 network",
    "keys": "how many keys",
    "key": "the first 12 characters of the key's stored digest, of which nothing can be derived",
    "new_key": "the same of the key that took its place",
    "logins": "how many logins to the API",
    "permission": "the permissions that are missing, with commas",
    "method": "GET, POST and so on",
    "route": "the name of the address, never the address itself",
    "items": "how many items",
    "sessions": "how many sessions",
    "server": "the friendly name of the server",
    "values": "how many stored values",
}
"""The facts of events beside `user`, `request_id` and `run`, and what each one is."""

_ABOUT_CALLER = ("account", "address")
KINDS: Mapping[SecurityEvent, EventKind] = {
    SecurityEvent.LOGIN_SUCCEEDED: EventKind(
        level=logging.INFO, meaning="Somebody logged in.", facts=_ABOUT_CALLER
    ),
    SecurityEvent.LOGIN_FAILED: EventKind(
        level=logging.WARNING,
        meaning="A wrong name, a wrong password, or an account that is not active.",
        facts=_ABOUT_CALLER,
    ),
    SecurityEvent.LOGIN_REFUSED: EventKind(
        level=logging.WARNING,
        meaning="The password was right, and the account may not use the admin.",
        facts=_ABOUT_CALLER,
    ),
    SecurityEvent.LOGIN_THROTTLED: EventKind(
        level=logging.WARNING,
        meaning="Not tried: there were too many wrong passwords before.",
        facts=("address",),
    ),
    SecurityEvent.LOGGED_OUT: EventKind(
        level=logging.INFO,
        meaning="Somebody logged out. A key that does is revoked: see `key-revoked`.",
        facts=("account",),
    ),
    SecurityEvent.TOKEN_REFUSED: EventKind(
        level=logging.WARNING,
        meaning="The API was sent a token that is wrong, expired or revoked.",
        facts=("address",),
    ),
    SecurityEvent.TOKEN_THROTTLED: EventKind(
        level=logging.WARNING,
        meaning="As `token-refused`, after too many of them.",
        facts=("address",),
    ),
    SecurityEvent.KEY_ISSUED: EventKind(
        level=logging.WARNING, meaning="A key for automation was made.", facts=("account", "key")
    ),
    SecurityEvent.KEY_EXCHANGED: EventKind(
        level=logging.WARNING,
        meaning="A key was exchanged for a new one.",
        facts=("account", "key", "new_key"),
    ),
    SecurityEvent.KEY_REVOKED: EventKind(
        level=logging.WARNING,
        meaning="A key or login was revoked, in the admin or by a key that logs out; with `keys`, "
        "all of an account that was deactivated.",
        facts=("account", "key", "keys"),
    ),
    SecurityEvent.PERMISSION_REFUSED: EventKind(
        level=logging.WARNING,
        meaning="An account tried what it may not do.",
        facts=("account", "permission", "method", "route"),
    ),
    SecurityEvent.RETARGET_REFUSED: EventKind(
        level=logging.WARNING,
        meaning="An account without the right tried to send a stored secret somewhere new.",
        facts=("account", "permission"),
    ),
    SecurityEvent.FORM_REFUSED: EventKind(
        level=logging.WARNING,
        meaning="A form had no token of its session (CSRF): an old page, or another site's.",
        facts=("route",),
    ),
    SecurityEvent.METRICS_REFUSED: EventKind(
        level=logging.WARNING,
        meaning="Somebody asked for the metrics who may not.",
        facts=("address",),
    ),
    SecurityEvent.ACCOUNT_ADDED: EventKind(
        level=logging.WARNING, meaning="An account was made in the admin.", facts=("account",)
    ),
    SecurityEvent.ACCOUNT_CHANGED: EventKind(
        level=logging.WARNING,
        meaning="An account was changed in the admin: its rights, its password, or other data.",
        facts=("account",),
    ),
    SecurityEvent.ACCOUNT_DELETED: EventKind(
        level=logging.WARNING, meaning="An account was deleted in the admin.", facts=("account",)
    ),
    SecurityEvent.ITEMS_PURGED: EventKind(
        level=logging.WARNING,
        meaning="Items were deleted for good, with all their saved states.",
        facts=("account", "system_user", "items"),
    ),
    SecurityEvent.DATABASE_FETCHED: EventKind(
        level=logging.WARNING,
        meaning="A copy of the whole database was fetched.",
        facts=("account",),
    ),
    SecurityEvent.DATABASE_RESTORED: EventKind(
        level=logging.WARNING,
        meaning="The database was restored, and what gave access was ended.",
        facts=("system_user", "server", "sessions", "keys", "logins"),
    ),
    SecurityEvent.ENCRYPTION_KEYS_ROTATED: EventKind(
        level=logging.WARNING,
        meaning="Stored secrets were sealed with the present key.",
        facts=("values",),
    ),
}

Listener = Callable[[SecurityEvent], None]
_listeners: list[Listener] = []
_noted: ContextVar[list[SecurityEvent] | None] = ContextVar("noted_events", default=None)


def log_security_event(event: SecurityEvent, **facts: str | int | None) -> None:
    """Log the event. The line has its name first, and what is known of the request."""
    if unknown := facts.keys() - {*KINDS[event].facts}:
        raise LookupError(f"{event} has no facts {sorted(unknown)}: add them to its kind.")
    known = {name: value for name, value in facts.items() if value is not None}
    user = read_log_context().get("user")
    shown = {**({} if user is None else {"user": user}), **known}
    text = " ".join([event, *(f"{name}={_make_word(value)}" for name, value in shown.items())])
    logger.log(
        KINDS[event].level,
        "%s",
        text,
        extra={"security_event": str(event), "security_facts": known},
    )
    for listen in _listeners:
        listen(event)
    if (noted := _noted.get()) is not None:
        noted.append(event)


def log_security_event_on_commit(
    event: SecurityEvent, *, using: str, **facts: str | int | None
) -> None:
    """Log the event once the transaction of that database is committed: at once where none is open.

    What is rolled back leaves no event.
    """
    transaction.on_commit(partial(log_security_event, event, **facts), using=using, robust=True)


def _make_word(value: str | int) -> str:
    """Return the value as one word of a line: no name of a server or user makes another fact."""
    text = str(value)
    return json.dumps(text) if _SEVERAL_WORDS.search(text) else text


def register_listener(listen: Listener) -> None:
    """Register what is told of every event, whatever the level of the log, when Django starts."""
    if listen not in _listeners:
        _listeners.append(listen)


@contextmanager
def note_security_events() -> Iterator[list[SecurityEvent]]:
    """Yield a list that has the events of the block, when they are logged."""
    events: list[SecurityEvent] = []
    around = _noted.get()
    token = _noted.set(events)
    try:
        yield events
    finally:
        _noted.reset(token)
        if around is not None:
            around += events
