"""What the commands show of a plan: by verbosity, by its size, and whole in a file."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content.documents import Document
from flows.content.fields import Kind
from flows.documents.models import StoredDocument
from flows.models import Flow
from imports.importing.service import preview_import
from imports.importing.states import read_states
from imports.management.compared_changes import compare_changes
from imports.management.largest_changes import LargestChanges, measure_difference
from imports.management.plan_display import MOST_LISTED, MOST_WRITTEN
from imports.models import ImportRecord
from imports.plans.plan import Mode
from imports.rows.states import STATES_BATCH
from tests.support.imagined import a_file, planned, stored
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.plan_texts import read_states_of

CODE = "const a = 1;\nconst b = 2;\nreturn a + b;"
CHANGED = CODE.replace("const b", "const c = 3;\nconst b")
OF_THE_CODE = [
    '      ~ node "log" (log)',
    "          ~ data.code",
    "              @@ -1,3 +1,4 @@",
    "                const a = 1;",
    "              + const c = 3;",
    "                const b = 2;",
    "                return a + b;",
]


def coded(number: int, code: str, **keys: Any) -> dict[str, Any]:
    """A flow with that code in its second node."""
    nodes = [{"id": "start", "type": "start"}, {"id": "log", "type": "log", "data": {"code": code}}]
    return flow(number, f"F{number}", nodes=nodes, edges=[], **keys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "zexport.json"


@pytest.fixture
def flow_import(run_command: Any, file: Path) -> Any:
    def run(*options: str) -> Any:
        return run_command("flow_import", "-s", "local", "--overwrite", "-fp", str(file), *options)

    return run


@pytest.fixture
def a_change(db: None, file: Path) -> None:
    """A file that changes the code of a flow, and brings a new one."""
    import_items(coded(1, CODE))
    file.write_bytes(export_file(coded(1, CHANGED, timeout=99), coded(2, CODE)))


# --- By verbosity


def test_a_plan_has_the_lines_that_change_inside_a_node(a_change: None, flow_import: Any) -> None:
    lines = flow_import("--dry-run").err.splitlines()
    assert lines == [
        'Import into the server "local", overwrite:',
        "",
        f'  ~ overwrite flow "F1" ({uuid_of("f", 1)})',
        "      ~ timeout: 60 -> 99",
        *OF_THE_CODE,
        f'  + create flow "F2" ({uuid_of("f", 2)})',
        "",
        "Plan: 1 to create, 1 to overwrite, 0 to skip, 0 unchanged.",
    ]


def test_with_verbosity_0_it_has_the_names_of_what_is_long(
    a_change: None, flow_import: Any
) -> None:
    lines = flow_import("--dry-run", "-v", "0").err.splitlines()
    assert lines[3:5] == ["      ~ timeout: 60 -> 99", "      ~ nodes (changed)"]
    assert not any("const" in line for line in lines)


def test_with_verbosity_2_it_has_all_of_a_new_item_too(a_change: None, flow_import: Any) -> None:
    shown = flow_import("--dry-run", "-v", "2").err
    new = shown.partition("  + create")[2]
    assert '      + name: "F2"' in new
    assert "              + const a = 1;" in new
    assert "          + id: log" in new


@pytest.mark.parametrize("verbosity", ["0", "1", "2"])
def test_the_answer_on_stdout_is_the_same(
    a_change: None, flow_import: Any, tmp_path: Path, verbosity: str
) -> None:
    plain = json.loads(flow_import("--dry-run").out)
    options = ("-v", verbosity, "--plan-text", str(tmp_path / "plan.txt"))
    assert json.loads(flow_import("--dry-run", *options).out) == plain


def test_what_only_moved_is_one_line_but_in_the_whole_plan(
    db: None, flow_import: Any, file: Path
) -> None:
    def at(x: int, **more: Any) -> dict[str, Any]:
        nodes = [{"id": n, "type": "log", "position": {"x": x, "y": 0, **more}} for n in "ab"]
        return flow(1, "A", nodes=nodes, edges=[])

    import_items(at(1))
    file.write_bytes(export_file(at(2)))
    assert '      ~ 2 nodes only moved: "a" and "b"' in flow_import("--dry-run").err.splitlines()
    whole = flow_import("--dry-run", "-v", "2").err.splitlines()
    assert '      ~ moved node "a" (log): position.x: 1 -> 2' in whole
    file.write_bytes(export_file(at(2, note="text")))  # no text is left out
    assert "+ position.note: text" in flow_import("--dry-run").err


def test_of_a_long_line_only_what_is_the_same_is_left_out(
    db: None, flow_import: Any, file: Path
) -> None:
    import_items(coded(1, f"a {'x' * 3000} old {'y' * 3000}\nb"))
    file.write_bytes(export_file(coded(1, f"a {'x' * 3000} new {'y' * 3000}\n{'z' * 3000}\nb")))
    brief, whole = (flow_import("--dry-run", "-v", verbosity).err for verbosity in "12")
    for shown in (brief, whole):
        assert "z" * 3000 in shown
    assert f"{'x' * 3000} new {'y' * 3000}" in whole
    file.write_bytes(export_file(coded(1, f"a {'x' * 3000} new {'y' * 3000}\nb")))
    brief, whole = (flow_import("--dry-run", "-v", verbosity).err for verbosity in "12")
    assert f"{'x' * 59} new {'y' * 59}" in brief
    assert "[... 2883 characters that are the same ...]" in brief
    assert f"{'x' * 3000} new {'y' * 3000}" in whole


def test_colours_are_for_terminals_and_not_for_those_who_want_none(
    a_change: None, flow_import: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b" not in flow_import("--dry-run").err
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[32m              + const c = 3;\x1b[0m" in flow_import("--dry-run").err
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\n              + const c = 3;\n" in flow_import("--dry-run").err


@pytest.mark.parametrize("verbosity", ["1", "2"])
def test_what_would_act_on_a_terminal_is_written_out(
    db: None, flow_import: Any, file: Path, verbosity: str
) -> None:
    evil = "\x1b]0;title\x07\x9b2J\x1b[2J\r\u202e[bold]"
    import_items(coded(1, CODE))
    nodes = [{"id": evil, "type": evil, "data": {evil: evil, "name": evil, "x": f"{evil}\n{evil}"}}]
    items = [coded(1, f"{CODE}\n{evil}", **{evil: evil}), flow(2, "B", nodes=nodes, edges=[])]
    file.write_bytes(export_file(*items))
    shown = flow_import("--dry-run", "-v", verbosity).err
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "+ \\u001b]0;title\\u0007\\u009b2J\\u001b[2J\\u000d\\u202e[bold]" in shown


# --- In a file


def test_a_file_has_the_whole_plan(a_change: None, flow_import: Any, tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    done = flow_import("--dry-run", "-v", "0", "--plan-text", str(path))
    assert "const" not in done.err
    assert path.read_text() == flow_import("--dry-run", "-v", "2").err


def test_a_file_is_written_by_an_import_without_a_question(
    a_change: None, flow_import: Any, tmp_path: Path
) -> None:
    path = tmp_path / "plan.txt"
    done = flow_import("--no-prompt", "--no-backup", "--plan-text", str(path))
    assert done.code == 0
    assert "\n".join(OF_THE_CODE) in path.read_text()
    assert "const" not in done.err
    assert CHANGED in json.loads(Flow.objects.get(name="F1").nodes)[1]["data"]["code"]


def test_a_file_is_written_beside_a_saved_plan(
    a_change: None, flow_import: Any, tmp_path: Path
) -> None:
    plan, text = tmp_path / "plan.json", tmp_path / "plan.txt"
    assert flow_import("--plan-out", str(plan), "--plan-text", str(text)).code == 0
    assert "\n".join(OF_THE_CODE) in text.read_text()
    assert json.loads(plan.read_bytes())["items"]


@pytest.mark.usefixtures("a_change")
class TestFilesThatExist:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "plan.txt"
        path.write_text("before")
        return path

    def test_one_is_not_replaced_where_nobody_can_be_asked(
        self, flow_import: Any, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", StringIO())
        done = flow_import("--dry-run", "--plan-text", str(path))
        assert (done.code, done.out) == (2, "")
        assert path.read_text() == "before"

    def test_one_is_replaced_without_a_question(self, flow_import: Any, path: Path) -> None:
        assert flow_import("--dry-run", "--no-prompt", "--plan-text", str(path)).code == 0
        assert "Plan: " in path.read_text()

    def test_one_is_left_by_a_no(
        self, flow_import: Any, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("imports.management.files.require_terminal", lambda: None)
        monkeypatch.setattr("imports.management.files.confirm", lambda *_: False)
        done = flow_import("--dry-run", "--plan-text", str(path))
        assert json.loads(done.out)["data"] == {"message": "Operation cancelled by user"}
        assert path.read_text() == "before"

    @pytest.mark.parametrize("other", ["--plan-out", "-fp", "--decisions"])
    def test_one_file_is_not_used_twice(self, flow_import: Any, path: Path, other: str) -> None:
        done = flow_import("--no-prompt", "--plan-text", str(path), other, str(path))
        assert (done.code, done.out) == (2, "")
        assert "--plan-text would replace" in done.err
        assert path.read_text() == "before"


@pytest.mark.parametrize("name", ["-", ""])
def test_a_file_needs_a_name(flow_import: Any, name: str) -> None:
    assert flow_import("--dry-run", "--plan-text", name).code == 1  # argparse's 2, in a call


def test_no_file_is_left_where_the_folder_is_not_there(
    a_change: None, flow_import: Any, tmp_path: Path
) -> None:
    done = flow_import("--dry-run", "--plan-text", str(tmp_path / "none" / "plan.txt"))
    assert (done.code, done.out) == (2, "")
    assert "cannot be written" in done.err


# --- Of many changes


@pytest.fixture
def many(db: None, file: Path) -> Any:
    def make(count: int) -> None:
        import_items(*(coded(n, CODE) for n in range(1, count + 1)), secret(1, "KEY"))
        items = [coded(n, CODE + "\nmore" * n) for n in range(1, count + 1)]
        file.write_bytes(export_file(*items, secret(1, "KEY")))

    return make


def test_as_many_as_are_listed_are_listed(many: Any, flow_import: Any) -> None:
    many(MOST_LISTED)
    assert flow_import("--dry-run").err.count("~ overwrite") == MOST_LISTED


def test_more_are_counted_and_the_largest_are_named(
    many: Any, flow_import: Any, tmp_path: Path
) -> None:
    many(MOST_LISTED + 1)
    summary = flow_import("--dry-run").err
    lines = summary.splitlines()
    assert lines[2:4] == ["    51 flows: 51 to overwrite", "    1 secret: 1 unchanged"]
    assert lines[5] == "  The 10 largest of 51 changed rows:"
    named = [line.split()[3] for line in lines if line.startswith("  ~ overwrite")]
    assert named == [f'"F{n}"' for n in range(51, 41, -1)]
    assert lines[7] == "      1 node changed, code in 1; 51 lines and values"
    assert lines[-1] == "Plan: 0 to create, 51 to overwrite, 0 to skip, 1 unchanged."
    text = tmp_path / "plan.txt"
    assert flow_import("--dry-run", "--plan-text", str(text)).err == summary
    assert text.read_text().count("~ overwrite") == 51
    assert flow_import("--dry-run", "-v", "2").err == text.read_text()


def test_new_items_are_listed_up_to_a_larger_number(db: None, flow_import: Any, file: Path) -> None:
    file.write_bytes(export_file(*(coded(n, CODE) for n in range(MOST_WRITTEN))))
    assert flow_import("--dry-run").err.count("+ create") == MOST_WRITTEN
    file.write_bytes(export_file(*(coded(n, CODE) for n in range(MOST_WRITTEN + 1))))
    assert flow_import("--dry-run").err.splitlines()[2:6] == [
        f"    {MOST_WRITTEN + 1} flows: {MOST_WRITTEN + 1} to create",
        "",
        "  -v 2 lists all of them here, --plan-text F in a file",
        "",
    ]


@given(st.lists(st.integers(1, 6), max_size=12), st.integers(1, 4))
def test_the_largest_are_those_of_a_sorted_list(sizes: list[int], most: int) -> None:
    rows = [stored(Kind.FLOW, uuid_of("f", n), "A", info="x\n") for n in range(len(sizes))]
    items = [
        {"uuid": uuid_of("f", n), "name": "A", "info": "y\n" * size} for n, size in enumerate(sizes)
    ]
    plan = planned(a_file(flows=items), *rows, mode=Mode.OVERWRITE)
    largest: LargestChanges[Any] = LargestChanges(most)
    compared = [*largest.watch(compare_changes(read_states_of(plan, *rows), with_new=False))]
    measured = [measure_difference(each.difference) for each in compared if each.difference]
    expected = sorted(range(len(sizes)), key=lambda n: -measured[n])[:most]
    assert [change.item.position for change, _ in largest] == expected


# --- What is read for it


def test_documents_are_read_of_changed_rows_only_and_in_batches(
    many: Any, django_assert_max_num_queries: Any, file: Path
) -> None:
    many(2 * STATES_BATCH)
    plan = preview_import(request_for(file.read_bytes())).plan
    with django_assert_max_num_queries(2 * 2):
        for _ in compare_changes(with_kind(read_states(plan)), with_new=True):
            pass
    plan = preview_import(request_for(export_file(*(coded(n, CODE) for n in range(1, 101))))).plan
    with django_assert_max_num_queries(0):
        assert [states for _, states in read_states(plan)] == [None] * 100


def with_kind(states: Any) -> Any:
    return ((change.item.kind, change, of_row) for change, of_row in states)


def test_what_is_read_for_the_text_is_not_kept_with_the_plan(db: None) -> None:
    before, after = coded(1, CODE), coded(1, CHANGED)
    for item in (after, before):  # so that the flow of the file is known, and not read
        import_items(item)
    plan = preview_import(request_for(export_file(after))).plan
    [compared] = compare_changes(with_kind(read_states(plan)), with_new=True)
    assert compared.difference
    [change] = plan
    documents = [value for value in (change.content or {}).values() if isinstance(value, Document)]
    assert documents
    assert not any(document.has_text for document in documents)


def test_of_a_damaged_document_it_is_said_and_the_others_are_compared(
    db: None, flow_import: Any, file: Path
) -> None:
    import_items(*(coded(n, f"{CODE}\n{n}") for n in range(1, 4)))
    file.write_bytes(export_file(*(coded(n, f"{CHANGED}\n{n}") for n in range(1, 4))))
    damaged = Flow.objects.filter(name="F2").values_list("nodes", flat=True).get()
    StoredDocument.objects.filter(digest=damaged.digest).update(body=b"damaged")
    done = flow_import("--dry-run")
    assert done.code == 0
    [line] = [line for line in done.err.splitlines() if "cannot be compared" in line]
    assert line.startswith(f"      ! cannot be compared: The stored document {damaged.digest} is")
    assert done.err.count("+ const c = 3;") == 2


# --- Of an undo


@pytest.fixture
def an_undo(db: None, run_command: Any) -> Any:
    import_items(coded(1, CHANGED), connection(1, "C", devValue="{ password: 'before' }"))
    import_items(
        coded(1, CODE), coded(2, CODE), connection(1, "C", devValue="{ password: 'after' }")
    )
    record = ImportRecord.objects.latest("pk").pk
    return lambda *options: run_command("import_undo", str(record), *options)


def test_the_plan_of_an_undo_has_the_lines_that_change(an_undo: Any, tmp_path: Path) -> None:
    done = an_undo("--dry-run")
    assert "\n".join(OF_THE_CODE) in done.err
    assert "[hidden 1]" in done.err
    assert "'before'" not in done.err
    assert "'after'" not in done.err
    assert f'  - delete flow "F2" ({uuid_of("f", 2)})\n  ~' in done.err
    brief = an_undo("--dry-run", "-v", "0").err
    assert "      ~ nodes (changed)\n" in brief
    assert "const" not in brief


def test_the_whole_plan_of_an_undo_is_in_a_file(an_undo: Any, tmp_path: Path) -> None:
    path = tmp_path / "undo.txt"
    assert an_undo("--dry-run", "--plan-text", str(path)).code == 0
    whole = an_undo("--dry-run", "-v", "2").err
    assert path.read_text() == whole
    deleted = whole.partition("  - delete")[2]
    assert "              - const a = 1;" in deleted
    path.unlink()
    assert an_undo("--no-prompt", "--no-backup", "--plan-text", str(path)).code == 0
    assert path.read_text() == whole
    assert not Flow.objects.filter(name="F2", is_deleted=False).exists()
