"""An export into a directory: only what changed is written, and nothing of anybody else's."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from flows.models import MODELS, Flow
from imports.exporting import directory_writing
from imports.importing.service import run_import
from tests.conftest import CommandResult
from tests.support.directories import join_files, normalize, read_files, write_files
from tests.support.drawn import files
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import request_for, uuid_of
from tests.support.rows import exported

pytestmark = pytest.mark.django_db

RunCommand = Callable[..., CommandResult]
CODE = "const a = 1;\nconst b = 2;\nreturn a;\n"


def a_node(number: int, **data: Any) -> dict[str, Any]:
    return {
        "id": f"n{number}",
        "type": "code",
        "position": {"x": number, "y": 0},
        "data": {"label": f"Step {number}", "jsCode": CODE, **data},
    }


def a_flow(number: int, name: str = "", **columns: Any) -> Flow:
    nodes = columns.pop("nodes", [a_node(1), a_node(2)])
    return FlowFactory(
        uuid=uuid_of("f", number), name=name or f"Flow {number}", nodes=json.dumps(nodes), **columns
    )


@pytest.fixture
def export(run_command: RunCommand, tmp_path: Path) -> Callable[..., CommandResult]:
    """Export into a directory, which is `flows` where nothing else is said."""

    def run(*arguments: str, to: str = "flows", code: int = 0) -> CommandResult:
        done = run_command("flow_export", "--to-dir", str(tmp_path / to), *arguments)
        assert done.code == code, done.err
        return done

    return run


def counts(done: CommandResult) -> tuple[int, int, int]:
    data = json.loads(done.out)["data"]
    return data["filesWritten"], data["filesRemoved"], data["filesUnchanged"]


def test_it_says_what_it_did(export: Any, tmp_path: Path) -> None:
    a_flow(1)
    ConnectionFactory()
    SecretFactory(name="TOKEN")
    data = json.loads(export().out)["data"]
    assert (
        data["directoryId"]
        == json.loads((tmp_path / "flows/ziggy.json").read_bytes())["directoryId"]
    )
    assert {key: data[key] for key in data if key != "directoryId"} == {
        "directory": str(tmp_path / "flows"),
        "flows": 1,
        "connections": 1,
        "secrets": 1,
        "filesWritten": 9,
        "filesRemoved": 0,
        "filesUnchanged": 0,
        "warnings": [],
    }


def test_two_exports_of_one_state_are_the_same_bytes(export: Any, tmp_path: Path) -> None:
    a_flow(1)
    a_flow(2)
    export()
    export(to="others")
    assert read_files(tmp_path / "flows") == read_files(tmp_path / "others")
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert counts(export()) == (0, 0, 9)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == times


def test_the_same_state_on_another_server_writes_nothing(
    export: Any, settings: Any, tmp_path: Path
) -> None:
    a_flow(1)
    export()
    before = read_files(tmp_path / "flows")
    settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "another"}
    assert counts(export("--server", "another"))[:2] == (0, 0)
    assert read_files(tmp_path / "flows") == before


def test_only_what_changed_is_written_and_what_left_is_removed(export: Any, tmp_path: Path) -> None:
    flow = a_flow(1, name="Orders")
    gone = a_flow(2, name="Returns")
    export()
    (tmp_path / "flows/flows/orders/notes.txt").write_text("mine")
    (tmp_path / "flows/flows/returns/notes.txt").write_text("mine too")
    (tmp_path / "flows/README.md").write_text("ours")
    flow.nodes = json.dumps([a_node(1, jsCode=CODE.replace("2", "3"))])
    flow.save()
    gone.is_deleted = True
    gone.save()
    done = export()
    assert counts(done)[:2] == (3, 5)  # code, flow and layout; of the other flow all, and a node
    found = read_files(tmp_path / "flows")
    assert sorted(path for path in found if path.startswith("flows/")) == [
        "flows/orders/code/step-1-n1.jscode.js",
        "flows/orders/flow.json",
        "flows/orders/layout.json",
        "flows/orders/notes.txt",
        "flows/returns/notes.txt",
    ]
    assert found["README.md"] == b"ours"


def test_flows_may_change_names_with_each_other(export: Any, tmp_path: Path) -> None:
    one, other = a_flow(1, name="A"), a_flow(2, name="B", nodes=[a_node(9)])
    export()
    before = read_files(tmp_path / "flows")
    Flow.objects.filter(pk=one.pk).update(name="C")
    Flow.objects.filter(pk=other.pk).update(name="A")
    Flow.objects.filter(pk=one.pk).update(name="B")
    export()
    after = read_files(tmp_path / "flows")
    assert normalize(join_files(after)) == normalize(json.loads(exported()))
    swapped = {
        path.replace("flows/a/", "flows/?/").replace("flows/b/", "flows/a/").replace("?", "b"): each
        for path, each in before.items()
    }
    names = {path for path in swapped if path.endswith("flow.json")}
    assert {path: each for path, each in after.items() if path not in names} == {
        path: each for path, each in swapped.items() if path not in names
    }


def test_the_id_is_made_once(export: Any, tmp_path: Path) -> None:
    a_flow(1)
    export()
    head = tmp_path / "flows/ziggy.json"
    own = "12345678-1234-4234-8234-123456789abc"
    head.write_text(json.dumps({**json.loads(head.read_bytes()), "directoryId": own}))
    export("--flow-ids", uuid_of("f", 1))
    assert json.loads(head.read_bytes())["directoryId"] == own


def test_directories_of_other_choices_have_other_ids(export: Any) -> None:
    a_flow(1, tags='["a"]')
    a_flow(2, tags='["b"]')
    words = [(), ("--tags", "a"), ("--tags", "b"), ("--tags", "a,b"), ("--tags", "b,a")]
    ids = [
        json.loads(export(*each, to=f"d{at}").out)["data"]["directoryId"]
        for at, each in enumerate(words)
    ]
    assert len(set(ids)) == 4
    assert ids[3] == ids[4]


FOREIGN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a flow's file in a directory that is none": (
        lambda root: write_files(root, {"flows/orders/flow.json": b'{"uuid": "1", "name": "a"}'}),
        '"flows/orders/flow.json"',
    ),
    "code in a directory that is none": (
        lambda root: write_files(root, {"flows/orders/code/mine.js": b""}),
        '"flows/orders/code/mine.js"',
    ),
    "a connection in a directory that is none": (
        lambda root: write_files(root, {"connections/shop.json": b"{}"}),
        '"connections/shop.json"',
    ),
    "another program's ziggy.json": (
        lambda root: write_files(root, {"ziggy.json": b'{"name": "package"}'}),
        '"ziggy.json"',
    ),
    "a ziggy.json that is no JSON": (
        lambda root: write_files(root, {"ziggy.json": b"<<<<<<< "}),
        '"ziggy.json"',
    ),
}


@pytest.mark.parametrize(("prepare", "listed"), FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_somebody_else_is_not_replaced(
    export: Any, tmp_path: Path, prepare: Callable[[Path], Any], listed: str
) -> None:
    a_flow(1, name="Orders")
    ConnectionFactory(name="Shop")
    root = tmp_path / "flows"
    root.mkdir()
    prepare(root)
    before = read_files(root)
    done = export(code=1)
    assert f"no part of one: {listed}. Nothing was written." in done.err
    assert read_files(root) == before


def test_all_files_that_are_in_the_way_are_listed(export: Any, tmp_path: Path) -> None:
    a_flow(1, name="Orders")
    ConnectionFactory(name="Shop")
    export()
    root = tmp_path / "flows"
    write_files(root, {"connections/shop.json": b"[]", "flows/orders/flow.json": b"<<<<<<< HEAD"})
    before = read_files(root)
    done = export(code=1)
    assert '"connections/shop.json", "flows/orders/code/step-1-n1.jscode.js", ' in done.err
    assert '"flows/orders/flow.json"' in done.err
    assert read_files(root) == before


def test_other_files_of_a_new_directory_are_left(export: Any, tmp_path: Path) -> None:
    a_flow(1, name="Orders")
    root = tmp_path / "flows"
    own = {"LICENSE": b"x", "flows/other.txt": b"x", "connections/else.json": b"x"}
    write_files(root, own)
    export()
    assert own.items() <= read_files(root).items()


@pytest.mark.parametrize("link", ["flows", "flows/orders", "flows/orders/code", "ziggy.json"])
def test_nothing_is_written_through_a_link(export: Any, tmp_path: Path, link: str) -> None:
    a_flow(1, name="Orders")
    export()
    root, target = tmp_path / "flows", tmp_path / "target"
    shutil.move(root / link, target)
    (root / link).symlink_to(target)
    done = export(code=1)
    assert f'"{link}"' in done.err


def test_an_empty_export_removes_nothing(export: Any, tmp_path: Path) -> None:
    a_flow(1, tags='["a"]')
    export()
    before = read_files(tmp_path / "flows")
    done = export("--tags", "typo", code=1)
    assert 'No flow has any of the tags "typo". No file was written.' in done.err
    assert read_files(tmp_path / "flows") == before


def test_most_items_leave_only_where_that_is_meant(export: Any, tmp_path: Path) -> None:
    for number in range(12):
        a_flow(number, tags='["a"]' if number == 0 else "[]")
    export()
    before = read_files(tmp_path / "flows")
    done = export("--tags", "a", code=1)
    assert "Of the 12 items in the directory" in done.err
    assert "11 are not in this export" in done.err
    assert read_files(tmp_path / "flows") == before
    assert counts(export("--tags", "a", "--no-prompt"))[1] == 44
    assert counts(export())[0] == 44


@pytest.mark.parametrize("option", ["--gzip", "--compact"])
def test_options_of_one_file_are_refused(run_command: RunCommand, option: str) -> None:
    done = run_command("flow_export", "--to-dir", "d", option)
    assert done.code == 2
    assert f"{option} cannot be given with --to-dir" in done.err


def test_a_place_that_cannot_be_written_is_told(export: Any, tmp_path: Path) -> None:
    a_flow(1)
    (tmp_path / "flows").write_text("a file")
    assert f'The directory "{tmp_path / "flows"}" cannot be written: ' in export(code=2).err


def test_killed_at_any_file_the_next_export_finishes_it(
    export: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two changes of the disk, what is there is of the form, and nothing is lost."""
    flow = a_flow(1, name="Orders")
    a_flow(2, name="Returns")
    export()
    before = tmp_path / "before"
    shutil.copytree(tmp_path / "flows", before)
    flow.nodes = json.dumps([a_node(3), a_node(1, jsCode="a()\nb()\n")])
    flow.save()
    Flow.objects.filter(uuid=uuid_of("f", 2)).update(name="Refunds")
    export()
    whole = read_files(tmp_path / "flows")

    class Killed(BaseException):
        """The end of the process."""

    left = -1  # never

    def pass_point() -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise Killed

    def put(path: str, content: bytes) -> None:
        pass_point()
        original_put(path, content[: len(content) // 2])
        pass_point()
        original_put(path, content)

    def unlink(self: Path, **options: Any) -> None:
        if before.parent in self.parents:
            pass_point()
        original_unlink(self, **options)

    original_put, original_unlink = directory_writing._put, Path.unlink
    monkeypatch.setattr(directory_writing, "_put", put)
    monkeypatch.setattr(Path, "unlink", unlink)
    for steps in range(1, 100):
        left = -1
        shutil.rmtree(tmp_path / "flows")
        shutil.copytree(before, tmp_path / "flows")
        left = steps
        try:
            export()
        except Killed:
            left = -1
            export()
            found = read_files(tmp_path / "flows")
            found.pop(".ziggy-unfinished", None)
            assert found == whole, steps
        else:
            break
    assert steps > 8


@given(files)
def test_a_directory_that_is_imported_is_exported_as_the_same_bytes(
    export: Any, run_command: RunCommand, tmp_path: Path, drawn: dict[str, Any]
) -> None:
    remove_all_rows()
    run_import(request_for(json.dumps(drawn).encode(), with_backup=False))
    document = json.loads(exported())
    root = tmp_path / "flows"
    shutil.rmtree(root, ignore_errors=True)
    export()
    before = read_files(root)
    assert normalize(join_files(before)) == normalize(document)
    remove_all_rows()
    done = run_command(
        *("flow_import", "-s", "local", "--overwrite", "--no-prompt", "--no-backup"),
        *("--from-dir", str(root)),
    )
    assert done.code == 0, done.err
    assert normalize(json.loads(exported())) == normalize(document)
    assert counts(export())[:2] == (0, 0)
    assert read_files(root) == before


def remove_all_rows() -> None:
    for model in MODELS.values():
        model._default_manager.all().delete()
