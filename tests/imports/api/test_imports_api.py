"""The REST door of imports: the form, the answers, the records and the exports."""

import hashlib
import io
import json
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import connection as database
from rest_framework.test import APIClient

import imports.exporting.downloads
import imports.importing.service
import imports.runs.carrying_out
from accounts.models import User
from flows.content.fields import Kind
from flows.models import Connection, Flow, Secret
from imports.api.shapes.form import UploadSerializer
from imports.database.lock import hold_import_lock
from imports.errors import BackupFailed
from imports.models import BuiltExport, ImportItem, ImportRecord
from tests.conftest import CommandResult
from tests.support.digest import all_rows, data_rows
from tests.support.errors import error_of
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    ALL_CODES,
    backup_files,
    connection,
    export_file,
    flow,
    secret,
    uuid_of,
)
from tests.support.uploading import (
    caller,
    client_of,
    file_part,
    form,
    part,
    send,
    upload,
    words,
)

pytestmark = pytest.mark.django_db

ONE_FLOW = export_file(flow(1, "Orders"))
NEW_FLOW = export_file(flow(9, "Invoices"))
EMPTY = b'{"flows": []}'


@pytest.fixture
def ada() -> APIClient:
    return caller("ada", admin=True)


def refusal(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    """Status, code, and the code and path of every issue. An error's body has no other keys."""
    body = answer.json()
    assert list(body) == ["message", "code", "issues", "requestId"]
    assert all(list(each) == ["code", "path", "uuid", "name", "message"] for each in body["issues"])
    return (
        answer.status_code,
        body["code"],
        [(each["code"], each["path"]) for each in body["issues"]],
    )


class TestAnImport:
    def test_it_answers_201_created_with_the_three_lists_and_where_the_record_is(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=1)
        payload = export_file(
            flow(1, "Orders", timeout=2), connection(1, "Twilio"), secret(1, "KEY")
        )
        answer = upload(ada, payload)
        assert (answer.status_code, answer.reason_phrase) == (201, "Created")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.content.decode() == (
            '{"flowsProcessed":[{"uuid":"ffffffff-0000-4000-8000-000000000001","name":"Orders",'
            '"result":"OVERWRITE","matchMethod":"uuid","isProcessed":true}],'
            '"connectionsProcessed":[{"uuid":"cccccccc-0000-4000-8000-000000000001",'
            '"name":"Twilio","result":"CREATE","matchMethod":"unmatched","isProcessed":true}],'
            '"secretsProcessed":[{"uuid":"55555555-0000-4000-8000-000000000001","name":"KEY",'
            '"result":"CREATE","matchMethod":"unmatched","isProcessed":true}]}'
        )
        assert answer.headers["Location"] == f"/api/imports/{ImportRecord.objects.get().pk}"
        assert Flow.objects.get().timeout == 2

    def test_its_record_says_who_what_and_through_which_door(self, ada):
        upload(ada, ONE_FLOW, "leave", overrideLocks="true")
        record = ImportRecord.objects.get()
        assert (record.status, record.door, record.server) == ("succeeded", "api", "local")
        assert (record.user, record.user_name) == (User.objects.get(), "ada")
        assert (record.file_name, record.file_size) == ("zexport.json", len(ONE_FLOW))
        assert record.file_sha256 == hashlib.sha256(ONE_FLOW).hexdigest()
        assert (record.mode, record.with_backup, record.override_locks) == ("skip", False, True)

    @pytest.mark.parametrize(
        ("word", "mode"),
        [
            ("LEAVE", "skip"), ("RENAME", "duplicate"), ("OVERWRITE", "overwrite"),
            ("skip", "skip"), ("duplicate", "duplicate"), ("overwrite", "overwrite"),
            ("Leave", "skip"), ("rename", "duplicate"), ("SKIP", "skip"),
        ],
    )  # fmt: skip
    def test_every_word_for_a_mode_is_taken(self, ada, word, mode):
        assert upload(ada, ONE_FLOW, word).status_code == 201
        assert ImportRecord.objects.get().mode == mode

    def test_the_words_may_come_before_the_file(self, ada):
        body = form(*words(duplicatesMode="LEAVE", noBackup="true"), file_part(ONE_FLOW))
        assert send(ada, body).status_code == 201

    @pytest.mark.parametrize(
        ("fields", "copies"), [({}, 1), ({"noBackup": "false"}, 1), ({"noBackup": "true"}, 0)]
    )
    @pytest.mark.django_db(transaction=True)
    def test_the_database_is_backed_up_unless_told_otherwise(
        self, ada, fields, copies, backup_directory
    ):
        body = form(file_part(ONE_FLOW), *words(duplicatesMode="LEAVE", **fields))
        assert send(ada, body).status_code == 201
        assert len(backup_files(backup_directory) if backup_directory.exists() else []) == copies
        assert ImportRecord.objects.get().with_backup is bool(copies)

    def test_a_dry_run_answers_200_with_the_plan_and_writes_nothing(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=1)
        before = all_rows()
        answer = upload(ada, export_file(flow(1, "Orders", timeout=2)), dryRun="true")
        assert all_rows() == before
        assert (answer.status_code, answer.reason_phrase) == (200, "OK")
        assert "Location" not in answer.headers
        assert answer.json() == {
            "flowsProcessed": [
                {
                    "uuid": "ffffffff-0000-4000-8000-000000000001",
                    "name": "Orders",
                    "result": "OVERWRITE",
                    "matchMethod": "uuid",
                    "isProcessed": False,
                }
            ],
            "connectionsProcessed": [],
            "secretsProcessed": [],
        }

    def test_a_locked_flow_is_overwritten_only_where_locks_are_overridden(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", is_locked=True)
        payload = export_file(flow(1, "Orders", timeout=2))
        assert refusal(upload(ada, payload)) == (422, "locked", [("locked", "flows[0]")])
        assert upload(ada, payload, overrideLocks="true").status_code == 201

    def test_no_file_is_opened_for_a_large_upload(self, ada, opened):
        payload = export_file(*(flow(n, f"Flow {n}", info="x" * 100_000) for n in range(50)))
        assert len(payload) > 5_000_000 > django_settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        opened.clear()
        assert upload(ada, payload, dryRun="true").status_code == 200
        assert opened == []


@pytest.fixture
def opened(ada) -> Iterator[list[str]]:
    """The files that Python opens in this thread, once everything is imported and loaded."""
    upload(ada, ONE_FLOW, dryRun="true")
    found: list[str] = []
    _watchers[threading.get_ident()] = found
    yield found
    del _watchers[threading.get_ident()]


_watchers: dict[int, list[str]] = {}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and (found := _watchers.get(threading.get_ident())) is not None:
        found.append(str(arguments[0]))


sys.addaudithook(_watch)


class TestTheForm:
    def test_every_problem_is_told_at_once(self, ada):
        body = form(*words(duplicatesMode="MAYBE", noBackup="True", dryRun="1", overrideLocks=""))
        answer = send(ada, body)
        assert refusal(answer) == (
            422,
            "no-file",
            [
                ("no-file", "file"),
                ("invalid-choice", "duplicatesMode"),
                ("invalid-choice", "noBackup"),
                ("invalid-choice", "dryRun"),
                ("invalid-choice", "overrideLocks"),
            ],
        )
        assert answer.json()["message"] == (
            "file: Send the export file as the part named file. (4 more problems)"
        )
        assert answer.json()["issues"][1]["message"] == (
            "This must be one of LEAVE (skip), RENAME (duplicate) and OVERWRITE, once."
        )
        assert not ImportRecord.objects.exists()

    @pytest.mark.parametrize(
        ("parts", "issues"),
        [
            ([file_part(ONE_FLOW), file_part(ONE_FLOW)], [("several-files", "file")]),
            (
                [file_part(ONE_FLOW, name="data")],
                [("no-file", "file"), ("unknown-part", "data")],
            ),
            (
                [file_part(ONE_FLOW), file_part(b"", name="File")],
                [("unknown-part", "File")],
            ),
            (
                [file_part(ONE_FLOW), file_part(b"true", name="dryRun")],
                [("unknown-part", "dryRun")],
            ),
            ([part(ONE_FLOW, 'name="file"')], [("no-file", "file")]),
            ([file_part(ONE_FLOW), part("/etc/passwd", 'name="file"')], [("no-file", "file")]),
            ([file_part(ONE_FLOW, file_name="")], [("no-file", "file")]),
            ([file_part(ONE_FLOW), *words(dryrun="true")], [("unknown-part", "dryrun")]),
            ([file_part(ONE_FLOW), *words(dryRun="true"), *words(dryRun="false")],
             [("invalid-choice", "dryRun")]),
        ],
        ids=[
            "two files", "another name", "a second file of another name", "a word as a file",
            "a file as a word", "a file and a word", "no file name", "a misspelt word",
            "a word twice",
        ],
    )  # fmt: skip
    def test_anything_but_one_file_and_known_words_is_refused(self, ada, parts, issues):
        before = all_rows()
        answer = send(ada, form(*parts, *words(duplicatesMode="OVERWRITE")))
        assert refusal(answer) == (422, issues[0][0], issues)
        assert all_rows() == before

    @pytest.mark.parametrize("name", [*UploadSerializer().fields, "dryrun", "DRYRUN"])
    def test_a_part_of_the_form_in_the_address_is_refused(self, ada, name):
        before = all_rows()
        body = form(file_part(ONE_FLOW), *words(duplicatesMode="OVERWRITE"))
        answer = send(ada, body, QUERY_STRING=f"{name}=true")
        assert refusal(answer) == (422, "unknown-parameter", [("unknown-parameter", name)])
        assert "as a part of the form, not in the address." in answer.json()["message"]
        assert all_rows() == before

    @pytest.mark.parametrize("query", ["dryRun=", "_=1795669", "tenant=a&file="])
    def test_what_else_a_client_puts_into_the_address_says_nothing(self, ada, query):
        body = form(file_part(ONE_FLOW), *words(duplicatesMode="OVERWRITE"))
        assert send(ada, body, QUERY_STRING=query).status_code == 201

    def test_a_mode_is_required_once(self, ada):
        expected = (422, "invalid-choice", [("invalid-choice", "duplicatesMode")])
        assert refusal(send(ada, form(file_part(ONE_FLOW)))) == expected
        twice = [*words(duplicatesMode="LEAVE"), *words(duplicatesMode="LEAVE")]
        assert refusal(send(ada, form(file_part(ONE_FLOW), *twice))) == expected

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json", "application/x-www-form-urlencoded", "text/plain",
            "multipart/mixed; boundary=x", "application/octet-stream", "",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        "body", [b'{"file": {"path": "/etc/passwd"}}', b"file=/etc/passwd", b""]
    )
    def test_anything_but_a_form_is_415_and_no_file_is_opened(
        self, ada, opened, content_type, body
    ):
        opened.clear()
        answer = ada.generic("POST", "/api/flow/import", body, content_type=content_type)
        assert refusal(answer)[::2] == (415, [])
        assert opened == []
        assert not ImportRecord.objects.exists()

    def test_a_path_as_a_file_name_is_never_opened(self, ada, opened):
        body = form(
            file_part(ONE_FLOW, "/etc/passwd"), *words(duplicatesMode="LEAVE", noBackup="true")
        )
        opened.clear()
        assert send(ada, body).status_code == 201
        assert opened == []
        assert ImportRecord.objects.get().file_name == "passwd"

    @pytest.mark.parametrize(
        "body",
        [
            b"no form at all",
            form(part("@@@", 'name="file"; filename="x"', "Content-Transfer-Encoding: base64")),
            form(file_part(ONE_FLOW, "n" * 10_240)),
            form(*words(**{f"word{n}": "x" for n in range(1100)})),
            form(*(file_part(b"", f"{n}") for n in range(110))),
            form(*words(duplicatesMode="x" * 2_700_000)),
        ],
        ids=["no form", "base64", "a long file name", "many words", "many files", "a long word"],
    )
    def test_a_form_that_cannot_be_read_is_refused(self, ada, body):
        answer = send(ada, body)
        assert answer.status_code in {400, 422}
        assert refusal(answer)[1] in {"invalid-form", "no-file"}
        assert not ImportRecord.objects.exists()

    def test_a_form_without_a_boundary_is_refused(self, ada):
        answer = ada.generic("POST", "/api/flow/import", b"x", content_type="multipart/form-data")
        assert refusal(answer) == (400, "invalid-form", [])

    def test_an_empty_form_is_told_what_it_lacks(self, ada):
        answer = send(ada, b"")
        assert refusal(answer)[2] == [("no-file", "file"), ("invalid-choice", "duplicatesMode")]

    def test_a_form_in_chunks_is_told_to_come_with_its_length(self, ada):
        answer = send(ada, b"", HTTP_TRANSFER_ENCODING="chunked")
        assert refusal(answer) == (411, "length-required", [])

    @pytest.mark.parametrize("lost", [1, 20, 200])
    def test_an_upload_that_was_cut_off_is_no_import(self, ada, lost):
        body = form(*words(duplicatesMode="LEAVE", noBackup="true"), file_part(ONE_FLOW))
        answer = send(
            ada, b"", CONTENT_LENGTH=len(body), **{"wsgi.input": io.BytesIO(body[:-lost])}
        )
        assert refusal(answer) == (400, "cut-off", [])
        assert answer.json()["message"] == (
            "The upload stopped before its end. Nothing was imported: send it again."
        )
        assert not ImportRecord.objects.exists()


class CountingStream(io.BytesIO):
    """A body that knows how much of it was read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


class TestTooLarge:
    MESSAGE = (
        "The file is larger than the 100,000 bytes that this server takes. "
        "Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES."
    )

    @pytest.fixture(autouse=True)
    def limit(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 100_000}

    def file(self, size: int) -> bytes:
        start, end = b'{"flows":[],"x":"', b'"}'
        return start + b"x" * (size - len(start + end)) + end

    def test_a_file_of_exactly_the_limit_is_taken(self, ada):
        assert upload(ada, self.file(100_000)).status_code == 201

    def test_one_byte_more_is_413(self, ada):
        answer = upload(ada, self.file(100_001))
        assert refusal(answer) == (413, "too-large", [])
        assert answer.json()["message"] == self.MESSAGE
        assert answer.reason_phrase == "Request Entity Too Large"

    def test_two_files_count_together(self, ada):
        answer = send(
            ada, form(file_part(self.file(60_000)), file_part(self.file(60_000), name="b"))
        )
        assert refusal(answer) == (413, "too-large", [])

    def test_nothing_is_read_of_a_body_that_says_it_is_larger(self, ada):
        stream = CountingStream(b"x")
        answer = send(ada, b"", CONTENT_LENGTH=10**12, **{"wsgi.input": stream})
        assert refusal(answer) == (413, "too-large", [])
        assert stream.count == 0

    def test_reading_stops_where_the_file_is_too_large(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 1_000_000}
        body = form(file_part(self.file(1_000_001)), *words(duplicatesMode="x" * 60_000))
        stream = CountingStream(body)
        answer = send(ada, b"", CONTENT_LENGTH=len(body), **{"wsgi.input": stream})
        assert refusal(answer) == (413, "too-large", [])
        assert 1_000_000 <= stream.count <= 1_000_000 + 64 * 1024

    def test_the_length_of_other_parts_does_not_count_as_the_files(self, ada):
        body = form(file_part(self.file(99_000)), *words(duplicatesMode="LEAVE", noBackup="true"))
        assert len(body) < 100_000
        assert send(ada, body).status_code == 201

    def test_a_file_in_base64_is_counted_as_it_is(self, ada):
        encoded = b"ICAg" * 25_001  # three spaces each
        body = form(
            part(encoded, 'name="file"; filename="x"', "Content-Transfer-Encoding: base64"),
            *words(duplicatesMode="LEAVE"),
        )
        assert refusal(send(ada, body)) == (400, "empty-file", [("empty-file", "")])


class TestFileNames:
    """What a client calls its file is text for the record, and nothing else."""

    @pytest.mark.parametrize(
        ("header", "kept"),
        [
            ('filename="../../x"', "x"),
            ('filename="..\\\\..\\\\x.json"', "x.json"),
            ('filename=".."', ".."),
            ('filename="dir/"', "(no name)"),
            ("filename*=UTF-8''a%00b.json", r"a\x00b.json"),
            ("filename*=UTF-8''a%0D%0ASet-Cookie:%20x.json", "a\r\nSet-Cookie: x.json"),
            ('filename="\u202egpj.exe"', "\u202egpj.exe"),
            ('filename="<img onerror=alert(1)>.json"', "<img onerror=alert(1)>.json"),
            ('filename="&lt;b&gt;.json"', "&lt;b&gt;.json"),
            ('filename="é😀 x.json"', "é😀 x.json"),
            (f'filename="{"n" * 800}"', "n" * 255),
            ('filename="{0.__class__}{{7*7}}"', "{0.__class__}{{7*7}}"),
        ],
    )
    @pytest.mark.parametrize("payload", [EMPTY, b"{"], ids=["succeeded", "failed"])
    def test_it_is_kept_as_text_and_cut(self, ada, header, kept, payload):
        file = part(payload, f'name="file"; {header}')
        answer = send(ada, form(file, *words(duplicatesMode="LEAVE", noBackup="true")))
        assert answer.status_code == (201 if payload == EMPTY else 400)
        record = ImportRecord.objects.get()
        assert record.file_name == kept
        detail = ada.get(f"/api/imports/{record.pk}")
        assert detail.json()["fileName"] == kept
        assert detail.headers["Content-Type"] == "application/json"
        assert not any("\r" in value or "\n" in value for value in detail.headers.values())


class TestRefusals:
    """A refusal is the command's, with its HTTP status, and leaves the same record."""

    @pytest.fixture(autouse=True)
    def a_server(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Locked", is_locked=True)
        FlowFactory(uuid=uuid_of("a", 1), name="Twin")
        FlowFactory(uuid=uuid_of("a", 2), name="Twin")

    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            (b"", (400, "empty-file", [("empty-file", "")])),
            (b"{", (400, "invalid-json", [("invalid-json", "")])),
            (b"[1, {}]", (422, "wrong-type", [("wrong-type", "flows[0]"),
                                              ("missing-key", "flows[1].uuid"),
                                              ("missing-key", "flows[1].name")])),
            (export_file(flow(1, "Locked", timeout=9)), (422, "locked", [("locked", "flows[0]")])),
            (export_file(flow(2, "Twin")), (422, "ambiguous-name",
                                            [("ambiguous-name", "flows[0]")])),
        ],
        ids=["empty", "no JSON", "no export", "locked", "ambiguous"],
    )  # fmt: skip
    def test_the_api_refuses_as_the_command_does(
        self, ada, run_command, tmp_path, payload, expected
    ):
        before = data_rows()
        answer = upload(ada, payload)
        assert refusal(answer) == expected
        assert data_rows() == before
        told = command(run_command, tmp_path, payload, "--overwrite")
        assert json.loads(told.out) == {
            "status": answer.status_code,
            "statusText": answer.reason_phrase,
            "data": error_of(answer),
        }
        assert_same_records()

    def test_a_second_import_is_409_while_one_runs(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        with hold_import_lock(wait=0):
            answer = upload(ada, ONE_FLOW)
        assert refusal(answer) == (409, "import-locked", [])
        assert answer.reason_phrase == "Conflict"
        assert ImportRecord.objects.get().status == "refused"

    def test_a_failing_backup_is_503_and_tells_no_path(self, ada, settings, tmp_path):
        settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "secret place" / "backups"}
        settings.ZIGGY["BACKUP_DIR"].parent.write_text("a file where the directory should be")
        before = data_rows()
        answer = upload(ada, NEW_FLOW, noBackup="false")
        assert refusal(answer) == (503, "backup-failed", [])
        assert answer.json()["message"] == (
            "The server could not do it, and nothing was changed. Its log says more."
        )
        assert data_rows() == before
        assert "secret place" in ImportRecord.objects.get().message

    @pytest.mark.parametrize(
        ("may", "fields", "lacks"),
        [
            ((), {"noBackup": "false"}, ["imports.run_import"]),
            (("run_import",), {}, ["imports.skip_backup"]),
            (("run_import", "skip_backup"), {"overrideLocks": "true"}, ["imports.override_locks"]),
            (("run_import", "skip_backup"), {}, ["flows.add_flow"]),
        ],
        ids=["import", "no backup", "locks", "rights by hand"],
    )
    def test_what_the_caller_may_not_do_is_403_and_on_record(self, may, fields, lacks):
        bob = caller("bob", may=may)
        before = data_rows()
        answer = upload(bob, NEW_FLOW, **fields)
        assert answer.status_code == 403
        assert answer.json()["code"] == "not-permitted"
        assert [each["message"] for each in answer.json()["issues"]] == [
            f"Needs the permission {permission}." for permission in lacks
        ]
        assert data_rows() == before
        record = ImportRecord.objects.get()
        assert (record.status, record.code, record.user_name) == ("refused", "not-permitted", "bob")

    @pytest.mark.parametrize(
        ("role", "status"),
        [("Admin", 201), ("Editor", 201), ("Service Account", 201), ("Operator", 403)],
    )
    def test_the_roles_that_write_may_import(self, role, status, monkeypatch):
        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", _no_backup)
        assert upload(caller("bob", role=role), NEW_FLOW, noBackup="false").status_code == status

    @pytest.mark.parametrize("header", [None, "Bearer wrong", "Token x"])
    def test_without_a_good_token_nothing_is_read(self, header):
        client = APIClient(**({"HTTP_AUTHORIZATION": header} if header else {}))
        stream = CountingStream(b"x" * 100)
        answer = send(client, b"", CONTENT_LENGTH=100, **{"wsgi.input": stream})
        assert refusal(answer)[:2] == (401, "not-authenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert stream.count == 0

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
    def test_no_other_method_is_known(self, ada, method):
        answer = getattr(ada, method)("/api/flow/import")
        assert answer.status_code == 405


def _no_backup(**_: Any) -> Any:
    path = Path("/backups/default-20260316T171006-000000Z.sqlite3")
    return imports.database.backup.Backup(path=path, size=1, sha256="0" * 64)


def command(run_command: Any, tmp_path: Path, payload: bytes, *options: str) -> CommandResult:
    """The same import through the other door."""
    file = tmp_path / "zexport.json"
    file.write_bytes(payload)
    return run_command(
        *("flow_import", "--server", "local", "--file-path", str(file)),
        *("--no-prompt", "--no-backup", *options),
    )


DIFFERENT = ("id", "started_at", "finished_at", "door", "user_id", "user_name")


def assert_same_records() -> None:
    """The newest two records differ only in what has to differ, and so do their items."""
    by_command, by_api = ImportRecord.objects.order_by("-pk")[:2]
    assert (by_command.door, by_api.door) == ("command", "api")
    first, second = (
        {
            key: value
            for key, value in ImportRecord.objects.filter(pk=record.pk).values().get().items()
            if key not in DIFFERENT
        }
        for record in (by_command, by_api)
    )
    for each in (*first["acknowledged"], *second["acknowledged"]):
        assert each.pop("by") in (by_command.user_name, by_api.user_name)
    assert first == second
    first_items, second_items = (
        [
            {key: value for key, value in item.items() if key not in ("id", "record_id")}
            for item in record.items.order_by("pk").values()
        ]
        for record in (by_command, by_api)
    )
    for item in (*first_items, *second_items):
        item["named_save_id"] = item["named_save_id"] is not None
        data = [detail["data"] for detail in item["warning_details"]]
        for new in (new for sent in data if type(sent) is list for new in sent):
            new |= {"uuid": "may be drawn anew", "secretUuid": "may be drawn anew"}
        if item["result"] == "DUPLICATE":
            item["target_uuid"] = "drawn anew"
            item["content_digest"] = "of content that refers to a uuid drawn anew"
    assert first_items == second_items


class TestTwoDoors:
    """The command and the API give the same lists and the same record."""

    CODES = ",".join(ALL_CODES)
    COUNTS: ClassVar = {
        "--skip": {"SKIP": 3, "CREATE": 3},
        "--duplicate": {"DUPLICATE": 3, "CREATE": 3},
        "--overwrite": {"OVERWRITE": 2, "UNCHANGED": 1, "CREATE": 3},
    }

    def a_server(self) -> None:
        for model in (Flow, Connection, Secret):
            model.objects.all().delete()
        FlowFactory(uuid=uuid_of("f", 1), name="Old name", info="here")
        ConnectionFactory(uuid=uuid_of("a", 1), name="Twilio", description="here")
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="a value")

    def file(self) -> bytes:
        return export_file(
            flow(1, "New name", nodes=[{"id": "1", "data": {"use": uuid_of("c", 1)}}]),
            flow(2, "Another", edges=[]),
            connection(1, "Twilio", description="there", devValue="{ key: secrets.KEY }"),
            connection(2, "More", devValue="{ key: secrets.NOBODY }"),
            secret(1, "KEY"),
            secret(2, "KEY_2"),
        )

    @pytest.mark.parametrize("mode", COUNTS)
    def test_an_import(self, ada, run_command, tmp_path, mode):
        self.a_server()
        answer = upload(ada, self.file(), mode.removeprefix("--"), accept=self.CODES)
        self.a_server()
        # The second server has not seen the first import: its rows were not edited since.
        items = list(ImportItem.objects.all())
        ImportItem.objects.update(content_digest="")
        done = command(run_command, tmp_path, self.file(), mode, "--accept", self.CODES)
        told = json.loads(done.out)
        ImportItem.objects.bulk_update(items, ["content_digest"])
        assert (answer.status_code, answer.reason_phrase) == (told["status"], told["statusText"])
        assert self.as_the_command_prints(answer.json()) == self.without_new_uuids(told["data"])
        assert ImportRecord.objects.first().counts == self.COUNTS[mode]
        assert_same_records()

    @pytest.mark.parametrize("mode", COUNTS)
    def test_a_dry_run(self, ada, run_command, tmp_path, mode):
        self.a_server()
        answer = upload(ada, self.file(), mode.removeprefix("--"), dryRun="true")
        told = json.loads(command(run_command, tmp_path, self.file(), mode, "--dry-run").out)
        assert (answer.status_code, answer.reason_phrase) == (told["status"], told["statusText"])
        assert self.as_the_command_prints(answer.json()) == self.without_new_uuids(told["data"])
        assert not ImportRecord.objects.exists()

    def test_real_flows(self, ada, run_command, tmp_path, shared_data):
        payload = (shared_data / "real-small.json").read_bytes()
        answer = upload(ada, payload, accept=self.CODES)
        assert answer.status_code == 201
        for model in (Flow, Connection, Secret):
            model.objects.all().delete()
        done = command(run_command, tmp_path, payload, "--overwrite", "--accept", self.CODES)
        told = json.loads(done.out)
        assert self.as_the_command_prints(answer.json()) == self.without_new_uuids(told["data"])
        assert len(answer.json()["flowsProcessed"]) > 10
        assert_same_records()

    def as_the_command_prints(self, lists: dict[str, Any]) -> dict[str, Any]:
        """The API's lists without the details of warnings, which it has of each."""
        for item in self.list_items(lists):
            details = item.pop("warningDetails", [])
            assert [detail["text"] for detail in details] == item.get("warnings", [])
            assert all(detail["code"] != "other" for detail in details)
        return self.without_new_uuids(lists)

    def list_items(self, lists: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return (item for kind in Kind for item in lists[f"{kind.plural}Processed"])

    def without_new_uuids(self, lists: dict[str, Any]) -> dict[str, Any]:
        for each in lists.get("acknowledged", ()):
            each["by"] = "who it was"
        for item in self.list_items(lists):
            if item["result"] == "DUPLICATE" and item["isProcessed"]:
                assert UUID(item["targetUuid"]) != UUID(item["uuid"])
                item["targetUuid"] = "drawn anew"
        return lists


class TestHostileFiles:
    def test_no_file_of_the_public_suite_is_an_error_of_the_server(self, ada, shared_data):
        files = sorted((shared_data / "json-test-suite").rglob("*.json"))
        assert len(files) == 340
        before = data_rows()
        statuses = []
        for file in files:
            answer = upload(ada, file.read_bytes(), file_name=file.name)
            statuses.append(answer.status_code)
            if answer.status_code != 201:
                assert refusal(answer)[1], file.name
                record = ImportRecord.objects.first()
                assert (record.file_name, record.status) == (file.name, "failed")
                assert record.message == answer.json()["message"]
        assert {status: statuses.count(status) for status in statuses} == {
            201: 2,
            400: 219,
            422: 119,
        }
        assert ImportRecord.objects.count() == 340
        assert data_rows() == before


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def both(self, clients: list[APIClient], settings: Any, monkeypatch: Any, wait: float) -> Any:
        """Two imports of one flow, the second sent while the first one backs up."""
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": wait}
        backing_up, second_answered = threading.Event(), threading.Event()

        def slow_backup(**_: Any) -> Any:
            backing_up.set()
            second_answered.wait(timeout=1)
            return _no_backup()

        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", slow_backup)
        answers: dict[str, Any] = {}

        def first() -> None:
            answers["first"] = upload(clients[0], ONE_FLOW, noBackup="false")
            database.close()

        thread = threading.Thread(target=first)
        thread.start()
        assert backing_up.wait(timeout=10)
        answers["second"] = upload(clients[1], ONE_FLOW, noBackup="false")
        second_answered.set()
        thread.join()
        return answers["first"], answers["second"]

    @pytest.fixture
    def clients(self) -> list[APIClient]:
        return [caller("ada", admin=True), caller("bob", admin=True)]

    def test_the_second_waits_and_finds_nothing_to_do(self, clients, settings, monkeypatch):
        first, second = self.both(clients, settings, monkeypatch, wait=20)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["flowsProcessed"][0]["result"] == "CREATE"
        assert second.json()["flowsProcessed"][0]["result"] == "UNCHANGED"
        assert Flow.objects.count() == 1

    def test_the_second_is_told_who_imports_and_since_when(self, clients, settings, monkeypatch):
        first, second = self.both(clients, settings, monkeypatch, wait=0)
        assert first.status_code == 201
        assert refusal(second) == (409, "import-locked", [])
        assert re.fullmatch(
            r"Another import is running: ada through the api, since "
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. Try again when it is done\.",
            second.json()["message"],
        )
        assert Flow.objects.count() == 1


def record(**values: Any) -> ImportRecord:
    """A record of long ago, with a second between any two."""
    number = ImportRecord.objects.count()
    defaults = {
        "started_at": datetime(2026, 3, 16, 10, 0, number, tzinfo=UTC),
        "finished_at": datetime(2026, 3, 16, 10, 1, number, 250_000, tzinfo=UTC),
        "status": "succeeded",
        "door": "api",
        "user_name": "ada",
        "server": "local",
        "file_name": "zexport.json",
        "file_size": 10,
        "file_sha256": "a" * 64,
        "mode": "overwrite",
        "with_backup": False,
        "override_locks": False,
    }
    return ImportRecord.objects.create(**{**defaults, **values})


def item(of: ImportRecord, number: int, **values: Any) -> ImportItem:
    """An unsaved item of the record: a flow that was created."""
    defaults = {
        "kind": "flow",
        "position": number,
        "uuid": uuid_of("f", number),
        "name": f"Flow {number}",
        "result": "CREATE",
        "match_method": "unmatched",
        "target_uuid": UUID(uuid_of("f", number)),
        "target_name": f"Flow {number}",
    }
    return ImportItem(record=of, **{**defaults, **values})


class TestTheListOfRecords:
    def ids(self, client: APIClient, **query: str) -> list[int]:
        answer = client.get("/api/imports", query)
        assert answer.status_code == 200, answer.json()
        assert answer.json()["count"] == len(answer.json()["results"])
        return [each["id"] for each in answer.json()["results"]]

    def test_a_record_is_shown_as_the_contract_names_things(self, ada):
        made = record(counts={"CREATE": 2}, message="")
        assert ada.get("/api/imports").json() == {
            "count": 1,
            "next": None,
            "previous": None,
            "results": [
                {
                    "id": made.pk,
                    "status": "succeeded",
                    "queuedAt": None,
                    "startedAt": "2026-03-16T10:00:00.000Z",
                    "finishedAt": "2026-03-16T10:01:00.250Z",
                    "seconds": 60.25,
                    "door": "api",
                    "user": "ada",
                    "server": "local",
                    "fileName": "zexport.json",
                    "fileSize": 10,
                    "fileSha256": "a" * 64,
                    "mode": "overwrite",
                    "undoes": None,
                    "undoneBy": None,
                    "undoDepth": 0,
                    "withBackup": False,
                    "overrideLocks": False,
                    "directoryId": "",
                    "prune": False,
                    "plan": None,
                    "origin": None,
                    "acknowledged": [],
                    "counts": {"CREATE": 2},
                    "code": "",
                    "message": "",
                    "pruned": None,
                    "historyPrunedAt": None,
                }
            ],
        }

    def test_what_was_removed_of_the_history_is_shown(self, ada):
        pruned = {"records": 1, "reduced": 2, "items": 3, "saves": 4}
        record(pruned=pruned, history_pruned_at=datetime(2026, 3, 17, tzinfo=UTC))
        [shown] = ada.get("/api/imports").json()["results"]
        assert shown["pruned"] == pruned
        assert shown["historyPrunedAt"] == "2026-03-17T00:00:00.000Z"

    def test_a_running_import_has_no_end_yet(self, ada):
        record(status="running", finished_at=None)
        [shown] = ada.get("/api/imports").json()["results"]
        assert (shown["status"], shown["finishedAt"], shown["seconds"]) == ("running", None, None)

    def test_the_newest_comes_first(self, ada):
        older, newer = record(), record()
        oldest = record(started_at=datetime(2025, 1, 1, tzinfo=UTC))
        assert self.ids(ada) == [newer.pk, older.pk, oldest.pk]

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ({"status": "failed"}, {"failed"}),
            ({"mode": "skip"}, {"skip"}),
            ({"door": "command"}, {"command"}),
            ({"user": "bob"}, {"by bob"}),
            ({"sha256": "B" * 64}, {"file b"}),
            ({"dateFrom": "2027-01-01"}, {"2027"}),
            ({"dateTo": "2025-12-31"}, {"2025"}),
            ({"dateTo": "2025-12-30"}, set()),
            ({"dateFrom": "2025-12-31T23:00:00Z", "dateTo": "2026-01-01T00:00:00+02:00"}, set()),
            ({"dateFrom": "2025-12-31T20:00:00", "dateTo": "2026-01-01T00:00:00Z"}, {"2025"}),
            ({"status": "failed", "user": "bob"}, set()),
            ({"itemUuid": uuid_of("f", 1)}, {"an item"}),
            ({"itemUuid": uuid_of("f", 2)}, {"an item"}),
            ({"itemUuid": uuid_of("f", 3).upper()}, {"an item"}),
            ({"itemUuid": uuid_of("f", 4)}, {"an item"}),
            ({"itemUuid": uuid_of("f", 5)}, set()),
        ],
    )
    def test_filters_narrow_it(self, ada, query, wanted):
        made = {
            "plain": record(),
            "failed": record(status="failed"),
            "skip": record(mode="skip"),
            "command": record(door="command"),
            "by bob": record(user_name="bob"),
            "file b": record(file_sha256="b" * 64),
            "2027": record(started_at=datetime(2027, 1, 1, tzinfo=UTC)),
            "2025": record(started_at=datetime(2025, 12, 31, 21, tzinfo=UTC)),
            "an item": record(),
        }
        item(made["an item"], 1).save()
        item(made["an item"], 2).save()
        item(made["an item"], 3, uuid=uuid_of("F", 3), target_uuid=UUID(uuid_of("f", 4))).save()
        assert self.ids(ada, **query) == [made[each].pk for each in wanted]

    def test_an_empty_filter_says_nothing(self, ada):
        made = record()
        query = {"status": "", "mode": "", "user": "", "dateFrom": "", "itemUuid": "", "page": ""}
        assert self.ids(ada, **query) == [made.pk]

    def test_pages_lead_to_each_other(self, ada):
        made = [record(user_name="bob" if number % 2 else "ada") for number in range(10)]
        by_bob = [each.pk for each in reversed(made) if each.user_name == "bob"]
        first = ada.get("/api/imports?user=bob&pageSize=2").json()
        assert (first["count"], first["previous"]) == (5, None)
        assert first["next"] == "http://testserver/api/imports?user=bob&pageSize=2&page=2"
        second = ada.get(first["next"]).json()
        assert second["previous"] == "http://testserver/api/imports?user=bob&pageSize=2&page=1"
        third = ada.get(second["next"]).json()
        assert third["next"] is None
        shown = [each["id"] for page in (first, second, third) for each in page["results"]]
        assert shown == by_bob

    @pytest.mark.parametrize("page", ["2", "99999999999999999999999999"])
    def test_there_is_no_page_behind_the_last(self, ada, page):
        assert refusal(ada.get("/api/imports", {"page": page})) == (404, "not-found", [])

    @pytest.mark.parametrize(
        ("query", "issue"),
        [
            ({"page": "0"}, ("min-value", "page")),
            ({"page": "x"}, ("invalid", "page")),
            ({"pageSize": "101"}, ("max-value", "pageSize")),
            ({"status": "done"}, ("invalid-choice", "status")),
            ({"mode": "LEAVE"}, ("invalid-choice", "mode")),
            ({"door": "window"}, ("invalid-choice", "door")),
            ({"dateFrom": "yesterday"}, ("invalid-time", "dateFrom")),
            ({"dateTo": "2026-02-30"}, ("invalid-time", "dateTo")),
            ({"dateTo": "9999-12-31"}, ("invalid-time", "dateTo")),
            ({"sha256": "abc"}, ("invalid", "sha256")),
            ({"itemUuid": "42"}, ("invalid", "itemUuid")),
            ({"user": "a\0b"}, ("null-characters-not-allowed", "user")),
        ],
    )
    def test_a_filter_that_makes_no_sense_is_refused(self, ada, query, issue):
        assert refusal(ada.get("/api/imports", query)) == (422, "invalid-request", [issue])

    def test_the_number_of_queries_does_not_grow(self, ada, django_assert_num_queries):
        record()
        with django_assert_num_queries(3):  # the token, the count, the page
            ada.get("/api/imports")
        for _ in range(30):
            item(record(), 1).save()
        with django_assert_num_queries(3):
            ada.get("/api/imports?pageSize=100")

    @pytest.mark.parametrize("path", ["/api/imports", "/api/imports/1"])
    def test_it_needs_the_right_to_see_records(self, path):
        record(pk=1)
        assert caller("olga", role="Operator").get(path).status_code == 200
        answer = caller("bob", may=("run_import",)).get(path)
        assert refusal(answer) == (403, "not-permitted", [("not-permitted", "")])
        assert answer.json()["message"] == (
            "bob may not see the records of imports. An administrator can give the right."
        )
        assert refusal(APIClient().get(path))[0] == 401


