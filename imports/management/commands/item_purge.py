"""manage.py item_purge: delete items for good."""

from argparse import ArgumentTypeError
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser

from flows.content.fields import Kind
from flows.counting import format_count
from flows.texts import make_printable, quote
from flows.users import User
from imports.management import console
from imports.purging.errors import PurgeRefused
from imports.purging.read import ItemRemains, Key
from imports.purging.service import Purge, preview_purge, purge_items
from imports.report import make_answer

_EPILOG = """\
examples:
  see what there is of a flow, write nothing:
    manage.py item_purge flow c4492541-118e-4e23-9450-f2d28204ebee --dry-run
  delete two connections for good, after a question:
    manage.py item_purge connection UUID UUID --server production

The row, its named saves and every other saved state are removed. Lines of records stay, without
the name and what they say of the item; waiting uploads and built exports that hold it are removed.
Nothing of this can be undone, and no import be undone as far as it wrote the item. Backups that
were made before still hold it, and so do export files and saved plans.

stdout carries one JSON object, stderr everything for people. exit codes: 0 done or declined,
2 usage, or no such item, 3 live items use it, 4 an import is running, 7 not permitted, 8 wrong or
unknown server, 1 anything else.
"""


class Command(BaseCommand):
    help = "Delete flows, connections or secrets for good, with all that the server keeps of them."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, **console.make_help_options(_EPILOG), **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = [str(kind) for kind in Kind]
        parser.add_argument("kind", choices=kinds, help="what they are")
        parser.add_argument("uuids", nargs="+", type=_read_uuid, metavar="UUID", help="which ones")
        console.add_server_argument(parser, has_default=False)
        console.add_prompt_argument(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be removed, write nothing"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="delete also what live items use, which then refer to nothing",
        )
        parser.add_argument(
            "--user",
            metavar="NAME",
            help="as this user of the server, with their rights; without it, as the account of "
            "this shell, which may do everything",
        )

    def handle(
        self, *, kind: str, uuids: list[str], server: str, user: str | None, **options: Any
    ) -> None:
        if not (options["dry_run"] or options["no_prompt"]):
            console.require_terminal()
        keys = [(Kind(kind), uuid) for uuid in uuids]
        with console.refuse_errors(self, server), console.target_known_server(server):
            acting = console.find_user(user, server)
            purge = preview_purge(keys, user=acting)
            self._show(purge)
            if not options["dry_run"]:
                asks = not options["no_prompt"] and (options["force"] or not purge.is_used)
                if asks and not console.confirm(self, _make_question(purge, server)):
                    console.print_cancelled(self)
                    return
                purge = self._purge(keys, acting, force=options["force"])
                console.print_line(self, f"Deleted {_count(purge)} of {server} for good.")
        data = {
            "isDone": not options["dry_run"],
            "items": [_describe(item) for item in purge.items],
            "uploads": [upload.pk for upload in purge.uploads],
            "exports": purge.export_count,
        }
        console.print_json(self, make_answer(HTTPStatus.OK, data))

    def _purge(self, keys: list[Key], user: User | None, *, force: bool) -> Purge:
        try:
            name = console.get_user_name(user)
            return purge_items(keys, user=user, user_name=name, with_used=force)
        except PurgeRefused:
            console.print_line(self, "Say --force to delete it all the same.")
            raise

    def _show(self, purge: Purge) -> None:
        for item in purge.items:
            console.print_line(self, f"  - {_format_item(item)}")
            for one in item.users:
                console.print_line(self, f"    ! used by the {one.kind} {quote(one.name)}")
        for upload in purge.uploads:
            of = make_printable(upload.user.get_username())
            name = quote(upload.file_name)
            console.print_line(self, f"  - the upload {name} of {of}, which names it")
        if purge.export_count:
            console.print_line(self, f"  - {format_count(purge.export_count, 'built export')}")


def _read_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no uuid") from None


def _count(purge: Purge) -> str:
    return format_count(len(purge.items), "item")


def _make_question(purge: Purge, server: str) -> str:
    return f"Delete {_count(purge)} of the server {quote(server)} for good?"


def _format_item(item: ItemRemains) -> str:
    name = f" {quote(item.name)}" if item.name is not None else ", whose row is gone already"
    states = format_count(item.versions, "saved state")
    lines = format_count(item.lines, "line")
    return f"the {item.kind} {item.uuid}{name}: {states}; {lines} of records keep the uuid alone"


def _describe(item: ItemRemains) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "uuid": item.uuid,
        "name": item.name,
        "versions": item.versions,
        "lines": item.lines,
        "usedBy": [
            {"kind": one.kind.value, "uuid": one.uuid, "name": one.name} for one in item.users
        ],
    }
