"""An export that an import would refuse for its size says so, by every door, and is not refused."""

import json
from io import BytesIO

import pytest
from django.test import Client

from flows.models import Flow
from imports.errors import FileTooLarge
from imports.exportfile.document import parse
from imports.exporting.limit_warnings import find_limit_warnings
from imports.exporting.selection import select_everything
from imports.exporting.write import ExportStatistics, write_export
from tests.support.factories import FlowFactory
from tests.support.uploading import caller


def codes(**numbers: int) -> list[str]:
    given = {"items": 1, "size": 100, "content_size": 100, "limit": 100, **numbers}
    return [warning.code for warning in find_limit_warnings(**given)]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, []),
        ({"content_size": 101}, ["larger-than-import"]),
        ({"size": 400}, []),
        ({"size": 401}, ["larger-than-import"]),
        ({"size": 401, "content_size": 101}, ["larger-than-import"]),
        ({"items": 100_000}, []),
        ({"items": 100_001}, ["more-items-than-import"]),
        (
            {"items": 100_001, "content_size": 101},
            ["larger-than-import", "more-items-than-import"],
        ),
    ],
)
def test_there_is_a_warning_for_each_limit(numbers, expected):
    assert codes(**numbers) == expected


def test_the_warnings_say_what_to_do():
    texts = [
        warning.text
        for sizes in ({"size": 7000, "content_size": 3000}, {"size": 9000, "content_size": 2000})
        for warning in find_limit_warnings(items=100_001, limit=2000, **sizes)
    ]
    many = (
        "the file has 100,001 items, and an import takes at most 100,000. "
        "Export in parts, by tags or uuids of flows."
    )
    assert texts == [
        "the file has 3,000 bytes without indentation, and a server with the settings of this one "
        "imports at most 2,000. Export in parts, by tags or uuids of flows, or raise "
        "ZIGGY_MAX_IMPORT_BYTES on the target.",
        many,
        "the file has 9,000 bytes with its indentation, and a server with the settings of this one "
        "reads at most 8,000. Export it compact.",
        many,
    ]


@pytest.fixture
def rows(db: None) -> None:
    FlowFactory.create_batch(3, info="x" * 1000, nodes='[{"id":"1","deep":[[[[1]]]]}]')


@pytest.fixture
def limit(rows: None, settings) -> int:
    """One byte less than the content of the export."""
    content = write()[1].content_size
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": content - 1}
    return content - 1


def write(*, is_compact: bool = False) -> tuple[bytes, ExportStatistics]:
    stream = BytesIO()
    statistics = write_export(select_everything(), stream, server="local", is_compact=is_compact)
    return stream.getvalue(), statistics


@pytest.mark.parametrize("is_compact", [True, False])
def test_it_warns_of_what_an_import_refuses_and_of_nothing_else(limit, settings, is_compact):
    payload, statistics = write(is_compact=is_compact)
    assert statistics.limit_codes == ["larger-than-import"]
    with pytest.raises(FileTooLarge):
        parse(payload, max_bytes=limit)
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": limit + 1}
    payload, statistics = write(is_compact=is_compact)
    assert (statistics.limit_codes, statistics.warnings) == ([], [])
    assert len(parse(payload, max_bytes=limit + 1)) == 3


@pytest.mark.parametrize("options", [(), ("--compact",), ("--gzip", "--compact")])
def test_the_command_warns_on_stderr(limit, run_command, tmp_path, options):
    path = tmp_path / "all.json"
    done = run_command("flow_export", "--file-path", str(path), *options)
    assert done.code == 0
    assert done.err.startswith(f"Warning: the file has {limit + 1:,} bytes without indentation")
    assert done.err.endswith("raise ZIGGY_MAX_IMPORT_BYTES on the target.\n")
    assert json.loads(done.out)["data"]["warnings"] == [
        done.err.removeprefix("Warning: ").removesuffix("\n")
    ]
    assert path.stat().st_size > 0


@pytest.mark.usefixtures("limit")
def test_the_api_warns_in_a_header():
    ada = caller(admin=True)
    answer = ada.get("/api/flow/export-all")
    assert (answer.status_code, answer["Ziggy-Warnings"]) == (200, "larger-than-import")
    assert len(json.loads(b"".join(answer.streaming_content))["flows"]) == 3
    answer = ada.post("/api/flow/export-tagged", {}, format="json")
    assert (answer.status_code, answer["Ziggy-Warnings"]) == (201, "larger-than-import")
    (warning,) = answer.json()["warnings"]
    assert "raise ZIGGY_MAX_IMPORT_BYTES on the target" in warning


@pytest.mark.usefixtures("rows")
def test_the_api_has_no_such_header_else():
    ada = caller(admin=True)
    assert not ada.get("/api/flow/export-all").has_header("Ziggy-Warnings")
    answer = ada.post("/api/flow/export-tagged", {}, format="json")
    assert not answer.has_header("Ziggy-Warnings")


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("action", ["export_selected", "export_compact", "export_in_gzip"])
def test_the_admin_warns_in_a_message(admin_client: Client, action):
    data = {"action": action, "_selected_action": [flow.pk for flow in Flow.objects.all()]}
    assert admin_client.post("/admin/flows/flow/", data).status_code == 200
    (told,) = map(str, admin_client.get("/admin/flows/flow/").context["messages"])
    assert told.startswith("The export: the file has ")
    assert "Export in parts" in told
