"""List, take and restore named saves of one item: the command of imports.named_saves."""

from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.text import capfirst
from reversion.models import Version
from rich.console import Console

from flows.content.fields import Kind
from flows.content.representation import format_time
from flows.counting import format_count
from flows.models import Item
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves.named_saves import list_saves
from flows.saves.saved_states import PRE_RESTORE, get_present_row
from flows.texts import make_printable, quote
from flows.users import User
from imports.management import console
from imports.management.plan_lines import format_fields
from imports.management.text_columns import format_columns
from imports.named_saves import Restoring, find_item, preview_restore, restore, take_save
from imports.records.item_history import find_records_by_save
from imports.report import make_answer

_HEADINGS = ("NUMBER", "NAME", "WHEN", "WHO", "IMPORT")

_EXAMPLES = {
    "list": """\
  the saves of a flow, by its name or its uuid, newest first:
    manage.py named_save list "SMS Test"
  those of a secret of another server:
    manage.py named_save list API_KEY --kind secret --server production""",
    "take": """\
  keep the present state before working on it:
    manage.py named_save take "SMS Test" --name "before the rebuild\"""",
    "restore": """\
  see what restoring save 12 would change, then do it after a question:
    manage.py named_save restore 12 --dry-run
    manage.py named_save restore 12
  in a script, as one of the server's users:
    manage.py named_save restore 12 --no-prompt --user ada""",
}

_MORE = f"""\
Every import takes a save "Pre import" of an item before it overwrites it. Restoring a save first
saves the state until now as "{PRE_RESTORE}", so that it can be taken back too. Only that item
changes. A save holds no value of a secret: restoring a secret leaves its values as they are.

stdout carries one JSON object, stderr everything for people. exit codes: 0 done or declined,
2 usage, or no such item or save, 3 the save cannot be restored, 5 the item was changed meanwhile,
7 not permitted, 8 wrong or unknown server, 1 anything else.
"""


