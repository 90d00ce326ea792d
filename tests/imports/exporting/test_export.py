"""An export holds what was chosen and all that it needs, and is the same bytes for the same state."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from flows.content.fields import Kind
from flows.models import MODELS, Flow
from imports.exportfile.writing import Piece
from imports.exporting.selection import (
    Selection,
    UnknownFlowsError,
    select_everything,
    select_flows,
)
from imports.exporting.write import ExportStatistics, write_export
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import uuid_of

pytestmark = pytest.mark.django_db

CHANGED = datetime(2026, 3, 16, 17, 10, 6, 123_000, tzinfo=UTC)
EMPTY = (
    b'{\n  "formatVersion": 1,\n  "exportedAt": null,\n  "exportedFrom": "local",\n'
    b'  "flows": [],\n  "connections": [],\n  "secrets": []\n}\n'
)


def a_flow(number: int, name: str | None = None, **values: Any) -> Flow:
    return FlowFactory(uuid=uuid_of("f", number), name=name or f"Flow {number}", **values)


def a_connection(number: int, name: str | None = None, **values: Any) -> Any:
    return ConnectionFactory(uuid=uuid_of("c", number), name=name or f"Conn {number}", **values)


def a_secret(number: int, name: str | None = None, **values: Any) -> Any:
    return SecretFactory(uuid=uuid_of("5", number), name=name or f"KEY_{number}", **values)


def naming(document: str, *uuids: str) -> str:
    """The document with a uuid for each `%s`."""
    return document % uuids


def exported(selection: Selection) -> tuple[bytes, ExportStatistics]:
    stream = BytesIO()
    statistics = write_export(selection, stream, server="local")
    return stream.getvalue(), statistics


def names(selection: Selection) -> dict[str, list[str]]:
    return {kind.plural: [row.name for row in selection[kind]] for kind in Kind}


class TestClosure:
    """The chosen flows, every flow that they call, and the connections and secrets of them all."""

    def test_nothing_but_what_is_needed(self):
        a_flow(1)
        a_flow(2)
        a_connection(1)
        a_secret(1)
        assert names(select_flows(uuids=[uuid_of("f", 1)])) == {
            "flows": ["Flow 1"],
            "connections": [],
            "secrets": [],
        }

    def test_subflows_to_any_depth_and_in_circles(self):
        a_flow(1, nodes=naming('[{"data":{"flowUuid":"%s"}}]', uuid_of("f", 2)))
        a_flow(2, edges=naming('[{"data":{"note":"calls %s, then ends"}}]', uuid_of("f", 3)))
        a_flow(3, nodes=naming('[{"data":{"subflowUuid":"%s"}}]', uuid_of("f", 1).upper()))
        a_flow(4)
        for number in (1, 2, 3):
            selection = select_flows(uuids=[uuid_of("f", number)])
            assert names(selection)["flows"] == ["Flow 1", "Flow 2", "Flow 3"]

    def test_a_flow_that_calls_itself(self):
        a_flow(1, nodes=naming('[{"data":{"flowUuid":"%s"}}]', uuid_of("f", 1)))
        assert names(select_flows(uuids=[uuid_of("f", 1)]))["flows"] == ["Flow 1"]

    @pytest.mark.parametrize(
        "values",
        [
            {"nodes": naming('[{"data":{"connectionUuid":"%s"}}]', uuid_of("c", 1))},
            {"edges": naming('[{"data":{"deep":[{"er":["%s"]}]}}]', uuid_of("c", 1))},
            {"used_connections": naming('["%s"]', uuid_of("c", 1))},
            {"used_connections": naming('[{"name":"x","uuid":"%s"}]', uuid_of("c", 1).upper())},
            {"viewport": naming('{"%s":1}', uuid_of("c", 1))},
            {"info": f"uses {uuid_of('c', 1)}"},
        ],
        ids=["a node", "an edge", "a list of uuids", "a list of objects", "a key", "text"],
    )
    def test_connections_wherever_a_flow_names_them(self, values):
        a_flow(1, **values)
        a_connection(1)
        a_connection(2)
        assert names(select_flows(uuids=[uuid_of("f", 1)]))["connections"] == ["Conn 1"]

    @pytest.mark.parametrize(
        "values",
        [
            {"nodes": '[{"data":{"code":"return secrets.KEY_1;"}}]'},
            {"nodes": '[{"data":{"code":"a\\nsecrets.KEY_1"}}]'},
            {"used_secrets": naming('["%s"]', uuid_of("5", 1))},
            {"used_secrets": naming('[{"uuid":"%s"}]', uuid_of("5", 1))},
        ],
        ids=["code", "code behind a line end", "a list of uuids", "a list of objects"],
    )
    def test_secrets_wherever_a_flow_names_them(self, values):
        a_flow(1, **values)
        a_secret(1)
        a_secret(11)
        assert names(select_flows(uuids=[uuid_of("f", 1)]))["secrets"] == ["KEY_1"]

    @pytest.mark.parametrize("column", ["dev_value", "prod_value", "description"])
    def test_secrets_through_a_connection_of_a_subflow(self, column):
        a_flow(1, nodes=naming('[{"data":{"flowUuid":"%s"}}]', uuid_of("f", 2)))
        a_flow(2, nodes=naming('[{"data":{"connectionUuid":"%s"}}]', uuid_of("c", 1)))
        a_connection(1, **{column: "{ key: secrets.KEY_1 }"})
        a_secret(1)
        a_secret(2)
        assert names(select_flows(uuids=[uuid_of("f", 1)])) == {
            "flows": ["Flow 1", "Flow 2"],
            "connections": ["Conn 1"],
            "secrets": ["KEY_1"],
        }

    def test_what_is_deleted_is_left_out_and_not_followed(self):
        a_flow(1, nodes=naming('[{"a":"%s","b":"%s"}]', uuid_of("f", 2), uuid_of("c", 1)))
        a_flow(2, is_deleted=True, nodes=naming('[{"a":"%s"}]', uuid_of("c", 2)))
        a_connection(1, is_deleted=True, dev_value="secrets.KEY_1")
        a_connection(2)
        a_secret(1)
        a_secret(2, is_deleted=True)
        assert names(select_flows(uuids=[uuid_of("f", 1)])) == {
            "flows": ["Flow 1"],
            "connections": [],
            "secrets": [],
        }
        assert names(select_everything()) == {
            "flows": ["Flow 1"],
            "connections": ["Conn 2"],
            "secrets": ["KEY_1"],
        }

    def test_a_reference_to_nothing_is_exported_as_it_stands(self):
        a_flow(1, nodes=naming('[{"data":{"connectionUuid":"%s"}}]', uuid_of("c", 9)))
        payload, _ = exported(select_flows(uuids=[uuid_of("f", 1)]))
        assert json.loads(payload)["flows"][0]["nodes"] == [
            {"data": {"connectionUuid": uuid_of("c", 9)}}
        ]


class TestChoice:
    @pytest.fixture(autouse=True)
    def tagged_flows(self) -> None:
        a_flow(1, tags='["sms","test"]')
        a_flow(2, tags='["mail"]')
        a_flow(3, tags="[]")
        a_flow(4, tags="null")
        a_flow(5, tags='["sms"]', is_deleted=True)

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            (["sms"], ["Flow 1"]),
            (["test", "mail"], ["Flow 1", "Flow 2"]),
            (["sms", "nobody has it"], ["Flow 1"]),
            (["SMS"], []),
            (["s"], []),
            (["nobody has it"], []),
        ],
    )
    def test_any_of_the_tags_chooses_a_flow(self, tags, expected):
        assert names(select_flows(tags=tags))["flows"] == expected

    def test_uuids_and_tags_choose_together(self):
        selection = select_flows(uuids=[uuid_of("f", 3).upper()], tags=["mail"])
        assert names(selection)["flows"] == ["Flow 2", "Flow 3"]

    @pytest.mark.parametrize(
        ("uuids", "told"),
        [
            ([uuid_of("f", 9)], "ffffffff-0000-4000-8000-000000000009"),
            ([uuid_of("f", 5)], "ffffffff-0000-4000-8000-000000000005"),
            ([uuid_of("f", 1), "Flow 1"], "Flow 1"),
            (
                [uuid_of("f", 8), uuid_of("f", 1), uuid_of("c", 1)],
                "cccccccc-0000-4000-8000-000000000001, ffffffff-0000-4000-8000-000000000008",
            ),
        ],
        ids=["unknown", "deleted", "no uuid", "several"],
    )
    def test_a_uuid_of_no_flow_is_an_error(self, uuids, told):
        with pytest.raises(UnknownFlowsError) as raised:
            select_flows(uuids=uuids)
        assert str(raised.value) == f"No flow on this server has the uuid {told}."


class TestBytes:
    def test_of_an_empty_server(self):
        assert exported(select_everything())[0] == EMPTY

    def test_of_tags_that_nobody_has(self):
        a_flow(1)
        assert exported(select_flows(tags=["none"]))[0] == EMPTY

    def test_of_one_item_of_each_kind(self):
        a_flow(
            1,
            "Größe",
            info=None,
            tags='["a","é"]',
            tenant_id="t",
            used_connections="[]",
            nodes='[{"data":{"n":1.5,"x":[]},"id":"a"}]',
            extra='{"more":{"kept":true}}',
        )
        a_connection(1, "Twilio", dev_value="{\r\n  a: 'b',\n}", prod_value=None)
        a_secret(1, "KEY", description="d", group="g", dev_value="value", prod_value="value")
        for model in MODELS.values():
            model.objects.update(created_at=datetime(2026, 1, 2, tzinfo=UTC), updated_at=CHANGED)
        Flow.objects.update(updated_at=CHANGED.replace(second=7, microsecond=123_456))
        payload, statistics = exported(select_everything())
        assert payload.decode() == ONE_OF_EACH
        assert statistics.counts == {Kind.FLOW: 1, Kind.CONNECTION: 1, Kind.SECRET: 1}
        assert statistics.size == len(payload) == 1659
        assert statistics.sha256 == sha256(ONE_OF_EACH.encode()).hexdigest()
        assert statistics.warnings == []

    def test_two_exports_of_one_state_are_the_same(self):
        for number in range(5):
            a_flow(number, nodes='[{"b":1,"id":"x"}]')
            a_connection(number)
            a_secret(number)
        assert exported(select_everything()) == exported(select_everything())

    def test_they_do_not_depend_on_the_order_in_which_rows_were_made(self):
        first = self.of_rows(range(9))
        for model in MODELS.values():
            model.objects.all().delete()
        assert self.of_rows(reversed(range(9))) == first

    def of_rows(self, numbers: Any) -> bytes:
        for number in numbers:
            a_flow(number, name="same" if number % 2 else None)
            a_connection(number)
            a_secret(number)
        for model in MODELS.values():
            model.objects.update(created_at=CHANGED, updated_at=CHANGED)
        return exported(select_everything())[0]

    def test_names_stand_in_the_order_of_their_code_points(self):
        for name in [
            "ä",
            "a",
            "Z",
            "A",
            "É",
            "é",
            "e\u0301",
            "z",
            " a",
            "ﬁ",
            "🔐",
            "a ",
            "10",
            "9",
        ]:
            FlowFactory(name=name)
        FlowFactory(uuid=uuid_of("f", 2), name="")
        FlowFactory(uuid=uuid_of("f", 1), name="")
        selection = select_everything()[Kind.FLOW]
        assert [row.name for row in selection] == [
            *("", "", " a", "10", "9", "A", "Z", "a", "a ", "e\u0301", "z"),
            *("É", "ä", "é", "ﬁ", "🔐"),
        ]
        assert [row.uuid for row in selection[:2]] == [uuid_of("f", 1), uuid_of("f", 2)]

    def test_more_rows_than_a_batch(self):
        Flow.objects.bulk_create(Flow(name=f"{number:04}") for number in range(450))
        payload, statistics = exported(select_everything())
        assert [flow["name"] for flow in json.loads(payload)["flows"]] == [
            f"{number:04}" for number in range(450)
        ]
        assert statistics.counts[Kind.FLOW] == 450

    def test_queries_grow_with_the_batches(self):
        def queries(count: int) -> int:
            Flow.objects.all().delete()
            Flow.objects.bulk_create(
                Flow(name=f"{number}", tags='["t"]') for number in range(count)
            )
            with CaptureQueriesContext(database) as captured:
                exported(select_everything())
                exported(select_flows(tags=["t"]))
            return len(captured)

        few = queries(10)
        assert few <= 13
        assert queries(1000) - few == 24  # each batch of rows is followed by its documents


class TestWarnings:
    WARNING = (
        'connection "Conn 1": {} seems to hold a credential, which is exported as it stands. '
        "Move it to a secret."
    )

    @pytest.mark.parametrize(
        "text",
        [
            "{ password: 'hunter2' }",
            '{ "apiKey": "hunter2" }',
            "{ api_key : `hunter2` }",
            "{ clientSecret: 'hunter2' }",
            "const token = 'hunter2'",
            "{ PASSPHRASE: 'hunter2' }",
        ],
    )
    def test_a_credential_in_a_connections_text_is_exported_with_a_warning(self, text):
        a_connection(1, dev_value=text, prod_value=text)
        payload, statistics = exported(select_everything())
        assert json.loads(payload)["connections"][0]["devValue"] == text
        assert statistics.warnings == [
            self.WARNING.format("devValue"),
            self.WARNING.format("prodValue"),
        ]
        assert "hunter2" not in str(statistics.warnings)

    @pytest.mark.parametrize(
        "text",
        [
            "{ password: secrets.KEY }",
            "{ password: '' }",
            "{ token: `${secrets.KEY}` }",
            "{ host: 'example.org', user: 'me' }",
            "",
            None,
        ],
    )
    def test_a_reference_to_a_secret_needs_none(self, text):
        a_connection(1, dev_value=text)
        assert exported(select_everything())[1].warnings == []


def test_secret_values_are_never_in_it():
    a_secret(1, dev_value="CANARY-dev", prod_value="CANARY-prod")
    tokens = [str(value.token) for value in MODELS[Kind.SECRET].objects.values_list(
        "dev_value", "prod_value"
    ).get()]  # fmt: skip
    payload = exported(select_everything())[0].decode()
    [secret] = json.loads(payload)["secrets"]
    assert (secret["devValue"], secret["prodValue"]) == (None, None)
    assert "CANARY" not in payload
    assert not any(token in payload for token in tokens)


class TestCommand:
    @pytest.fixture(autouse=True)
    def a_row(self) -> None:
        a_flow(1, tags='["sms"]')
        Flow.objects.update(created_at=CHANGED, updated_at=CHANGED)

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "zexport.json"

    @pytest.fixture
    def expected(self) -> bytes:
        return exported(select_everything())[0]

    def test_a_file_and_its_statistics(self, run_command, file, expected):
        done = run_command("flow_export", "--file-path", str(file))
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == {
            "status": 200,
            "statusText": "OK",
            "data": {
                "filePath": str(file),
                "flows": 1,
                "connections": 0,
                "secrets": 0,
                "size": len(expected),
                "sha256": sha256(expected).hexdigest(),
                "warnings": [],
            },
        }
        assert file.read_bytes() == expected
        assert file.stat().st_mode & 0o777 == 0o644

    def test_a_minus_is_stdout_and_the_statistics_are_for_people(self, run_command, expected):
        done = run_command("flow_export", "-fp", "-")
        assert (done.code, done.out.encode()) == (0, expected)
        assert done.err == "1 flow, 0 connections, 0 secrets\n"

    def test_a_directory_gets_a_file_of_the_usual_name(self, run_command, file, expected):
        assert run_command("flow_export", "--save-path", str(file.parent)).code == 0
        assert file.read_bytes() == expected

    def test_some_flows_by_uuid_and_by_tag(self, run_command, file):
        a_flow(2)
        a_flow(3, tags='["mail"]')
        run_command(
            "flow_export", "--flow-ids", f" {uuid_of('f', 2)} ,", "--tags", "mail, x",
            "--file-path", str(file),
        )  # fmt: skip
        assert [flow["name"] for flow in json.loads(file.read_bytes())["flows"]] == [
            "Flow 2",
            "Flow 3",
        ]

    def test_an_unknown_uuid_writes_nothing(self, run_command, file):
        done = run_command("flow_export", "--flow-ids", uuid_of("f", 9), "--file-path", str(file))
        message = "No flow on this server has the uuid ffffffff-0000-4000-8000-000000000009."
        assert (done.code, done.err) == (1, f"CommandError: {message}\n")
        assert json.loads(done.out) == {
            "status": 404,
            "statusText": "Not Found",
            "data": {"message": message},
        }
        assert not file.exists()

    def test_an_unknown_server_is_refused(self, run_command, file):
        done = run_command("flow_export", "--server", "production", "--file-path", str(file))
        assert done.code == 8
        assert json.loads(done.out)["data"]["code"] == "wrong-server"
        assert not file.exists()

    def test_the_servers_name_is_in_the_file(self, run_command, settings, file):
        settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "development"}
        run_command("flow_export", "-s", "development", "-fp", str(file))
        assert json.loads(file.read_bytes())["exportedFrom"] == "development"

    def test_a_warning_is_told_on_both_channels(self, run_command, file):
        a_connection(1, dev_value="{ password: 'hunter2' }")
        warning = TestWarnings.WARNING.format("devValue")
        done = run_command("flow_export", "-fp", str(file))
        assert done.err == f"Warning: {warning}\n"
        assert json.loads(done.out)["data"]["warnings"] == [warning]

    def test_an_existing_file_is_not_replaced_unasked(self, run_command, file, monkeypatch):
        file.write_text("precious")
        monkeypatch.setattr("sys.stdin", BytesIO())
        done = run_command("flow_export", "-fp", str(file))
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "CommandError: Standard input is no terminal, so there is nobody to ask. "
            "Say --no-prompt to go on without being asked.\n"
        )
        assert file.read_text() == "precious"

    def test_an_existing_file_is_replaced_after_a_yes(
        self, run_command, file, monkeypatch, expected
    ):
        file.write_text("precious")
        monkeypatch.setattr("sys.stdin", Terminal("y\n"))
        done = run_command("flow_export", "-fp", str(file))
        assert (done.code, done.err) == (0, f'"{file}" exists. Replace it? [y/N] ')
        assert file.read_bytes() == expected

    @pytest.mark.parametrize("typed", ["n\n", "\n", ""], ids=["no", "Enter", "Ctrl-D"])
    def test_an_existing_file_stays_after_anything_else(
        self, run_command, file, monkeypatch, typed
    ):
        file.write_text("precious")
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        done = run_command("flow_export", "-fp", str(file))
        assert (done.code, done.err) == (0, f'"{file}" exists. Replace it? [y/N] ')
        assert json.loads(done.out)["data"] == {"message": "Operation cancelled by user"}
        assert file.read_text() == "precious"

    def test_an_existing_file_is_replaced_as_a_whole(self, run_command, file, expected):
        file.write_text("old")
        with file.open() as reader:
            assert run_command("flow_export", "-fp", str(file), "--no-prompt").code == 0
            assert reader.read() == "old"  # who has it open still reads the old one
        assert file.read_bytes() == expected
        assert list(file.parent.glob(".*")) == []

    def test_a_failure_leaves_the_old_file_and_no_part(self, run_command, file, monkeypatch):
        def half(*_args: Any, **_options: Any) -> Iterator[Piece]:
            yield b"{", 1
            raise OSError(28, "No space left on device")

        file.write_text("old")
        monkeypatch.setattr("imports.exporting.write._make_chunks", half)
        done = run_command("flow_export", "-fp", str(file), "--no-prompt")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f'CommandError: The file "{file}" cannot be written: No space left on device.\n'
        )
        assert [(path.name, path.read_text()) for path in file.parent.glob("*export*")] == [
            ("zexport.json", "old")
        ]

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("missing/zexport.json", "No such file or directory"),
            ("taken", "Is a directory"),
            ("a file/zexport.json", "Not a directory"),
        ],
    )
    def test_a_path_that_cannot_be_written_is_told(self, run_command, tmp_path, path, reason):
        (tmp_path / "taken").mkdir()
        (tmp_path / "a file").touch()
        done = run_command("flow_export", "-fp", str(tmp_path / path), "--no-prompt")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f'CommandError: The file "{tmp_path / path}" cannot be written: {reason}.\n'
        )
        assert sorted(found.name for found in tmp_path.iterdir()) == ["a file", "taken"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "one of the arguments -fp/--file-path --save-path --to-dir is required"),
            (
                ["-fp", "a", "--save-path", "b"],
                "argument --save-path: not allowed with argument -fp/--file-path",
            ),
        ],
        ids=["none", "two"],
    )
    def test_one_place_to_write_to_is_needed(self, run_command, arguments, message):
        done = run_command("flow_export", *arguments)
        assert done.err == f"CommandError: Error: {message}\n"


class Terminal(BytesIO):
    """Standard input at which somebody sits."""

    def __init__(self, typed: str) -> None:
        super().__init__(typed.encode())

    def isatty(self) -> bool:
        return True

    def readline(self, *_size: Any) -> str:  # type: ignore[override]
        return super().readline().decode()


ONE_OF_EACH = """\
{
  "formatVersion": 1,
  "exportedAt": "2026-03-16T17:10:07.123456Z",
  "exportedFrom": "local",
  "flows": [
    {
      "uuid": "ffffffff-0000-4000-8000-000000000001",
      "name": "Größe",
      "info": null,
      "tags": [
        "a",
        "é"
      ],
      "listenerType": "",
      "isSubflow": false,
      "isCommander": false,
      "isValid": false,
      "isLocked": false,
      "timeout": 60,
      "numBlocks": 0,
      "executionHistoryLevel": "USE_DEFAULT",
      "executionHistoryMins": 1440,
      "queueUuid": null,
      "tenantId": "t",
      "connections": [],
      "nodes": [
        {
          "data": {
            "n": 1.5,
            "x": []
          },
          "id": "a"
        }
      ],
      "edges": [],
      "viewport": {},
      "more": {
        "kept": true
      },
      "createdAt": "2026-01-02T00:00:00.000Z",
      "updatedAt": "2026-03-16T17:10:07.123456Z",
      "isDeleted": false
    }
  ],
  "connections": [
    {
      "uuid": "cccccccc-0000-4000-8000-000000000001",
      "name": "Twilio",
      "type": "Twilio",
      "description": "",
      "devValue": "{\\r\\n  a: 'b',\\n}",
      "prodValue": null,
      "createdAt": "2026-01-02T00:00:00.000Z",
      "updatedAt": "2026-03-16T17:10:06.123Z",
      "isDeleted": false
    }
  ],
  "secrets": [
    {
      "uuid": "55555555-0000-4000-8000-000000000001",
      "name": "KEY",
      "description": "d",
      "type": "",
      "group": "g",
      "tags": [],
      "devValue": null,
      "prodValue": null,
      "createdAt": "2026-01-02T00:00:00.000Z",
      "updatedAt": "2026-03-16T17:10:06.123Z",
      "isDeleted": false
    }
  ]
}
"""