class TestOneRecord:
    def test_it_has_all_that_is_known(self, ada):
        payload = export_file(flow(1, "Orders", timeout=2), secret(1, "KEY", isDeleted=True))
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=1)
        location = upload(ada, payload).headers["Location"]
        shown = ada.get(location).json()
        assert shown["status"] == "succeeded"
        assert shown["counts"] == {"OVERWRITE": 1, "CREATE": 1}
        assert (shown["issues"], shown["backup"]) == ([], None)
        assert shown["warnings"] == [
            {
                "kind": "secret",
                "position": 0,
                "uuid": uuid_of("5", 1),
                "name": "KEY",
                "warnings": ["isDeleted is ignored: an import never deletes"],
            }
        ]
        assert shown["items"] == {
            "count": 2,
            "next": None,
            "previous": None,
            "results": [
                {
                    "kind": "flow",
                    "position": 0,
                    "uuid": uuid_of("f", 1),
                    "name": "Orders",
                    "result": "OVERWRITE",
                    "matchMethod": "uuid",
                    "targetUuid": uuid_of("f", 1),
                    "targetName": "Orders",
                    "changedKeys": ["timeout"],
                    "warnings": [],
                    "warningDetails": [],
                },
                {
                    "kind": "secret",
                    "position": 0,
                    "uuid": uuid_of("5", 1),
                    "name": "KEY",
                    "result": "CREATE",
                    "matchMethod": "unmatched",
                    "targetUuid": uuid_of("5", 1),
                    "targetName": "KEY",
                    "changedKeys": [],
                    "warnings": ["isDeleted is ignored: an import never deletes"],
                    "warningDetails": [
                        {
                            "code": "deletion-ignored",
                            "text": "isDeleted is ignored: an import never deletes",
                            "isSerious": False,
                            "data": {"key": "isDeleted"},
                        }
                    ],
                },
            ],
        }

    def test_a_refused_one_has_its_issues(self, ada):
        upload(ada, b'{"flows": [1]}')
        shown = ada.get(f"/api/imports/{ImportRecord.objects.get().pk}").json()
        assert (shown["status"], shown["code"]) == ("failed", "wrong-type")
        assert shown["issues"] == [
            {
                "code": "wrong-type",
                "path": "flows[0]",
                "uuid": None,
                "name": None,
                "message": "A flow must be an object.",
            }
        ]

    def test_ten_thousand_items_come_in_pages(self, ada, django_assert_num_queries):
        made = record()
        ImportItem.objects.bulk_create(
            (item(made, number, warnings=["a warning"]) for number in range(10_000)), batch_size=500
        )
        # The token, the record, the count and the page of items, the warnings.
        with django_assert_num_queries(5):
            shown = ada.get(f"/api/imports/{made.pk}").json()
        assert shown["items"]["count"] == 10_000
        assert [each["position"] for each in shown["items"]["results"]] == list(range(100))
        assert len(shown["warnings"]) == 1000
        last = ada.get(f"/api/imports/{made.pk}?page=10&pageSize=1000").json()["items"]
        assert [each["position"] for each in last["results"]] == list(range(9000, 10_000))
        assert last["next"] is None
        assert last["previous"] == (f"http://testserver/api/imports/{made.pk}?page=9&pageSize=1000")

    def test_where_a_backup_is_shows_only_to_those_who_may_back_up(self):
        made = record(
            backup_path="/var/backups/default-1.sqlite3",
            backup_size=5,
            backup_sha256="c" * 64,
        )
        backup = {"name": "default-1.sqlite3", "size": 5, "sha256": "c" * 64}
        path = f"/api/imports/{made.pk}"
        operator = caller("olga", role="Operator").get(path)
        assert operator.json()["backup"] == backup
        assert "/var/" not in operator.content.decode()
        editor = caller("emil", role="Editor").get(path)
        assert editor.json()["backup"] == {**backup, "path": "/var/backups/default-1.sqlite3"}

    @pytest.mark.parametrize("path", ["/api/imports", "/api/imports/1"])
    def test_so_does_why_a_backup_failed(self, path):
        told = "The database was not backed up. /var/backups: No space left on device."
        record(pk=1, status="refused", code="backup-failed", message=told)
        operator = caller("olga", role="Operator").get(path)
        assert "/var/" not in operator.content.decode()
        assert "Its log says more." in operator.content.decode()
        assert told in caller("emil", role="Editor").get(path).content.decode()

    def test_the_key_of_a_request_does_not_show(self, ada):
        record(pk=1, idempotency_key="canary-key")
        assert "canary" not in ada.get("/api/imports/1").content.decode()
        assert "canary" not in ada.get("/api/imports").content.decode()

    @pytest.mark.parametrize(
        "pk", ["1", "999999999999999999", "99999999999999999999999", "x", "-1"]
    )
    def test_what_is_not_there_is_404(self, ada, pk):
        assert refusal(ada.get(f"/api/imports/{pk}"))[0] == 404

    def test_a_record_that_may_have_been_removed_is_told_as_such(self, ada):
        record(pk=3)
        for number, is_told in ((2, True), (4, False)):
            answer = ada.get(f"/api/imports/{number}")
            assert refusal(answer)[:2] == (404, "not-found")
            message = answer.json()["message"]
            assert message.startswith(f"There is no import {number}.")
            assert ("It may have been removed with the old history" in message) == is_told

    @pytest.mark.parametrize("path", ["/api/imports", "/api/imports/1"])
    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_records_cannot_be_changed(self, ada, path, method):
        record(pk=1)
        assert getattr(ada, method)(path).status_code == 405
        assert ImportRecord.objects.count() == 1


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


