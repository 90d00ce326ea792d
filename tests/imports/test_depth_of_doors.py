"""One limit of depth at every door: what one takes, all take, and it can come back from an export.

A depth is that of the file that an export of the item is: an item is in a list in an object. Of
the files beside an export, and of other bodies, it is their own.
"""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient
from reversion.models import Version

from flows.content.depth import MAX_DEPTH
from flows.content.fields import EXTRA, FIELDS, Kind
from flows.models import MODELS, Flow
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves
from imports.exportfile.document import parse
from imports.exporting.selection import select_everything
from imports.exporting.write import write_export
from tests.conftest import CommandResult
from tests.support.factories import FACTORIES, FlowFactory
from tests.support.importing import bare, flow, import_items, uuid_of
from tests.support.pages import as_opened, form_of
from tests.support.uploading import caller, file_part, form, send, upload, words
from tests.support.users import client_in

pytestmark = pytest.mark.django_db

CODE = "too-deep"
DEPTHS = [MAX_DEPTH + 1, 5_000, 100_000]
"""Too deep by one; for one version of Python's parser and not for the other; for both."""
DIGITS = {"flow": "f", "connection": "c", "secret": "5"}

Answer = tuple[str, str]
"""The code of a refusal, empty where it is taken, and its text. Pages show no code."""
Door = Callable[["Doors", int], Answer]


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def make_document(column: str, depth: int) -> str:
    """A document that the column takes and that an item of a file with this depth has."""
    if column == EXTRA:  # its keys are the item's
        return f'{{"x": {nested(depth - 3)}}}'
    if column == "tags":
        return nested(depth - 3)
    if column == "viewport":
        return f'{{"x": {nested(depth - 4)}}}'
    return f'[{{"uuid": "{uuid_of("c", 1)}", "x": {nested(depth - 5)}}}]'


def read_answer(response: Any) -> Answer:
    body = response.json() if response.content else {}
    return body.get("code", ""), body.get("message", "")


def read_output(result: CommandResult) -> Answer:
    return json.loads(result.out)["data"].get("code", ""), result.err


