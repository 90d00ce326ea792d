"""List the flows of a server."""

from argparse import ArgumentParser
from http import HTTPStatus
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.content import canonical
from flows.counting import format_count
from flows.models import Flow
from imports.management.console import (
    add_server_argument,
    print_json,
    refuse_errors,
    target_known_server,
)
from imports.management.text_columns import format_columns
from imports.report import make_answer

_HEADINGS = ("NAME", "LISTENER", "TAGS", "UPDATED", "UUID")


class Command(BaseCommand):
    help = "List the flows of a server as a table, or as JSON with --json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_server_argument(parser)  # type: ignore[arg-type]
        parser.add_argument("--search", default="", metavar="TEXT", help="names that hold the text")
        parser.add_argument(
            "--tags", default="", metavar="TAG,TAG", help="flows with any of these tags"
        )
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")

    def handle(self, *, server: str, search: str, tags: str, **options: Any) -> None:
        with refuse_errors(self, server), target_known_server(server):
            flows = _read_flows(search, {tag.strip() for tag in tags.split(",") if tag.strip()})
        if options["json"]:
            print_json(self, make_answer(HTTPStatus.OK, {"flows": flows}))
        else:
            console = Console(file=cast(IO[str], self.stdout), highlight=False)
            if self.stdout.isatty():
                console.print(_make_table(flows))
            else:
                lines = format_columns(_HEADINGS, [(_make_cells(flow), "") for flow in flows])
                console.print(*lines, sep="\n", soft_wrap=True)
            console.print(format_count(len(flows), "flow"))


def _read_flows(search: str, tags: set[str]) -> list[dict[str, Any]]:
    rows = Flow.objects.filter(is_deleted=False, name__icontains=search).order_by("name", "uuid")
    flows: list[dict[str, Any]] = [
        {
            "uuid": str(uuid),
            "name": name,
            "listenerType": listener_type,
            "isSubflow": is_subflow,
            "tags": canonical.decode(text) or [],
            "updatedAt": updated_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        for uuid, name, listener_type, is_subflow, text, updated_at in rows.values_list(
            "uuid", "name", "listener_type", "is_subflow", "tags", "updated_at"
        )
    ]
    return [flow for flow in flows if not tags or tags.intersection(flow["tags"])]


def _make_table(flows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading in ("UUID", "UPDATED"))
    for flow in flows:
        table.add_row(*map(Text, _make_cells(flow)))
    return table


def _make_cells(flow: dict[str, Any]) -> list[str]:
    listener = "(subflow)" if flow["isSubflow"] else flow["listenerType"] or ""
    cells = (
        flow["name"] or "(no name)",
        listener,
        ", ".join(flow["tags"]),
        flow["updatedAt"],
        flow["uuid"],
    )
    return [_make_printable(cell) for cell in cells]


def _make_printable(text: str) -> str:
    """Return the text on one line, without control characters, which could move the cursor."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