class TestExports:
    @pytest.fixture(autouse=True)
    def a_server(self):
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")
        SecretFactory(uuid=uuid_of("5", 2), name="UNUSED")
        ConnectionFactory(uuid=uuid_of("c", 1), name="Twilio", dev_value="{ key: secrets.KEY }")
        ConnectionFactory(uuid=uuid_of("c", 2), name="Unused")
        uses = json.dumps([{"id": "1", "data": {"connection": uuid_of("c", 1)}}])
        FlowFactory(uuid=uuid_of("f", 1), name="Sms", tags='["sms"]', nodes=uses)
        FlowFactory(uuid=uuid_of("f", 2), name="Mail", tags='["mail"]')
        FlowFactory(uuid=uuid_of("f", 3), name="Other")
        FlowFactory(uuid=uuid_of("f", 4), name="Gone", tags='["sms"]', is_deleted=True)

    def build(self, client: APIClient, **wanted: Any) -> Any:
        return client.post("/api/flow/export-tagged", wanted, format="json")

    def names(self, client: APIClient) -> list[str]:
        document = json.loads(body_of(client.get("/api/flow/export-tagged")))
        return [
            each["name"] for kind in ("flows", "connections", "secrets") for each in document[kind]
        ]

    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            ({"tags": ["sms"], "flowUuids": []}, ["Sms", "Twilio", "KEY"]),
            ({"tags": ["mail", "sms"]}, ["Mail", "Sms", "Twilio", "KEY"]),
            ({"flowUuids": [uuid_of("f", 3)]}, ["Other"]),
            ({"tags": ["mail"], "flowUuids": [uuid_of("f", 3).upper()]}, ["Mail", "Other"]),
            ({"tags": ["nobody has this"], "flowUuids": []}, []),
            ({"tags": ["nobody has this"], "flowUuids": [uuid_of("f", 3)]}, ["Other"]),
            ({"tags": [""]}, []),
            ({"tags": [], "flowUuids": []}, ["Mail", "Other", "Sms", "Twilio", "KEY"]),
            ({"tags": None, "flowUuids": None}, ["Mail", "Other", "Sms", "Twilio", "KEY"]),
            ({}, ["Mail", "Other", "Sms", "Twilio", "KEY"]),
        ],
    )
    def test_it_holds_what_was_chosen_and_what_that_needs(self, ada, wanted, names):
        answer = self.build(ada, **wanted)
        assert (answer.status_code, answer.reason_phrase) == (201, "Created")
        assert answer.headers["Location"] == "/api/flow/export-tagged"
        assert self.names(ada) == names

    def test_an_empty_body_asks_for_all_flows(self, ada):
        answer = ada.generic(
            "POST", "/api/flow/export-tagged", b"", content_type="application/json"
        )
        assert answer.status_code == 201
        assert answer.json()["flows"] == 3

    def test_the_answer_tells_what_was_built(self, ada):
        statistics = self.build(ada, tags=["sms"]).json()
        document = body_of(ada.get("/api/flow/export-tagged"))
        assert statistics == {
            "flows": 1,
            "connections": 1,
            "secrets": 1,
            "size": len(document),
            "sha256": hashlib.sha256(document).hexdigest(),
            "warnings": [],
        }

    def test_the_document_is_the_commands_byte_for_byte(self, ada, run_command, tmp_path):
        self.build(ada, tags=["sms"])
        file = tmp_path / "export.json"
        assert run_command("flow_export", "--tags", "sms", "--file-path", str(file)).code == 0
        answer = ada.get("/api/flow/export-tagged")
        assert body_of(answer) == file.read_bytes()
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="zexport.json"'
        assert answer.headers["Content-Length"] == str(file.stat().st_size)
        assert answer.headers["Cache-Control"] == "no-store"
        assert b"CANARY" not in file.read_bytes()

    def test_everything_is_the_commands_too(self, ada, run_command, tmp_path):
        file = tmp_path / "export.json"
        assert run_command("flow_export", "--file-path", str(file)).code == 0
        answer = ada.get("/api/flow/export-all", CONTENT_TYPE="application/json")
        assert answer.status_code == 200
        assert body_of(answer) == file.read_bytes()
        assert b"UNUSED" in file.read_bytes()

    def test_the_next_one_takes_its_place(self, ada):
        self.build(ada, tags=["sms"])
        self.build(ada, tags=["mail"])
        assert self.names(ada) == ["Mail"]
        assert BuiltExport.objects.count() == 1

    def test_each_caller_has_their_own(self, ada):
        bob = caller("bob", role="Operator")
        self.build(ada, tags=["sms"])
        assert refusal(bob.get("/api/flow/export-tagged")) == (404, "no-export", [])
        self.build(bob, tags=["mail"])
        assert self.names(ada) == ["Sms", "Twilio", "KEY"]
        assert self.names(bob) == ["Mail"]

    def test_it_lasts_a_day(self, ada, monkeypatch):
        self.build(ada, tags=["sms"])
        now = datetime.now(UTC)
        monkeypatch.setattr(
            imports.exporting.downloads.timezone,
            "now",
            lambda: now + timedelta(hours=23, minutes=59),
        )
        later = client_of(User.objects.get())
        assert self.names(later) == ["Sms", "Twilio", "KEY"]
        monkeypatch.setattr(
            imports.exporting.downloads.timezone,
            "now",
            lambda: now + timedelta(hours=24, minutes=1),
        )
        later = client_of(User.objects.get())
        assert later.get("/api/flow/export-tagged").status_code == 404
        self.build(caller("bob", admin=True), tags=["mail"])
        assert [str(built.user) for built in BuiltExport.objects.all()] == ["bob"]

    def test_it_is_kept_compressed(self, ada):
        FlowFactory(name="Large", tags='["large"]', info="x" * 1_000_000)
        assert self.build(ada, tags=["large"]).json()["size"] > 1_000_000
        assert len(BuiltExport.objects.get().content) < 20_000

    def test_it_can_be_forgotten(self, ada):
        self.build(ada, tags=["sms"])
        for _ in range(2):
            answer = ada.delete("/api/flow/tagged-export")
            assert (answer.status_code, answer.content) == (204, b"")
        assert ada.get("/api/flow/export-tagged").status_code == 404

    def test_unknown_flows_are_404_and_named(self, ada):
        self.build(ada, tags=["sms"])
        answer = self.build(ada, flowUuids=[uuid_of("f", 4), uuid_of("f", 3), uuid_of("f", 9)])
        assert refusal(answer) == (404, "unknown-flows", [("unknown-flow", "")] * 2)
        assert answer.json()["message"] == (
            "No flow on this server has the uuid ffffffff-0000-4000-8000-000000000004 (1 more)."
        )
        assert [each["uuid"] for each in answer.json()["issues"]] == [
            uuid_of("f", 4), uuid_of("f", 9),
        ]  # fmt: skip
        assert self.names(ada) == ["Sms", "Twilio", "KEY"]

    @pytest.mark.parametrize(
        ("wanted", "issues"),
        [
            ({"tags": "sms"}, [("not-a-list", "tags")]),
            ({"tags": [1, {}]}, [("invalid", "tags[0]"), ("invalid", "tags[1]")]),
            ({"tags": {"a": 1}, "flowUuids": 5}, [("not-a-list", "tags"),
                                                  ("not-a-list", "flowUuids")]),
            ({"flowUuids": ["x"]}, [("invalid", "flowUuids[0]")]),
            ([], [("invalid", "")]),
        ],
    )  # fmt: skip
    def test_a_body_that_makes_no_sense_is_refused(self, ada, wanted, issues):
        answer = ada.post("/api/flow/export-tagged", wanted, format="json")
        assert refusal(answer) == (422, "invalid-request", issues)
        assert not BuiltExport.objects.exists()

    @pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("post", "/api/flow/export-tagged"),
            ("get", "/api/flow/export-tagged"),
            ("delete", "/api/flow/tagged-export"),
            ("get", "/api/flow/export-all"),
        ],
    )
    def test_it_needs_the_right_to_see_all_three_kinds(self, kind, method, path):
        others = tuple(f"view_{each}" for each in ("flow", "connection", "secret") if each != kind)
        answer = getattr(caller("bob", may=others), method)(path)
        assert refusal(answer) == (403, "not-permitted", [("not-permitted", "")])
        assert answer.json()["issues"][0]["message"] == f"Needs the permission flows.view_{kind}."
        assert refusal(getattr(APIClient(), method)(path))[0] == 401

    def test_a_failure_while_it_is_made_is_no_half_file(self, ada, monkeypatch):
        def fail(*_: Any, **__: Any) -> Any:
            raise BackupFailed("x", "y")

        monkeypatch.setattr(imports.exporting.downloads, "write_export", fail)
        assert ada.get("/api/flow/export-all").status_code == 503


@pytest.mark.django_db(transaction=True)
def test_an_export_is_of_one_moment(monkeypatch):
    """What others write meanwhile is in it as a whole, or not at all."""
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="before")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Twilio", description="before")
    write_export = imports.exporting.downloads.write_export

    def meanwhile() -> None:
        Flow.objects.update(info="after")
        Connection.objects.all().delete()
        database.close()

    def write_after_a_write(*arguments: Any, **options: Any) -> Any:
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()  # nobody waits for an export
        return write_export(*arguments, **options)

    monkeypatch.setattr(imports.exporting.downloads, "write_export", write_after_a_write)
    ada = caller(admin=True)
    document = json.loads(body_of(ada.get("/api/flow/export-all")))
    assert [each["info"] for each in document["flows"]] == ["before"]
    assert [each["description"] for each in document["connections"]] == ["before"]
    assert Flow.objects.get().info == "after"
