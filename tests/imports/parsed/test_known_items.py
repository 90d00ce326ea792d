"""A flow that is known by its bytes is as one that is read: in every field, text and warning."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given

from flows.content.documents import Document
from flows.content.fields import Kind
from imports.errors import UnableToImport
from imports.exportfile.document import parse
from imports.exportfile.known_items import RULES, compute_slice_digests, pack_item
from imports.parsed import store
from imports.parsed.models import ParsedItem
from tests.imports.exportfile.test_quick_road import texts_of_files
from tests.support.importing import export_file, flow, import_items, results

SAMPLE = Path(__file__).parents[3] / "samples" / "zexport.json"


def describe(document):
    """All that is known of a document, with the texts that its items would read."""
    return [
        (
            *(item.kind, item.position, item.uuid, item.file_uuid, item.name, item.extra),
            *(item.created_at, item.updated_at, item.own_warnings, item.references),
            [
                (column, value.digest, value.text) if isinstance(value, Document) else value
                for column, value in item.content.items()
            ],
            list(item.content),
        )
        for item in document
    ]


def read_twice(data):
    """What the file says where nothing is known of it, and where all of its flows are."""
    try:
        read = parse(data, max_bytes=len(data) + 1)
    except UnableToImport:
        return None
    known = {digest: pack_item(item) for digest, item in read.new_slices.items()}
    again = parse(
        data,
        max_bytes=len(data) + 1,
        find_known=lambda digests: {digest: known[digest] for digest in digests},
    )
    assert set(again.known_slices) == set(known)
    assert not again.new_slices
    return describe(read), describe(again)


@given(texts_of_files())
def test_of_any_file(data):
    if both := read_twice(data):
        assert both[0] == both[1]


@pytest.mark.parametrize("name", ["real-small.json", "real-medium.json", "real-odd.json"])
def test_of_real_files(name, shared_data):
    read, again = read_twice((shared_data / name).read_bytes())
    assert read == again


@pytest.mark.parametrize("place", ["flows", "connections", "secrets"])
def test_what_is_no_utf8_is_refused_beside_flows_that_are_known(place):
    def make_file(name):
        items = {"flows": [flow(1, "é")], "connections": [], "secrets": []}
        items[place] = [*items[place], {"uuid": flow(2, "x")["uuid"], "name": name}]
        return json.dumps(items, ensure_ascii=False).encode()

    known = parse(make_file("HERE"), max_bytes=10**6).new_slices
    with pytest.raises(UnableToImport) as refused:
        parse(
            make_file("HERE").replace(b"HERE", b"H\xff"),
            max_bytes=10**6,
            find_known=lambda digests: {each: pack_item(known[each]) for each in digests[:1]},
        )
    assert refused.value.code == "invalid-encoding"
    assert "line 1, column" in refused.value.message


def test_a_flow_with_a_problem_is_never_known():
    data = export_file(flow(1, "A"), flow(2, "B", nodes="none"))
    with pytest.raises(UnableToImport) as refused:
        parse(data, max_bytes=10**6, find_known=lambda _digests: {})
    assert refused.value.issues[0].path == "flows[1].nodes"


def test_the_rules_are_those_of_their_number():
    """Fails where what is read of a flow changes. Then raise RULES, and write the new digest."""
    warned = export_file(flow(1, "A\u00a0B", isDeleted=True), flow(2, ""))
    documents = [parse(data, max_bytes=10**9) for data in (SAMPLE.read_bytes(), warned)]
    packed = b"".join(pack_item(item) for each in documents for item in each.new_slices.values())
    assert (RULES, hashlib.sha256(packed).hexdigest()[:16]) == (3, "480ed56fe69fefa6")


def test_a_slice_at_another_depth_is_another_one():
    assert compute_slice_digests([b"{}"], depth=1) != compute_slice_digests([b"{}"], depth=2)


@pytest.mark.django_db
class TestStore:
    def test_an_import_remembers_what_it_read(self):
        import_items(flow(1, "A"), flow(2, "B"))
        assert ParsedItem.objects.count() == 2
        outcome = import_items(flow(1, "A"), flow(2, "B"))
        assert {result for _, result in results(outcome)} == {"UNCHANGED"}
        assert ParsedItem.objects.count() == 2

    def test_what_an_import_of_known_flows_writes_is_what_it_writes_of_others(self):
        first = [flow(1, "A", nodes=[{"id": "1"}]), flow(2, "B", info="x")]
        second = [flow(1, "A", nodes=[{"id": "2"}]), flow(2, "B", info="y")]
        import_items(*first)
        import_items(*second)
        outcome = import_items(*first)
        assert {result for _, result in results(outcome)} == {"OVERWRITE"}
        ParsedItem.objects.all().delete()
        assert {result for _, result in results(import_items(*first))} == {"UNCHANGED"}

    def test_references_are_rewritten_in_a_known_flow(self):
        import_items(flow(1, "A"))
        calls = flow(3, "C", nodes=[{"id": "1", "flowUuid": flow(1, "A")["uuid"]}])
        import_items(calls)
        moved = flow(9, "A")
        outcome = import_items(moved, {**calls, "nodes": [{"id": "1", "flowUuid": moved["uuid"]}]})
        again = import_items(moved, {**calls, "nodes": [{"id": "1", "flowUuid": moved["uuid"]}]})
        assert [result for _, result in results(outcome)] == ["UNCHANGED", "UNCHANGED"]
        assert [result for _, result in results(again)] == ["UNCHANGED", "UNCHANGED"]

    def test_a_refused_import_remembers_nothing(self):
        with pytest.raises(UnableToImport):
            import_items(flow(1, "A"), flow(1, "B"))
        assert not ParsedItem.objects.exists()

    def test_the_oldest_are_forgotten(self, monkeypatch):
        import_items(flow(1, "A"), flow(2, "B"), flow(3, "C"))
        monkeypatch.setattr(store, "MOST_KEPT", 1)
        import_items(flow(4, "D"))
        assert not ParsedItem.objects.filter(uuid=flow(1, "A")["uuid"]).exists()


def test_only_flows_are_known():
    data = json.dumps({"connections": [{"uuid": flow(1, "A")["uuid"], "name": "x"}]}).encode()
    document = parse(data, max_bytes=10**6)
    assert len(document.items[Kind.CONNECTION]) == 1
    assert not document.new_slices
