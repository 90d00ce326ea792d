"""A sample is the same bytes everywhere, looks like real work, and is in proportion to its number."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import FIELDS, Kind
from flows.destinations.uses import EVERY, find_secrets_used
from flows.differences.graphs.graph import read_graph
from flows.differences.graphs.graph_layout import place
from flows.differences.graphs.graph_looks import NODE_HEIGHT, NODE_WIDTH, find_area
from flows.relations.mentions import find_references
from imports.exportfile.document import ExportDocument, parse
from imports.samples.sample import SampleRequest, write_sample

FLOWS, CHANGED = 300, 40
# Whoever changes what a sample is made of changes these: they are the same on every machine.
PINNED = {
    SampleRequest(flows=12, seed=3): (
        "f3e4f416d36fc05c42a249c993fff00e59836e736f45a8cab2ad751f9e0c9a39"
    ),
    SampleRequest(flows=12, seed=3, changed=12): (
        "8a41dae5de7e52e6ea7a79d3b8b611050dccea27189ac754155046f5a034f4fd"
    ),
}
EMPTY = (
    b'{\n  "formatVersion": 1,\n  "exportedAt": null,\n  "exportedFrom": "sample",\n'
    b'  "flows": [],\n  "connections": [],\n  "secrets": []\n}\n'
)


def written(**values: int) -> bytes:
    stream = BytesIO()
    write_sample(SampleRequest(**values), stream)
    return stream.getvalue()


def items_of(payload: bytes) -> dict[str, dict[str, Any]]:
    """Every item by its uuid."""
    export = json.loads(payload)
    return {item["uuid"]: item for kind in Kind for item in export[kind.plural]}


@pytest.fixture(scope="module")
def payload() -> bytes:
    return written(flows=FLOWS)


@pytest.fixture(scope="module")
def changed_payload() -> bytes:
    return written(flows=FLOWS, changed=CHANGED)


@pytest.fixture(scope="module")
def export(payload: bytes) -> dict[str, Any]:
    return dict(json.loads(payload))


@pytest.fixture(scope="module", params=["payload", "changed_payload"])
def document(request: pytest.FixtureRequest) -> ExportDocument:
    return parse(request.getfixturevalue(request.param), max_bytes=2**28)


def nodes_of(export: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (node for flow in export["flows"] for node in flow["nodes"])


class TestBytes:
    @pytest.mark.parametrize("sample", PINNED, ids=str)
    def test_are_these(self, sample):
        stream = BytesIO()
        statistics = write_sample(sample, stream)
        assert statistics.sha256 == sha256(stream.getvalue()).hexdigest() == PINNED[sample]
        assert statistics.size == len(stream.getvalue())

    @pytest.mark.parametrize("hash_seed", ["1", "2"])
    def test_do_not_follow_from_the_order_of_hashes_nor_from_the_environment(self, hash_seed):
        code = (
            "import sys; from imports.samples.sample import *\n"
            "write_sample(SampleRequest(flows=12, seed=3, changed=12), sys.stdout.buffer)"
        )
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=settings.BASE_DIR, env=environment, capture_output=True, check=True,
        )  # fmt: skip
        assert done.stdout == written(flows=12, seed=3, changed=12)

    def test_another_seed_gives_other_flows(self):
        assert not items_of(written(flows=5)).keys() & items_of(written(flows=5, seed=2)).keys()

    def test_of_no_flows_are_an_empty_export(self):
        assert written(flows=0) == EMPTY

    def test_of_fewer_flows_have_flows_of_more(self):
        assert items_of(written(flows=3)).keys() <= items_of(written(flows=40)).keys()


class TestDocument:
    def test_is_read_without_a_problem(self, document):
        assert len(document.items[Kind.FLOW]) == FLOWS
        assert {warning for item in document for warning in item.own_warnings} == set()
        assert {item.extra for item in document} == {"{}"}

    def test_is_in_the_order_of_an_export(self, document):
        for kind in Kind:
            order = [(item.name, item.uuid) for item in document.items[kind]]
            assert order == sorted(order)

    def test_has_every_key_but_the_tenant(self, document):
        for kind in Kind:
            columns = {spec.column for spec in FIELDS[kind]} - {"tenant_id"}
            assert {frozenset(item.content) for item in document.items[kind]} == {
                frozenset(columns)
            }

    def test_no_reference_dangles_and_nothing_is_there_unused(self, document):
        known = {(item.kind, item.uuid) for item in document}
        names = {item.name for item in document.items[Kind.SECRET]}
        uuid_of = {item.name: item.uuid for item in document.items[Kind.SECRET]}
        used = {
            (reference.kind, uuid_of[reference.target] if reference.by_name else reference.target)
            for item in document
            for reference in find_references(item.kind, item.content)
            if not reference.by_name or reference.target in names
        }
        by_name = {
            reference.target
            for item in document
            for reference in find_references(item.kind, item.content)
            if reference.by_name
        }
        assert used <= known
        assert by_name <= names
        assert {kind for kind, _ in known - used} == {Kind.FLOW}

    def test_code_and_settings_name_each_secret_plainly(self, document):
        texts = [
            str(item.content[column])
            for item in document
            for column in ("nodes", "dev_value", "prod_value")
            if item.content.get(column)
        ]
        assert not any(
            EVERY in find_secrets_used(text, json=text[:2] in ("[{", "[]")) for text in texts
        )

    def test_no_edge_dangles_and_no_two_nodes_overlap(self, document):
        for flow in document.items[Kind.FLOW]:
            graph = read_graph(*(read_text(flow.content[name]) for name in ("nodes", "edges")))
            assert graph.dangling == []
            assert not any("#" in part.key for part in (*graph.nodes, *graph.edges)), flow.name
            boxes = [node for node in graph.nodes if find_area(node) is None]
            spots = sorted((spot.x, spot.y) for spot in place(boxes).values())
            for at, (x, y) in enumerate(spots):
                for other_x, other_y in spots[at + 1 :]:
                    if other_x - x >= NODE_WIDTH:
                        break
                    assert abs(other_y - y) >= NODE_HEIGHT, flow.name

    def test_no_secret_has_a_value(self, document, payload, changed_payload):
        for file in (payload, changed_payload):
            for secret in json.loads(file)["secrets"]:
                assert secret["devValue"] is secret["prodValue"] is None

    def test_hosts_are_nobodys(self, document):
        for connection in document.items[Kind.CONNECTION]:
            for column in ("dev_value", "prod_value"):
                lines = str(connection.content[column] or "").split("\n")
                hosts = [
                    line for line in lines if "://" in line or line.strip().startswith("host:")
                ]
                assert all("example.org" in host or "example.com" in host for host in hosts)

    def test_the_time_of_the_export_is_that_of_its_last_change(self, payload, changed_payload):
        for file in (payload, changed_payload):
            times = [item["updatedAt"] for item in items_of(file).values()]
            assert json.loads(file)["exportedAt"] == max(times)


class TestDistribution:
    """As in real exports, or a little more where that makes a review more interesting."""

    def test_of_sizes(self, export):
        sizes = sorted(len(flow["nodes"]) for flow in export["flows"])
        assert 1 <= sizes[0] <= 3
        assert 9 <= sizes[FLOWS // 2] <= 16
        assert 22 <= sizes[FLOWS * 9 // 10] <= 34
        assert 70 <= sizes[-1] <= 160
        assert 3_500 < sum(sizes) < 5_500
        assert all(flow["numBlocks"] == len(flow["nodes"]) for flow in export["flows"])

    def test_of_items(self, export):
        assert 140 < len(export["connections"]) < 240
        assert 160 < len(export["secrets"]) < 260

    def test_of_code(self, export):
        code = {"javascript", "python"}
        having = [
            flow for flow in export["flows"] if code & {node["type"] for node in flow["nodes"]}
        ]
        assert 0.4 < len(having) / FLOWS < 0.85
        sizes = sorted(
            len(node["data"]["code"]) for node in nodes_of(export) if node["type"] in code
        )
        assert 350 < sizes[len(sizes) // 2] < 800
        assert sizes[-1] > 2_000

    def test_of_kinds_of_nodes_and_notes(self, export):
        types = Counter(node["type"] for node in nodes_of(export))
        assert len(types) > 25
        assert {"python", "postgres", "template", "switch", "loop", "languageModel"} <= types.keys()
        noted = [
            flow
            for flow in export["flows"]
            if any(node["type"] == "stickyNote" for node in flow["nodes"])
        ]
        assert 0.6 < len(noted) / FLOWS < 0.9
        assert 0.1 < types["stickyNote"] / types.total() < 0.25

    def test_of_branches_joins_and_faults(self, export):
        ends = [
            [(edge["source"], edge["target"]) for edge in flow["edges"]] for flow in export["flows"]
        ]
        branching = [1 for each in ends if len({source for source, _ in each}) < len(each)]
        joining = [1 for each in ends if len({target for _, target in each}) < len(each)]
        assert 0.4 < len(branching) / FLOWS < 0.85
        assert 0.25 < len(joining) / FLOWS < 0.8
        handles = Counter(
            edge.get("sourceHandle", "") for flow in export["flows"] for edge in flow["edges"]
        )
        assert {"true", "false", "error", "each", "done"} <= handles.keys()

    def test_of_names(self, export):
        names = Counter(flow["name"] for flow in export["flows"])
        namesakes = sum(count for count in names.values() if count > 1)
        assert 0.02 < namesakes / FLOWS < 0.1
        assert any("ü" in name for name in names)
        assert any(ord(char) > 0x1F300 for name in names for char in name)
        assert 80 < max(map(len, names)) <= 255
        assert all(name.strip() for name in names)

    def test_of_subflows_and_their_calls(self, export):
        subflows = {flow["uuid"] for flow in export["flows"] if flow["isSubflow"]}
        called = {node["data"].get("subflowUuid") for node in nodes_of(export)} - {None}
        assert 0.05 < len(subflows) / FLOWS < 0.15
        assert called <= subflows
        assert len(called) > 10

    def test_of_secrets_in_code(self, export):
        naming = [flow for flow in export["flows"] if "secrets." in json.dumps(flow["nodes"])]
        assert 0.02 < len(naming) / FLOWS < 0.15

    def test_no_word_is_left_to_be_filled_in(self, payload):
        for word in (b"@noun@", b"@party@", b"secrets.SIGNING_KEY", b"#host#", b"%s"):
            assert word not in payload

    def test_nothing_is_of_the_real_files(self, payload, shared_data: Path):
        real = items_of((shared_data / "real-medium.json").read_bytes())
        own = items_of(payload)
        assert not real.keys() & own.keys()
        common = {item["name"] for item in real.values()} & {item["name"] for item in own.values()}
        assert common <= {"Test"}


class TestEdits:
    def test_so_many_flows_differ_and_all_others_are_the_same(self, payload, changed_payload):
        before, after = items_of(payload), items_of(changed_payload)
        changed = [uuid for uuid in before if before[uuid] != after[uuid]]
        assert len(changed) == CHANGED
        assert all("nodes" in before[uuid] for uuid in changed)
        assert all(
            {key for key in after[uuid] if before[uuid][key] != after[uuid][key]} - {"updatedAt"}
            for uuid in changed
        )
        added = [item for uuid, item in after.items() if uuid not in before]
        assert added
        assert not [item for item in added if "nodes" in item]

    def test_of_fewer_edits_are_among_those_of_more(self, payload, changed_payload):
        before = items_of(payload)
        few = items_of(written(flows=FLOWS, changed=5))
        many = items_of(changed_payload)
        edited = [uuid for uuid in before if few[uuid] != before[uuid]]
        assert [few[uuid] for uuid in edited] == [many[uuid] for uuid in edited]

    @pytest.mark.parametrize("seed", range(4))
    def test_every_flow_can_be_edited(self, seed):
        before = items_of(written(flows=60, seed=seed))
        after = items_of(written(flows=60, seed=seed, changed=60))
        for item in before.values():
            if "nodes" in item:
                edited = after[item["uuid"]]
                assert {**edited, "updatedAt": ""} != {**item, "updatedAt": ""}

    def test_they_are_of_every_kind(self, payload, changed_payload):
        before, after = items_of(payload), items_of(changed_payload)
        keys: Counter[str] = Counter()
        sizes: Counter[int] = Counter()
        for uuid, old in before.items():
            new = after[uuid]
            keys.update(key for key in new if new[key] != old[key])
            if "nodes" in new:
                sizes[len(new["nodes"]) - len(old["nodes"])] += 1
        assert {"name", "info", "tags", "connections", "nodes", "edges"} <= keys.keys()
        assert sizes[1] > 3
        assert sizes[-1] > 1

    def test_positions_alone_are_moved_too(self, payload, changed_payload):
        before, after = items_of(payload), items_of(changed_payload)
        moved = 0
        for uuid, item in before.items():
            old, new = (canonical.encode(each.get("nodes")) for each in (item, after[uuid]))
            same_but_places = [{**node, "position": None} for node in item.get("nodes", ())] == [
                {**node, "position": None} for node in after[uuid].get("nodes", ())
            ]
            moved += old != new and same_but_places
        assert moved > 1


class TestGrowth:
    def test_work_is_in_proportion(self):
        def count_calls(flows: int) -> int:
            calls = 0

            def on_event(_frame: Any, event: str, _argument: Any) -> None:
                nonlocal calls
                calls += event in {"call", "c_call"}

            before = sys.getprofile()
            sys.setprofile(on_event)
            try:
                written(flows=flows, changed=flows // 8)
            finally:
                sys.setprofile(before)
            return calls

        assert count_calls(320) / count_calls(160) < 2.6

    def test_memory_does_not_have_the_file(self):
        class Nowhere(BytesIO):
            def write(self, data: Any) -> int:
                return len(data)

        def measure_peak(flows: int) -> tuple[int, int]:
            tracemalloc.start()
            try:
                statistics = write_sample(SampleRequest(flows=flows), Nowhere())
                return tracemalloc.get_traced_memory()[1], statistics.size
            finally:
                tracemalloc.stop()

        measure_peak(20)
        few, small = measure_peak(100)
        many, large = measure_peak(300)
        assert many - few < (large - small) / 4