class Doors:
    """Everything that a document can be given to."""

    def __init__(self, run_command: Callable[..., CommandResult], folder: Path) -> None:
        self.api: APIClient = caller("root", admin=True)
        self.admin: Client = client_in("superuser")
        self.run_command = run_command
        self.folder = folder
        self.record = import_items(flow(1, "Sync")).record

    # --- items

    def send_item(self, kind: str, method: str, depth: int, **keys: Any) -> Answer:
        body = json.dumps({"name": "DEEP", **keys})
        path = f"/api/{kind}" + (f"/{FACTORIES[kind]().uuid}" if method == "PUT" else "")
        return self.send_body(method, path, f'{body[:-1]}, "x": {nested(depth - 3)}}}')

    def send_body(self, method: str, path: str, body: str) -> Answer:
        answer = self.api.generic(method, path, body, content_type="application/json")
        return read_answer(answer)

    def type_document(self, kind: str, column: str, depth: int, *, new: bool) -> Answer:
        item = None if new else FACTORIES[kind]()
        args = [] if item is None else [item.pk]
        page = reverse(f"admin:flows_{kind}_{'change' if item else 'add'}", args=args)
        typed = {"name": "DEEP", column: make_document(column, depth)}
        answer = self.admin.post(page, {**form_of(self.admin.get(page)), **typed})
        if answer.status_code == 302:
            return "", ""
        errors = answer.context["adminform"].form.errors.as_data()
        assert [*errors] == [column]
        [error] = errors[column]
        return error.code, error.message

    # --- files

    def make_file(self, kind: str, depth: int) -> bytes:
        item = json.dumps(bare(DIGITS[kind], 2, "DEEP"))
        return f'{{"{kind}s": [{item[:-1]}, "x": {nested(depth - 3)}}}]}}'.encode()

    def write_file(self, content: str | bytes) -> str:
        file = self.folder / "given.json"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(file)

    def import_by_command(self, content: bytes) -> Answer:
        path = self.write_file(content)
        options = ["--overwrite", "--no-prompt", "--no-backup", "-s", "local", "-fp", path]
        return read_output(self.run_command("flow_import", *options))

    def import_by_admin(self, content: bytes) -> Answer:
        file = SimpleUploadedFile("deep.json", content)
        page = reverse("admin:imports_upload")
        answer = self.admin.post(page, {"file": file, "mode": "overwrite"})
        return self.read_page(answer)

    def read_page(self, answer: Any) -> Answer:
        text = answer.content.decode()
        return (CODE if "may be nested at most" in text else ""), text

    # --- files beside an export

    def run_with_file(self, option: str, content: str) -> Answer:
        (self.folder / "export.json").write_bytes(self.make_file("flow", 4))
        mode = [] if option == "--apply-plan" else ["--overwrite"]
        export = str(self.folder / "export.json")
        options = [*mode, "--no-prompt", "--no-backup", "-s", "local", "-fp", export]
        path = self.write_file(content)
        return read_output(self.run_command("flow_import", *options, option, path))

    def send_part(self, part: str, content: str) -> Answer:
        mode = {} if part == "plan" else {"duplicatesMode": "OVERWRITE"}
        export = file_part(self.make_file("flow", 4))
        given = file_part(content.encode(), name=part)
        body = form(export, given, *words(noBackup="true", **mode))
        return read_answer(send(self.api, body))

    def undo_by_command(self, content: str) -> Answer:
        path = self.write_file(content)
        options = [str(self.record.pk), "--no-prompt", "--no-backup", "--decisions", path]
        return read_output(self.run_command("import_undo", *options))

    def undo_by_admin(self, content: str) -> Answer:
        page = reverse("admin:imports_importrecord_undo", args=[self.record.pk])
        return self.read_page(self.admin.post(page, {"decided": content, "confirm": "Undo"}))

    # --- named saves

    def save_deep(self, depth: int, column: str = "nodes") -> tuple[Flow, Version]:
        """A save of a state that no door takes any more, as an earlier release let it in."""
        text = make_document(column, depth)
        row = FlowFactory()
        was = getattr(row, column)
        Flow.objects.filter(pk=row.pk).update(**{column: text})
        save = named_saves.take(Flow.objects.get(pk=row.pk), "deep").version_set.get()
        Flow.objects.filter(pk=row.pk).update(**{column: was})
        return row, save

    def restore_by_api(self, depth: int) -> Answer:
        _, save = self.save_deep(depth)
        path = f"/api/ziggy/named-saves/{make_save_uuid(save.pk)}/restore"
        return self.send_body("POST", path, "")

    def restore_by_command(self, depth: int, *options: str) -> Answer:
        _, save = self.save_deep(depth, "extra")
        given = [str(save.pk), "-s", "local", "--no-prompt", *options]
        return read_output(self.run_command("named_save", "restore", *given))

    def restore_by_admin(self, depth: int, *, opens: bool) -> Answer:
        row, save = self.save_deep(depth)
        page = reverse("admin:flows_flow_restore_save", args=[row.pk, save.pk])
        answer = self.admin.get(page) if opens else self.admin.post(page, as_opened(row))
        if answer.status_code == 200:
            return "", ""
        answer = self.admin.get(answer.url)
        [text] = map(str, answer.context["messages"])
        return (CODE if "nested deeper than" in text else ""), text


def is_document(kind: Kind, column: str) -> bool:
    return hasattr(MODELS[kind]._meta.get_field(column), "json_type")


