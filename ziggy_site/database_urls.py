"""Read the databases of the environment: DATABASE_URL, and the list of ZIGGY_SERVERS.

Errors have the names of the variable and of the entry, never its text, which may contain a
password.
"""

from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_EXAMPLE = "postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:///PATH"
_QUOTING = "Write what is special in a URL (@ : / ? # % and commas) as %40 and so on."


def read_database(url: str, *, of: str) -> dict[str, Any]:
    """Return Django's settings of a database, with what each engine needs for safe imports.

    Raises ImproperlyConfigured where the URL is none of a database; `of` is its name in the error.
    """
    database = _parse(url, of)
    if database["ENGINE"].endswith("sqlite3"):
        # IMMEDIATE takes the write lock when a transaction begins: a deferred one that reads
        # first and writes later fails at once when another process wrote in between.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        database["TEST"] = {"NAME": f"{database['NAME']}.test.sqlite3"}
    return database


def read_servers(text: str, *, taken: set[str]) -> dict[str, str]:
    """Return the URLs of `NAME=DATABASE_URL,NAME=DATABASE_URL`, by name.

    Raises ImproperlyConfigured where that is malformed, or a name is given twice or `taken`.
    """
    servers: dict[str, str] = {}
    entries = [entry.strip() for entry in text.split(",")]
    for number, entry in enumerate(entries, start=1):
        name, equals, url = (part.strip() for part in entry.partition("="))
        if not entry and len(entries) == number:  # a comma at the end, or nothing at all
            continue
        if not (name and equals and url) or "://" in name:
            raise ImproperlyConfigured(
                f"ZIGGY_SERVERS: entry {number} is not NAME=DATABASE_URL. {_QUOTING}"
            )
        if name in taken:
            raise ImproperlyConfigured(
                f"ZIGGY_SERVERS must not have the name {name}: it is that of this instance."
            )
        if name in servers:
            raise ImproperlyConfigured(f"ZIGGY_SERVERS: the name {name} is given twice.")
        servers[name] = url
    return servers


def _parse(url: str, of: str) -> dict[str, Any]:
    wrong = ImproperlyConfigured(f"{of} is not the URL of a database: {_EXAMPLE}. {_QUOTING}")
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60))
    except (ValueError, KeyError):  # their texts may quote the URL
        raise wrong from None
    if not database.get("ENGINE") or not database.get("NAME"):
        raise wrong
    return database
