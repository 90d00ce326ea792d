"""Real flows: nothing of them is lost, and their references follow them to the rows they land in."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from flows.content.fields import Kind, get_columns
from flows.models import MODELS, Connection, Flow, Secret
from imports.errors import PlanRefused
from imports.importing.service import run_import
from imports.models import ImportRecord
from imports.plans.plan import Plan
from imports.runs.carrying_out import Outcome
from tests.support.digest import ITEMS, data_rows
from tests.support.importing import request_for
from tests.support.rows import exported

pytestmark = pytest.mark.django_db

SIZES = {
    "real-small.json": (28, 19, 25),
    "real-medium.json": (300, 214, 225),
    "real-odd.json": (117, 80, 83),
}
IS_DELETED = "isDeleted is ignored: an import never deletes"
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@pytest.fixture(params=SIZES)
def file(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    return shared_data / request.param


@pytest.fixture
def small(shared_data: Path) -> bytes:
    """The small file, with a name of its own for the second of two connections of one name."""
    export = json.loads((shared_data / "real-small.json").read_bytes())
    twins = [item for item in export["connections"] if item["name"] == "OpenAi account"]
    assert len(twins) == 2
    twins[1]["name"] = "OpenAi account of others"
    return json.dumps(export).encode()


def items_of(payload: bytes) -> dict[str, Any]:
    """Every item of a file, by its uuid."""
    export = json.loads(payload)
    return {item["uuid"]: item for kind in Kind for item in export[kind.plural]}


def outcomes(outcome: Outcome[Plan]) -> set[tuple[str, str]]:
    return {(change.method.value, change.result.value) for change in outcome.plan}


class TestRoundTrip:
    def test_every_field_of_every_item_comes_back_from_an_empty_server(self, file):
        payload = file.read_bytes()
        outcome = run_import(request_for(payload))
        assert outcomes(outcome) == {("unmatched", "CREATE")}
        assert tuple(model.objects.count() for model in MODELS.values()) == SIZES[file.name]
        written, found = items_of(payload), items_of(exported())
        assert found.keys() == written.keys()
        for uuid, item in written.items():
            assert found[uuid] == {**item, "isDeleted": False}
        # One of the odd flows is called deleted by its file, which an import does not take over.
        warned = [change.item.name for change in outcome.plan if IS_DELETED in change.warnings]
        assert warned == [item["name"] for item in written.values() if item["isDeleted"]]
        odd = ["ActiveCampaign Tool MCP Server"]
        assert warned == (odd if file.name == "real-odd.json" else [])

    def test_again_nothing_changes_but_the_records(self, file, backup_directory):
        payload = file.read_bytes()
        run_import(request_for(payload))
        before = data_rows()
        outcome = run_import(request_for(payload, with_backup=True))
        assert outcomes(outcome) == {("uuid", "UNCHANGED")}
        assert {**data_rows(), ITEMS: []} == {**before, ITEMS: []}
        assert outcome.record.items.count() == sum(SIZES[file.name])
        assert ImportRecord.objects.count() == 2
        assert not backup_directory.exists()

    def test_an_export_that_is_imported_into_an_emptied_server_is_exported_the_same(self, file):
        run_import(request_for(file.read_bytes()))
        first = exported()
        for model in MODELS.values():
            model.objects.all().delete()
        run_import(request_for(first))
        assert exported() == first

    def test_an_export_changes_nothing_where_it_came_from(self, file):
        run_import(request_for(file.read_bytes()))
        outcome = run_import(request_for(exported()))
        assert outcomes(outcome) == {("uuid", "UNCHANGED")}


class Server:
    """A server that somebody filled by hand: the file's items under its own uuids."""

    def __init__(self, payload: bytes) -> None:
        self.own = {
            uuid: str(uuid5(NAMESPACE_URL, f"another server's {uuid}"))
            for uuid in items_of(payload)
        }
        text = UUID.sub(lambda found: self.own.get(found[0], found[0]), payload.decode())
        run_import(request_for(text.encode()))
        ImportRecord.objects.all().delete()


def documents() -> Iterator[tuple[Any, str]]:
    """Each row with each of its texts."""
    for kind, model in MODELS.items():
        for row in model.objects.all():
            for name in get_columns(kind):
                if isinstance(text := getattr(row, name), str):
                    yield row, text


def mentions(uuids: Mapping[str, str]) -> Counter[str]:
    """How often the documents mention each of the uuids: by what the mapping has for it."""
    found = (uuid.lower() for _, text in documents() for uuid in UUID.findall(text))
    return Counter(uuids[uuid] for uuid in found if uuid in uuids)