TYPED = [
    (str(kind), column)
    for kind in Kind
    for column in [*(spec.column for spec in FIELDS[kind]), EXTRA]
    if is_document(kind, column) and (kind, column) != (Kind.SECRET, EXTRA)  # it is not shown
]
ITEM_DOORS: dict[str, Door] = {
    **{
        f"{method} /{kind}": lambda doors, depth, kind=kind, method=method: doors.send_item(
            kind, method, depth
        )
        for kind in DIGITS
        for method in ("POST", "PUT")
        if (kind, method) != ("flow", "POST")  # which takes no body
    },
    **{
        f"admin: {kind}.{column}, {'new' if new else 'changed'}": (
            lambda doors, depth, kind=kind, column=column, new=new: doors.type_document(
                kind, column, depth, new=new
            )
        )
        for kind, column in TYPED
        for new in (False, True)
    },
    **{
        f"file by the command: {kind}": lambda doors, depth, kind=kind: doors.import_by_command(
            doors.make_file(kind, depth)
        )
        for kind in DIGITS
    },
    "file by the API": lambda doors, depth: read_answer(
        upload(doors.api, doors.make_file("flow", depth))
    ),
    "file in the admin": lambda doors, depth: doors.import_by_admin(doors.make_file("flow", depth)),
    "file with a key that is ignored": lambda doors, depth: doors.import_by_command(
        f'{{"flows": [], "x": {nested(depth - 1)}}}'.encode()
    ),
    "file that is a list": lambda doors, depth: doors.import_by_command(
        f'[{json.dumps(bare("f", 3, "Bare"))[:-1]}, "x": {nested(depth - 2)}}}]'.encode()
    ),
    "restore by the API": lambda doors, depth: doors.restore_by_api(depth),
    "restore by the command": lambda doors, depth: doors.restore_by_command(depth),
    "its dry run": lambda doors, depth: doors.restore_by_command(depth, "--dry-run"),
    "restore in the admin": lambda doors, depth: doors.restore_by_admin(depth, opens=False),
    "its page": lambda doors, depth: doors.restore_by_admin(depth, opens=True),
}
DECISIONS = f'{{"decisions": {{"{uuid_of("f", 1)}": %s}}}}'
PLAN = '{"format": "flow-import-plan", "version": 1, "x": %s}'
PLANNED = '{"format": "flow-import-plan", "version": 1, "items": [{"x": %s}]}'
OTHER_DOORS: dict[str, Door] = {
    "--decisions": lambda doors, depth: doors.run_with_file(
        "--decisions", DECISIONS % nested(depth - 2)
    ),
    "decisions of the API": lambda doors, depth: doors.send_part(
        "decisions", DECISIONS % nested(depth - 2)
    ),
    "--apply-plan": lambda doors, depth: doors.run_with_file(
        "--apply-plan", PLAN % nested(depth - 1)
    ),
    "item of --apply-plan": lambda doors, depth: doors.run_with_file(
        "--apply-plan", PLANNED % nested(depth - 3)
    ),
    "plan of the API": lambda doors, depth: doors.send_part("plan", PLAN % nested(depth - 1)),
    "undo's --decisions": lambda doors, depth: doors.undo_by_command(DECISIONS % nested(depth - 2)),
    "undo's decisions of the API": lambda doors, depth: doors.send_body(
        "POST",
        f"/api/imports/{doors.record.pk}/undo",
        f'{{"dryRun": true, "decisions": {{"x": {nested(depth - 2)}}}}}',
    ),
    "undo's decisions in the admin": lambda doors, depth: doors.undo_by_admin(
        DECISIONS % nested(depth - 2)
    ),
    "a login": lambda doors, depth: doors.send_body(
        "POST", "/api/auth/login", f'{{"username": {nested(depth - 1)}}}'
    ),
    "a secret's value": lambda doors, depth: doors.send_body(
        "PATCH", "/api/secret/update-secret-value", f'{{"secret": {nested(depth - 3)}}}'
    ),
}
EVERY_DOOR = {**ITEM_DOORS, **OTHER_DOORS}


@pytest.fixture
def doors(run_command, tmp_path):
    return Doors(run_command, tmp_path)


@pytest.mark.parametrize("door", ITEM_DOORS.values(), ids=ITEM_DOORS)
def test_an_item_that_makes_a_file_64_deep_is_taken_by_every_door(door, doors):
    assert MAX_DEPTH == 64
    assert door(doors, MAX_DEPTH)[0] == ""


@pytest.mark.parametrize("door", OTHER_DOORS.values(), ids=OTHER_DOORS)
def test_another_document_of_64_is_refused_for_what_it_is(door, doors):
    code, _ = door(doors, MAX_DEPTH)
    assert code != CODE


@pytest.mark.parametrize("depth", DEPTHS, ids="{} deep".format)
@pytest.mark.parametrize("door", EVERY_DOOR.values(), ids=EVERY_DOOR)
def test_what_is_deeper_is_refused_by_every_door_with_the_same_code(door, depth, doors):
    code, text = door(doors, depth)
    assert (code, "nested" in text) == (CODE, True), text
    assert not any(model.objects.filter(name="DEEP").exists() for model in MODELS.values())


@pytest.mark.parametrize(
    "door",
    # An import takes only texts for tags. What is ignored, or waits, leaves nothing to export.
    [
        name
        for name in ITEM_DOORS
        if not name.startswith(("its", "file that", "file with", "file in the admin"))
        and "tags" not in name
    ],
)
def test_what_a_door_takes_can_be_exported_and_imported_again(door, doors):
    ITEM_DOORS[door](doors, MAX_DEPTH)
    stream = BytesIO()
    write_export(select_everything(), stream, server="local")
    assert parse(stream.getvalue(), max_bytes=10**6).size > 0
    is_kept = nested(MAX_DEPTH - 5) in "".join(stream.getvalue().decode().split())
    assert is_kept != door.endswith("secret")  # of whose unknown keys only texts are kept
