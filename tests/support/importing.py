"""Export files and requests for tests, in as few words as a test needs."""

import json
import os
from pathlib import Path
from typing import Any

from django.db import connection as database

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from imports.importing.request import ImportRequest
from imports.importing.service import run_import
from imports.models import Door, ImportRecord, PendingImport
from imports.plans.plan import Mode, Plan
from imports.runs.carrying_out import Outcome
from imports.uploads import pending as uploads
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.ordinary import ordinary_item

SERVER = "local"
ALL_CODES = tuple(MAY_ACKNOWLEDGE)
"""The codes of the warnings that may have to be acknowledged."""


def uuid_of(kind: str, number: int) -> str:
    """A uuid that shows what it is: `f`, `c` or `5` for the three kinds, and a number."""
    return f"{kind * 8}-0000-4000-8000-{number:012}"


def bare(digit: str, number: int, name: str) -> dict[str, Any]:
    """An item of a file that says its uuid and its name and nothing else."""
    return {"uuid": uuid_of(digit, number), "name": name}


def flow(number: int, name: str, **keys: Any) -> dict[str, Any]:
    """A flow of a file, with an ordinary graph unless its nodes or edges are given."""
    return ordinary_item("flow", {**bare("f", number, name), **keys})


def connection(number: int, name: str, **keys: Any) -> dict[str, Any]:
    """A connection of a file, with an ordinary value unless its own are given."""
    return ordinary_item("connection", {**bare("c", number, name), **keys})


def secret(number: int, name: str, **keys: Any) -> dict[str, Any]:
    return {**bare("5", number, name), **keys}


def export_file(*items: dict[str, Any], **top_level: Any) -> bytes:
    """The bytes of an export file: each item goes to its kind's list by its uuid's first digit."""
    lists = {
        plural: [item for item in items if item["uuid"].lower().startswith(digit)]
        for plural, digit in (("flows", "f"), ("connections", "c"), ("secrets", "5"))
    }
    return json.dumps({**lists, **top_level}).encode()


def request_for(payload: bytes, mode: str = "overwrite", **changes: Any) -> ImportRequest:
    """A request without a backup, as somebody named alice makes it by the command.

    She acknowledges every warning that must be, unless `accept` says otherwise.
    """
    defaults: dict[str, Any] = {
        "file_name": "zexport.json",
        "server": SERVER,
        "door": Door.COMMAND,
        "user_name": "alice",
        "with_backup": False,
        "accept": ALL_CODES,
    }
    return ImportRequest(payload=payload, mode=Mode(mode), **{**defaults, **changes})


def import_items(*items: dict[str, Any], mode: str = "overwrite", **changes: Any) -> Outcome[Plan]:
    """Import a file with these items."""
    return run_import(request_for(export_file(*items), mode, **changes))


def confirmed(pending: PendingImport) -> ImportRecord:
    """The record of the upload, which somebody confirms as it stands, with every tick."""
    shown = get_token(pending, read_page(pending))
    return uploads.confirm(pending, shown=shown, accept=ALL_CODES)


def results(outcome: Any) -> list[tuple[str, str]]:
    """Name and result of every item, in the file's order."""
    return [(change.item.name, change.result.value) for change in outcome.plan]


def backup_files(directory: Path) -> list[Path]:
    """The backups in the directory by name, without their notes."""
    return sorted(file for file in directory.iterdir() if file.suffix != ".json")


def database_url(name: str | None = None) -> str:
    """The URL of the tests' database, or of another one of that name beside it."""
    at = database.settings_dict
    name = name or str(at["NAME"])
    if database.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{name}"


def child_environment(**variables: str) -> dict[str, str]:
    """The environment of a process that works on the tests' database."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "ziggy_site.settings",
        **variables,
    }