class TestReferences:
    def test_items_that_differ_by_their_uuids_alone_are_the_same(self, small):
        Server(small)
        outcome = run_import(request_for(small))
        assert outcomes(outcome) == {("name", "UNCHANGED")}

    def test_rows_matched_by_name_keep_their_uuids_and_refer_to_each_other(self, small):
        server = Server(small)
        before = mentions({own: own for own in server.own.values()})
        Flow.objects.update(
            info="changed here", nodes="[]", used_connections=None, used_secrets=None
        )
        Connection.objects.update(description="changed here")
        Secret.objects.update(description="changed here")
        outcome = run_import(request_for(small))
        assert outcomes(outcome) == {("name", "OVERWRITE")}
        rows = {str(row.uuid) for model in MODELS.values() for row in model.objects.all()}
        assert rows == set(server.own.values())
        assert mentions({uuid: uuid for uuid in server.own}) == {}
        assert mentions({own: own for own in server.own.values()}) == before
        assert before.total() == 132

    def test_copies_refer_to_copies_only(self, small):
        run_import(request_for(small))
        uuids = items_of(small)
        before = mentions({uuid: uuid for uuid in uuids})
        originals = {row.pk for row in Flow.objects.all()}
        outcome = run_import(request_for(small, "duplicate"))
        assert outcomes(outcome) == {("uuid", "DUPLICATE")}
        copies = {change.target_uuid: change.item.uuid for change in outcome.plan}
        assert mentions(copies) == before  # as often, and each copy in place of its original
        assert mentions({uuid: uuid for uuid in uuids}) == before  # by the originals alone
        for row, text in documents():
            if str(row.uuid) in copies:
                assert not any(uuid in text for uuid in uuids)
        assert originals < {row.pk for row in Flow.objects.all()}

    def test_copies_refer_to_the_secrets_copies(self, small):
        run_import(request_for(small))
        secrets = set(Secret.objects.values_list("name", flat=True))
        originals = self.secrets_used()
        assert originals
        assert originals <= secrets
        old = {str(row.uuid) for model in MODELS.values() for row in model.objects.all()}
        run_import(request_for(small, "duplicate"))
        assert self.secrets_used(but=old) == {f"{name}_copy" for name in originals}

    @staticmethod
    def secrets_used(but: set[str] = frozenset()) -> set[str]:  # type: ignore[assignment]
        return {
            name
            for row, text in documents()
            if str(row.uuid) not in but and not isinstance(row, Secret)
            for name in re.findall(r"(?<![\w$])secrets\.([\w$]+)", text)
        }


# Name to the number of rows that bear it. That five connections have no name is no ambiguity.
AMBIGUOUS = {
    "flows": {
        "Agentic RAG": 2,
        "Assistant quickstart": 2,
        "Googlesheets Workflow": 2,
        "Httprequest Workflow": 4,
        "Manualtrigger Workflow": 10,
    },
    "connections": {
        "Google Drive account": 3,
        "Google Gemini(PaLM) Api account": 3,
        "Google Sheets account": 2,
        "Header Auth account": 2,
        "HeinzBot": 5,
        "OpenAi account": 10,
        "OpenAi account 2": 2,
        "Pinecone account": 2,
        "Slack account": 2,
        "n8n account": 3,
    },
}


def test_names_that_several_rows_bear_are_refused_all_at_once_with_their_candidates(shared_data):
    payload = (shared_data / "real-medium.json").read_bytes()
    server = Server(payload)
    before = data_rows()
    with pytest.raises(PlanRefused) as raised:
        run_import(request_for(payload))
    issues = raised.value.issues
    assert {issue.code for issue in issues} == {"ambiguous-name"}
    found = Counter((issue.path.partition("[")[0], issue.name) for issue in issues)
    expected = {
        (kind, name): number for kind, names in AMBIGUOUS.items() for name, number in names.items()
    }
    assert found == expected
    assert len(issues) == 54
    export = json.loads(payload)
    for issue in issues:
        kind = issue.path.partition("[")[0]
        bearers = [item["uuid"] for item in export[kind] if item["name"] == issue.name]
        assert issue.uuid in bearers
        candidates = ", ".join(sorted(server.own[uuid] for uuid in bearers))
        assert issue.message == (
            f'{len(bearers)} {kind} on this server are named "{issue.name}": {candidates}. '
            "Decide which one is meant (in the preview, or in the decisions: "
            '"<uuid of the item>": "<uuid of the row>", '
            '"create" for a new one, or "leave-out"), rename all but one of them, '
            "or give the file's item the uuid of the one that is meant."
        )
    assert data_rows() == before
    record = ImportRecord.objects.get()
    assert (record.status, record.code, len(record.issues)) == ("refused", "ambiguous-name", 54)
