"""Bad and odd files through the command: refused in one line, or stored exactly as they are."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from flows.content.fields import Kind
from flows.models import MODELS, Connection, Flow, Secret
from flows.texts import make_storable
from imports.models import ImportItem, ImportRecord
from tests.conftest import CommandResult
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db

ImportFile = Callable[..., CommandResult]
UUID = "c4492541-118e-4e23-9450-f2d28204ebee"


@pytest.fixture
def import_file(run_command: Callable[..., CommandResult]) -> ImportFile:
    """Import a file as a pipeline does it."""

    def run(path: Path, *options: str) -> CommandResult:
        chosen = options or ("--overwrite",)
        given = (*chosen, "--no-prompt", "--no-backup", "--file-path", str(path))
        return run_command("flow_import", "--server", "local", *given)

    return run


@pytest.fixture
def stored() -> None:
    """A server that holds something which a bad file could harm."""
    FlowFactory.create_batch(2)
    ConnectionFactory()
    SecretFactory(dev_value="stored value")


def rows() -> dict[str, int]:
    """How many rows every table has, but that of the records."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model is not ImportRecord
    }


def contents() -> list[Any]:
    """Every row of the three kinds, with all of its columns but a secret's values."""
    return [
        row
        for model in MODELS.values()
        for row in model._default_manager.order_by("pk").values(
            *(field.name for field in model._meta.fields if "_value" not in field.name)
        )
    ]


def assert_refused(result: CommandResult, status: int, code: str | None = None) -> dict[str, Any]:
    """One line for people, one JSON object for machines; the refusal's data."""
    assert result.code == 3
    assert result.err.splitlines() == [result.err.removesuffix("\n")]
    assert result.err.startswith("CommandError: ")
    answer = json.loads(result.out)
    assert answer["status"] == status
    assert answer["statusText"] == {400: "Bad Request", 422: "Unprocessable Entity"}[status]
    data = answer["data"]
    assert result.err == f"CommandError: {data['message']}\n"
    assert data["issues"]
    for issue in data["issues"]:
        assert list(issue) == ["code", "path", "uuid", "name", "message"]
    if code:
        assert data["issues"][0]["code"] == code
    return dict(data)


def assert_recorded(path: Path, payload: bytes, status: str, code: str) -> None:
    """The one record of the file's run, which is then forgotten."""
    record = ImportRecord.objects.get()
    assert (record.status, record.code) == (status, code)
    assert (record.file_name, record.file_size) == (path.name, len(payload))
    assert record.file_sha256 == hashlib.sha256(payload).hexdigest()
    assert (record.mode, record.door, record.server) == ("overwrite", "command", "local")
    assert record.finished_at is not None
    record.delete()


def assert_refused_and_recorded(
    result: CommandResult, path: Path, status: int, code: str | None = None
) -> None:
    data = assert_refused(result, status, code)
    assert ImportRecord.objects.get().message == data["message"]
    assert ImportRecord.objects.get().issues == data["issues"][:1000]
    assert_recorded(path, path.read_bytes(), "failed", data["issues"][0]["code"])


# The public suite


@pytest.mark.usefixtures("stored")
def test_every_file_that_is_no_json_is_refused_and_leaves_one_record(shared_data, import_file):
    files = sorted((shared_data / "json-test-suite/test_parsing").glob("n_*.json"))
    assert len(files) == 188
    before = rows(), contents()
    for file in files:
        assert_refused_and_recorded(import_file(file), file, 400)
        assert rows() == before[0], file.name
    assert contents() == before[1]
    assert len(contents()) == 4