class Command(BaseCommand):
    help = "List, take and restore the named saves of one flow, connection or secret."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, **_make_help_options(*_EXAMPLES.values()), **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|take|restore")

        def add(name: str, help_text: str) -> CommandParser:
            options = _make_help_options(_EXAMPLES[name])
            return actions.add_parser(
                name, help=help_text, description=f"{capfirst(help_text)}.", **options
            )

        listing = add("list", "the saves of an item, newest first")
        _add_item(listing)
        taking = add("take", "save an item's present state under a name")
        _add_item(taking)
        taking.add_argument("--name", required=True, metavar="NAME", help="the name of the save")
        restoring = add("restore", "put an item back into the state of a save")
        restoring.add_argument(
            "save", metavar="SAVE", help="its number, as list tells it, or its uuid in the API"
        )
        restoring.add_argument(
            "--dry-run", action="store_true", help="show what would change, write nothing"
        )
        console.add_prompt_argument(restoring)
        for action in (listing, taking, restoring):
            console.add_server_argument(action, has_default=action is listing)
            action.add_argument(
                "--user",
                metavar="NAME",
                help="as this user of the server: with their rights, and under their name in the "
                "save; without it, as the account of this shell, which may do everything",
            )

    def handle(self, *, action: str, server: str, user: str | None, **options: Any) -> None:
        if action == "restore" and not (options["dry_run"] or options["no_prompt"]):
            console.require_terminal()
        with console.refuse_errors(self, server), console.target_known_server(server):
            acting = console.find_user(user, server)
            if action == "restore":
                self._restore(server, acting, options)
            else:
                kind = options["kind"] and Kind(options["kind"])
                item = find_item(options["item"], kind=kind, user=acting)
                if action == "list":
                    self._list(item)
                else:
                    self._take(item, options["name"], acting)

    def _list(self, item: Item) -> None:
        records = find_records_by_save(item)
        saves = list_saves(item)
        saves_data = [
            {**_describe_save(save), "import": records.get(save.revision_id)} for save in saves
        ]
        lines = format_columns(_HEADINGS, [(_make_cells(save), "") for save in saves_data])
        Console(stderr=True, highlight=False).print(*lines, sep="\n", soft_wrap=True)
        counted = format_count(len(saves_data), "save")
        console.print_line(self, f"{counted} of the {item.kind} {quote(str(item))}")
        console.print_json(
            self, make_answer(HTTPStatus.OK, {"item": _describe_item(item), "saves": saves_data})
        )

    def _take(self, item: Item, name: str, user: User | None) -> None:
        save = take_save(item, name, user=user)
        save_data = _describe_save(save)
        console.print_line(self, f"Saved the {item.kind} {quote(str(item))}: save {save.pk}.")
        console.print_json(
            self, make_answer(HTTPStatus.CREATED, {"item": _describe_item(item), "save": save_data})
        )

    def _restore(self, server: str, user: User | None, options: dict[str, Any]) -> None:
        restoring = preview_restore(options["save"], user=user)
        self._show(restoring)
        before = None
        if restoring.changes and not options["dry_run"]:
            if not (
                options["no_prompt"] or console.confirm(self, _make_question(restoring, server))
            ):
                console.print_cancelled(self)
                return
            before = restore(restoring, user=user, user_name=console.get_user_name(user))
            console.print_line(self, f"Restored. What was before is the save {before.pk}.")
        data = {
            "item": _describe_item(restoring.item),
            "save": _describe_save(restoring.save),
            "isRestored": before is not None,
            "savedBefore": before and _describe_save(before),
            "changedKeys": [field.key for field in restoring.fields],
            "notes": list(restoring.notes),
        }
        console.print_json(self, make_answer(HTTPStatus.OK, data))

    def _show(self, restoring: Restoring) -> None:
        item = restoring.item
        console.print_line(self, f"Save {_format_save(restoring.save)} of {_format_item(item)}:")
        for text in format_fields(restoring.fields):
            console.print_line(self, f"  ~ {text}")
        for note in restoring.notes:
            console.print_line(self, f"  ! {note}")
        if not restoring.changes:
            console.print_line(
                self, f"The {item.kind} is in this state already: nothing to restore."
            )


def _make_help_options(*examples: str) -> dict[str, Any]:
    """Return the options of a parser whose help ends with these examples."""
    return console.make_help_options("\n".join(["examples:", *examples, "", _MORE]))


def _add_item(parser: CommandParser) -> None:
    parser.add_argument("item", metavar="ITEM", help="its uuid, or its exact name")
    parser.add_argument(
        "--kind",
        choices=[str(kind) for kind in Kind],
        help="what it is; without it, ITEM is looked for among all kinds",
    )


def _describe_item(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "uuid": str(item.uuid),
        "name": get_present_row(item)["name"],
        "isDeleted": item.is_deleted,
    }


def _describe_save(save: Version) -> dict[str, Any]:
    revision = save.revision
    return {
        "number": save.pk,
        "uuid": str(make_save_uuid(save.pk)),
        "saveName": revision.comment,
        "createdAt": format_time(revision.date_created),
        "createdBy": revision.user.get_username() if revision.user else None,
    }


def _make_cells(save: dict[str, Any]) -> list[str]:
    keys = ("number", "saveName", "createdAt", "createdBy", "import")
    return [make_printable(str(save[key] or "")) for key in keys]


def _format_item(item: Item) -> str:
    return f"the {item.kind} {quote(str(item))} ({item.uuid})"


def _format_save(save: Version) -> str:
    revision = save.revision
    return f"{save.pk} {quote(revision.comment)} of {format_time(revision.date_created)}"


def _make_question(restoring: Restoring, server: str) -> str:
    item = restoring.item
    return (
        f"Put {_format_item(item)} on the server {quote(server)} back into the state of the save "
        f"{_format_save(restoring.save)}?"
    )
