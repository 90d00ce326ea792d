"""An export without indentation, and in gzip: the same document, by every door."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from flows.content.fields import Kind
from flows.models import MODELS, Connection, Flow
from imports.exportfile.writing import format_export
from imports.exporting.downloads import FILE_NAME, pack_export
from imports.exporting.selection import select_everything
from imports.importing.service import make_plan_to_save, run_import
from imports.planfile.shape import SavedPlan
from tests.conftest import CommandResult
from tests.support.drawn import files
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import request_for
from tests.support.rows import exported
from tests.support.uploading import caller

RunCommand = Callable[..., CommandResult]
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
"""Of gzip: no name of a file, and no time."""

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def write(items: Any, *, is_compact: bool) -> tuple[bytes, int]:
    pieces = [*format_export(items, server="l: 1", changed_at=None, is_compact=is_compact)]
    return b"".join(data for data, _ in pieces), sum(content for _, content in pieces)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(' \n"\\:,é', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
ITEMS = st.fixed_dictionaries(
    {kind: st.lists(st.dictionaries(st.text(max_size=3), VALUES), max_size=3) for kind in Kind}
)


@given(ITEMS)
def test_the_document_is_the_same_and_has_no_white_space_left(items):
    lines, content_of_lines = write(items, is_compact=False)
    compact, content = write(items, is_compact=True)
    assert json.loads(compact) == json.loads(lines)
    assert not re.search(r"\s", STRING.sub("", compact.decode().removesuffix("\n")))
    assert content == content_of_lines == len(compact.removesuffix(b"\n"))


def plan_of(payload: bytes) -> SavedPlan:
    """What is planned, whatever the file is called and when it is planned."""
    _, saved = make_plan_to_save(request_for(payload))
    return replace(saved, file=replace(saved.file, sha256="", size=0), created_at="", checksum="")


def all_forms() -> dict[str, bytes]:
    """The export of everything in each form."""
    packed, _ = pack_export(select_everything)
    compact_packed, _ = pack_export(select_everything, is_compact=True)
    assert gzip.decompress(packed) == exported()
    return {
        "lines": exported(),
        "lines in gzip": packed,
        "compact": gzip.decompress(compact_packed),
        "compact in gzip": compact_packed,
    }


def empty_server() -> None:
    for model in MODELS.values():
        model._default_manager.all().delete()


def assert_same_imports() -> None:
    """Each form of an export plans the same, and brings the same rows."""
    forms = all_forms()
    Flow.objects.update(info="edited since")
    Connection.objects.update(description="edited since")
    plans = {name: plan_of(payload) for name, payload in forms.items()}
    assert all(plan == plans["lines"] for plan in plans.values())
    for payload in forms.values():
        empty_server()
        run_import(request_for(payload))
        assert exported() == forms["lines"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["real-small.json", "real-odd.json", "real-medium.json"])
def test_each_form_of_real_flows_imports_as_the_same(shared_data: Path, name):
    run_import(request_for((shared_data / name).read_bytes()))
    assert_same_imports()


@pytest.mark.django_db
@given(files)
def test_each_form_of_made_up_flows_imports_as_the_same(lists):
    empty_server()
    run_import(request_for(json.dumps(lists).encode()))
    assert_same_imports()


@pytest.fixture
def rows(db: None) -> None:
    FlowFactory(name="Sms", tags='["sms"]', info="  two words\n")
    FlowFactory(name="Mail")
    ConnectionFactory(name="Twilio", dev_value="{ key: secrets.KEY }")
    SecretFactory(name="KEY")


@pytest.mark.usefixtures("rows")
class TestTheCommand:
    def export(self, run_command: RunCommand, path: Path, *options: str) -> bytes:
        done = run_command("flow_export", "--file-path", str(path), "--no-prompt", *options)
        assert (done.code, done.err) == (0, "")
        self.data = json.loads(done.out)["data"]
        return path.read_bytes()

    def test_compact(self, run_command, tmp_path):
        compact = self.export(run_command, tmp_path / "a.json", "--compact")
        assert self.data["size"] == len(compact)
        lines = self.export(run_command, tmp_path / "a.json")
        assert json.loads(compact) == json.loads(lines)
        assert compact.count(b"\n") == 1
        assert len(compact) < len(lines)

    @pytest.mark.parametrize("compact", [(), ("--compact",)])
    def test_in_gzip_by_the_name_of_the_file_or_by_the_option(self, run_command, tmp_path, compact):
        plain = self.export(run_command, tmp_path / "a.json", *compact)
        numbers = self.data
        by_name = self.export(run_command, tmp_path / "a.json.gz", *compact)
        assert {**self.data, "filePath": ""} == {**numbers, "filePath": ""}
        by_option = self.export(run_command, tmp_path / "b", "--gzip", *compact)
        assert by_option == by_name
        assert by_name.startswith(HEADER)
        assert gzip.decompress(by_name) == plain

    def test_to_standard_output(self, run_command, tmp_path, monkeypatch):
        class Output:
            buffer = (tmp_path / "out").open("wb")

        monkeypatch.setattr("sys.stdout", Output)
        done = run_command("flow_export", "--file-path", "-", "--gzip", "--compact")
        Output.buffer.close()
        assert done.err == "2 flows, 1 connection, 1 secret\n"
        content = gzip.decompress((tmp_path / "out").read_bytes())
        assert len(json.loads(content)["flows"]) == 2

    def test_into_a_directory(self, run_command, tmp_path):
        done = run_command("flow_export", "--save-path", str(tmp_path), "--gzip")
        path = tmp_path / f"{FILE_NAME}.gz"
        assert json.loads(done.out)["data"]["filePath"] == str(path)
        assert gzip.decompress(path.read_bytes()) == exported()


def body_of(answer: Any) -> bytes:
    assert answer.status_code == 200
    body = b"".join(answer.streaming_content)
    assert int(answer["Content-Length"]) == len(body)
    assert not answer.has_header("Content-Encoding")
    return body


@pytest.mark.usefixtures("rows")
class TestTheApi:
    ALL = "/api/flow/export-all"
    TAGGED = "/api/flow/export-tagged"

    def test_all_of_it_compact_or_in_gzip_or_both(self):
        ada = caller(admin=True)
        lines = body_of(ada.get(self.ALL))
        assert body_of(ada.get(self.ALL, {"compact": "false", "gzip": "false"})) == lines
        compact = body_of(ada.get(self.ALL, {"compact": "true"}))
        assert (json.loads(compact), compact.count(b"\n")) == (json.loads(lines), 1)
        for query, content in ({}, lines), ({"compact": "true"}, compact):
            answer = ada.get(self.ALL, {"gzip": "true", **query})
            assert answer["Content-Type"] == "application/gzip"
            assert answer["Content-Disposition"] == 'attachment; filename="zexport.json.gz"'
            packed = body_of(answer)
            assert packed.startswith(HEADER)
            assert gzip.decompress(packed) == content

    @pytest.mark.parametrize("query", [{}, {"gzip": "true"}])
    def test_what_the_client_accepts_changes_nothing(self, query):
        ada = caller(admin=True)
        plain = ada.get(self.ALL, query)
        other = ada.get(
            self.ALL, query, HTTP_ACCEPT_ENCODING="gzip", HTTP_ACCEPT="application/gzip"
        )
        assert body_of(other) == body_of(plain)
        assert other["Content-Type"] == plain["Content-Type"]

    def test_one_that_is_built_first(self):
        ada = caller(admin=True)
        answer = ada.post(f"{self.TAGGED}?compact=true", {"tags": ["sms"]}, format="json")
        assert answer.status_code == 201
        content = body_of(ada.get(self.TAGGED))
        assert (answer.json()["size"], content.count(b"\n")) == (len(content), 1)
        packed = body_of(ada.get(self.TAGGED, {"gzip": "true"}))
        assert gzip.decompress(packed) == content

    @pytest.mark.parametrize("name", ["compact", "gzip"])
    def test_what_is_neither_true_nor_false_is_refused(self, name):
        answer = caller(admin=True).get(self.ALL, {name: "perhaps"})
        body = answer.json()
        assert (answer.status_code, body["code"]) == (422, "invalid-request")
        assert [issue["path"] for issue in body["issues"]] == [name]


@pytest.mark.usefixtures("rows")
class TestTheAdmin:
    def export(self, client: Client, action: str) -> Any:
        data = {"action": action, "_selected_action": [flow.pk for flow in Flow.objects.all()]}
        return client.post("/admin/flows/flow/", data)

    def test_compact(self, admin_client):
        lines = body_of(self.export(admin_client, "export_selected"))
        answer = self.export(admin_client, "export_compact")
        assert answer["Content-Disposition"] == 'attachment; filename="zexport.json"'
        compact = body_of(answer)
        assert (json.loads(compact), compact.count(b"\n")) == (json.loads(lines), 1)

    def test_in_gzip(self, admin_client):
        compact = body_of(self.export(admin_client, "export_compact"))
        answer = self.export(admin_client, "export_in_gzip")
        assert answer["Content-Disposition"] == 'attachment; filename="zexport.json.gz"'
        assert gzip.decompress(body_of(answer)) == compact