@pytest.mark.usefixtures("stored")
def test_every_other_file_of_the_suite_is_refused_or_holds_nothing(shared_data, import_file):
    files = sorted((shared_data / "json-test-suite").glob("test_*/*.json"))
    files = [file for file in files if not file.name.startswith("n_")]
    assert len(files) == 95 + 35 + 22
    before = rows(), contents()
    empty = []
    for file in files:
        result = import_file(file)
        if result.code == 0:
            empty.append(file.name)
            assert json.loads(result.out)["data"] == {
                "flowsProcessed": [],
                "connectionsProcessed": [],
                "secretsProcessed": [],
            }
            assert "Traceback" not in result.err
            assert_recorded(file, file.read_bytes(), "succeeded", "")
        else:
            status = json.loads(result.out)["status"]
            assert status in {400, 422}
            assert_refused_and_recorded(result, file, status)
        assert rows() == before[0], file.name
    assert contents() == before[1]
    assert empty == ["y_array_empty.json", "y_structure_whitespace_array.json"]


# One by one


ITEM = f'{{"uuid": "{UUID}", "name": "SMS Test"'
BAD_FILES = {
    "truncated": (f'{{"flows": [{ITEM}', 400, "invalid-json", ""),
    "empty": ("", 400, "empty-file", ""),
    "white space": (" \n", 400, "empty-file", ""),
    "a million lists deep": ("[" * 10**6 + "]" * 10**6, 400, "too-deep", ""),
    "a million objects deep": ('{"flows":' * 10**6 + "1" + "}" * 10**6, 400, "too-deep", ""),
    "65 deep": (f'{{"flows": [{ITEM}, "x": {"[" * 62}{"]" * 62}}}]}}', 422, "too-deep", "flows[0]"),
    "NaN": (f'{{"flows": [{ITEM}, "timeout": NaN}}]}}', 400, "invalid-json", ""),
    "Infinity": (f'{{"flows": [{ITEM}, "timeout": -Infinity}}]}}', 400, "invalid-json", ""),
    "1e400": (f'{{"flows": [{ITEM}, "timeout": 1e400}}]}}', 422, "out-of-range", "flows[0].timeout"),
    "a key twice in the file": ('{"flows": [], "flows": []}', 422, "duplicate-key", "flows"),
    "a key twice in an item": (
        f'{{"flows": [{ITEM}, "na\\u006de": "SMS Test"}}]}}',
        *(422, "duplicate-key", "flows[0].name"),
    ),
    "a key twice in a node": (
        f'{{"flows": [{ITEM}, "nodes": [{{"data": {{"a": 1, "a": 1}}}}]}}]}}',
        *(422, "duplicate-key", "flows[0].nodes[0].data.a"),
    ),
    "U+0000 in a name": (
        f'{{"flows": [{{"uuid": "{UUID}", "name": "a\\u0000b"}}]}}',
        *(422, "nul-character", "flows[0].name"),
    ),
    "U+0000 in a key": (
        f'{{"flows": [{ITEM}, "a\\u0000": 1}}]}}',
        *(422, "nul-character", "flows[0]"),
    ),
    "half a surrogate pair": (f'{{"flows": [{ITEM}, "info": "\\ud83d"}}]}}', 400, "lone-surrogate", ""),
    "a name of 300 characters": (
        f'{{"flows": [{{"uuid": "{UUID}", "name": "{"n" * 300}"}}]}}',
        *(422, "name-too-long", "flows[0].name"),
    ),
    "a name that is null": (
        f'{{"flows": [{{"uuid": "{UUID}", "name": null}}]}}',
        *(422, "wrong-type", "flows[0].name"),
    ),
    "a name that is a lookup": (
        f'{{"flows": [{{"uuid": "{UUID}", "name": {{"_connector": "OR 1=1 OR"}}}}]}}',
        *(422, "wrong-type", "flows[0].name"),
    ),
    "a uuid twice": (
        f'{{"flows": [{ITEM}}}, {{"uuid": "{UUID.upper()}", "name": "b"}}]}}',
        *(422, "duplicate-uuid", "flows[1]"),
    ),
    "no export": ('{"hello": "world"}', 422, "wrong-top-level", ""),
    "an empty object": ("{}", 422, "wrong-top-level", ""),
    "a text": ('"flows"', 422, "wrong-top-level", ""),
    "a later version": ('{"formatVersion": 2, "flows": []}', 422, "unsupported-version", "formatVersion"),
    "text with line ends in a bad place": (
        f'{{"flows": [{ITEM}, "a\\nb": {{"c\\r\\nd": "\\u0000"}}}}]}}',
        *(422, "nul-character", 'flows[0]["a\\nb"]["c\\r\\nd"]'),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("bad_file", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_with_its_path_and_changes_nothing(import_file, tmp_path, bad_file):
    text, status, code, path = bad_file
    file = tmp_path / "zexport.json"
    file.write_text(text)
    before = rows(), contents()
    result = import_file(file)
    assert [issue["path"] for issue in json.loads(result.out)["data"]["issues"]] == [path]
    assert_refused_and_recorded(result, file, status, code)
    assert (rows(), contents()) == before


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_a_file_in_another_encoding_is_refused(import_file, tmp_path, encoding):
    file = tmp_path / "zexport.json"
    file.write_bytes(f'{{"flows": [{ITEM}, "info": "é"}}]}}'.encode(encoding))
    assert_refused_and_recorded(import_file(file), file, 400)
    assert not Flow.objects.exists()


def test_a_file_that_is_too_large_is_refused(import_file, tmp_path, settings):
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 11}
    file = tmp_path / "zexport.json"
    file.write_bytes(b'{"flows": []}')
    result = import_file(file)
    assert result.code == 3
    assert json.loads(result.out)["status"] == 413
    assert result.err == (
        "CommandError: The file is larger than the 11 bytes that this server takes. "
        "Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES.\n"
    )
    assert ImportRecord.objects.get().status == "failed"
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 12}
    assert import_file(file).code == 0


def test_a_name_of_ten_megabytes_gives_no_answer_or_record_of_ten_megabytes(import_file, tmp_path):
    file = tmp_path / "zexport.json"
    file.write_text(f'{{"flows": [{{"uuid": "{UUID}", "name": "{"n" * 10**7}"}}]}}')
    result = import_file(file)
    assert len(result.out) + len(result.err) < 2000
    assert len(json.dumps(ImportRecord.objects.get().issues)) < 1000
    assert_refused_and_recorded(result, file, 422, "name-too-long")


@pytest.mark.usefixtures("stored")
def test_one_bad_item_keeps_all_the_good_ones_out(import_file, tmp_path):
    before = rows(), contents()
    file = tmp_path / "zexport.json"
    good = [{"uuid": UUID, "name": "good"}]
    content = {"flows": good, "connections": good, "secrets": [{"uuid": UUID, "name": "not good"}]}
    file.write_text(json.dumps(content))
    assert_refused_and_recorded(import_file(file), file, 422, "invalid-name")
    assert (rows(), contents()) == before


def test_ten_thousand_problems_are_all_answered_and_a_thousand_kept(import_file, tmp_path):
    file = tmp_path / "zexport.json"
    file.write_text("[" + "1," * 9_999 + "1]")
    result = import_file(file)
    assert len(json.loads(result.out)["data"]["issues"]) == 10_000
    assert len(ImportRecord.objects.get().issues) == 1000
    assert_refused_and_recorded(result, file, 422, "wrong-type")


@pytest.mark.parametrize("name", ["a\nb.json", "é😀.json", "<script>.json", "n" * 250 + ".json"])
def test_the_record_keeps_the_name_of_the_file_as_it_is(import_file, tmp_path, name):
    file = tmp_path / name
    file.write_text("{")
    assert_refused_and_recorded(import_file(file), file, 400, "invalid-json")


def test_a_file_whose_name_is_no_utf8_is_imported_and_recorded(import_file, tmp_path):
    file = tmp_path / os.fsdecode(b"caf\xe9.json")
    try:
        file.write_text('{"flows": []}')
    except OSError:
        pytest.skip("the file system takes names in UTF-8 only")
    assert import_file(file).code == 0
    assert ImportRecord.objects.get().file_name == r"caf\udce9.json"


def test_text_is_stored_as_it_is_where_a_database_can():
    assert make_storable("a\nb é😀 \\x00") == "a\nb é😀 \\x00"
    assert make_storable("a\0b\udcff") == r"a\x00b\udcff"


@pytest.mark.parametrize(
    ("server", "told"), [("x\ny", r"x\ny"), ("x\udcff", r"x\udcff"), ("n" * 300, "n" * 200 + "...")]
)
def test_a_server_that_is_none_is_told_in_one_line(run_command, tmp_path, server, told):
    file = tmp_path / "zexport.json"
    file.write_text('{"flows": []}')
    result = run_command(
        *("flow_import", "--skip", "--no-prompt", "--server", server, "--file-path", str(file))
    )
    assert result.code == 8
    assert result.err == (
        f"CommandError: This server is not {told}. It can import into: local. "
        "Nothing was written.\n"
    )


# Naughty strings


def uuid_of(kind: str, number: int) -> str:
    return f"{kind * 8}-0000-4000-8000-{number:012}"


@pytest.fixture
def naughty(shared_data: Path) -> list[str]:
    strings = json.loads((shared_data / "naughty-strings.json").read_text(encoding="utf-8"))
    assert len(strings) == 515
    return [
        *strings,
        "\x01\x1b\x7f\x85\ufeff\uffff\u2028",
        "\r\n",
        " é e\u0301 İ ı ",
        "{0.__class__}",
    ]


def export_of(naughty: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Each string in every place that takes any text."""
    return {
        "flows": [
            {
                "uuid": uuid_of("f", number),
                "name": text if len(text) <= 255 else "",
                "info": text,
                "tags": [text, text],
                "listenerType": text,
                "queueUuid": text,
                "tenantId": text,
                "nodes": [{"id": "1", "data": {"text": text, text: [text]}}],
                "edges": [{"sourceHandle": text}],
                "viewport": {"x": text},
                "unknown": {text: text},
            }
            for number, text in enumerate(naughty)
        ],
        "connections": [
            {
                "uuid": uuid_of("c", number),
                "name": text if len(text) <= 255 else "",
                "type": text,
                "description": text,
                "devValue": text,
                "prodValue": f"{{a: `{text}`}}",
            }
            for number, text in enumerate(naughty)
        ],
        "secrets": [
            {
                "uuid": uuid_of("5", number),
                "name": f"SECRET_{number}",
                "description": text,
                "type": text,
                "group": text,
                "tags": [text],
            }
            for number, text in enumerate(naughty)
        ],
    }


def by_uuid(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["uuid"]: item for item in items}


def test_naughty_strings_are_stored_and_exported_as_they_are(
    naughty, import_file, run_command, tmp_path
):
    given = export_of(naughty)
    file = tmp_path / "zexport.json"
    file.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")

    result = import_file(file, "--skip", "--accept", "invisible-characters")
    assert result.code == 0, result.err
    assert [MODELS[kind].objects.count() for kind in Kind] == [519, 519, 519]
    assert {item["result"] for item in processed(result)} == {"CREATE"}

    for number, text in enumerate(naughty):
        flow = Flow.objects.get(uuid=uuid_of("f", number))
        assert flow.name == (text if len(text) <= 255 else "")
        texts = (flow.info, flow.listener_type, flow.queue_uuid, flow.tenant_id)
        assert texts == (text, text, text, text)
        assert json.loads(flow.tags) == [text, text]
        assert json.loads(flow.nodes) == [{"id": "1", "data": {"text": text, text: [text]}}]
        connection = Connection.objects.get(uuid=uuid_of("c", number))
        assert (connection.dev_value, connection.description) == (text, text)
        secret = Secret.objects.get(uuid=uuid_of("5", number))
        assert (secret.description, secret.group) == (text, text)

    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert run_command("flow_export", "--file-path", str(first)).code == 0
    exported = json.loads(first.read_text(encoding="utf-8"))
    for plural, items in given.items():
        found = by_uuid(exported[plural])
        assert len(found) == 519
        for item in items:
            assert found[item["uuid"]] | item == found[item["uuid"]]

    again = import_file(first, "--overwrite")
    assert {item["result"] for item in processed(again)} == {"UNCHANGED"}

    for model in MODELS.values():
        model._default_manager.all().delete()
    anew = import_file(first, "--overwrite", "--accept", "invisible-characters")
    assert {item["result"] for item in processed(anew)} == {"CREATE"}
    assert run_command("flow_export", "--file-path", str(second)).code == 0
    assert second.read_bytes() == first.read_bytes()


def processed(result: CommandResult) -> list[dict[str, Any]]:
    """Every item of the answer; each is there, and none is in error."""
    data = json.loads(result.out)["data"]
    items = [*data["flowsProcessed"], *data["connectionsProcessed"], *data["secretsProcessed"]]
    assert len(items) == 3 * 519
    assert not any("error" in item for item in items)
    return items


def test_a_naughty_name_is_answered_and_matched_as_it_is(naughty, import_file, tmp_path):
    names = sorted({text for text in naughty if 0 < len(text) <= 255})
    for number, name in enumerate(names):
        FlowFactory(name=name, info="before", uuid=uuid_of("a", number))
    flows = [
        {"uuid": uuid_of("f", number), "name": name, "info": "after"}
        for number, name in enumerate(names)
    ]
    file = tmp_path / "zexport.json"
    file.write_text(json.dumps({"flows": flows}))
    result = import_file(file, "--overwrite")
    assert [
        (item["name"], item["result"], item["matchMethod"], item["targetUuid"])
        for item in json.loads(result.out)["data"]["flowsProcessed"]
    ] == [
        (name, "OVERWRITE", "name", uuid_of("a", number)) for number, name in enumerate(names)
    ]  # fmt: skip
    assert list(Flow.objects.order_by("uuid").values_list("name", flat=True)) == names
    assert list(ImportItem.objects.order_by("position").values_list("name", flat=True)) == names


def test_a_naughty_name_of_a_secret_is_an_identifier_or_refused(naughty, import_file, tmp_path):
    names = sorted(set(naughty))
    secrets = [{"uuid": uuid_of("5", number), "name": name} for number, name in enumerate(names)]
    file = tmp_path / "zexport.json"
    file.write_text(json.dumps({"secrets": secrets}))
    data = assert_refused(import_file(file), 422)
    codes = {issue["path"]: issue["code"] for issue in data["issues"]}
    identifiers = [
        name for number, name in enumerate(names) if f"secrets[{number}].name" not in codes
    ]
    assert set(codes.values()) == {"invalid-name", "name-too-long"}
    assert {"$HOME", "_", "null", "田中さんにあげて下さい", "జ్ఞ\u200cా"} < set(identifiers)
    assert not {"", "1/2", "' OR 1=1 -- 1", "$(touch /tmp/blns.fail)", "\u200b"} & set(identifiers)
    assert len(identifiers) == 52

    file.write_text(json.dumps({"secrets": [s for s in secrets if s["name"] in identifiers]}))
    assert import_file(file).code == 0
    assert sorted(Secret.objects.values_list("name", flat=True)) == identifiers


@pytest.mark.parametrize(
    ("character", "refusal"),
    [("\\u0000", (422, "nul-character")), ("\\udfff", (400, "lone-surrogate"))],
)
def test_naughty_strings_that_no_database_takes_are_refused(
    naughty, import_file, tmp_path, character, refusal
):
    status, code = refusal
    given = json.dumps(export_of([f"{text}MARK" for text in naughty[:100]]))
    file = tmp_path / "zexport.json"
    file.write_text(given.replace("MARK", character))
    data = assert_refused(import_file(file), status, code)
    assert {issue["code"] for issue in data["issues"]} == {code}
    # each item once; where the file is no JSON, it is told of as a whole
    assert len(data["issues"]) == (300 if status == 422 else 1)
    assert not any(MODELS[kind].objects.exists() for kind in Kind)
