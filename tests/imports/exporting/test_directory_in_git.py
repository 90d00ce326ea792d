"""A directory in a real git repository: what it shows of a change, what it merges, what it clones."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.models import Flow
from imports.errors import FileInvalid
from imports.exportfile.directory.form import ATTRIBUTES, ATTRIBUTES_FILE
from imports.importing.service import run_import
from tests.conftest import CommandResult
from tests.support.directories import (
    git,
    join_files,
    normalize,
    read_export,
    read_files,
    split_document,
    write_files,
)
from tests.support.importing import request_for, uuid_of

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")

CODE = "const a = 1;\nconst b = 2;\nconst c = 3;\nreturn a;\n"


def a_node(number: int) -> dict[str, Any]:
    return {
        "id": f"n{number}",
        "type": "code",
        "position": {"x": number, "y": 0},
        "data": {"label": f"Step {number}", "jsCode": CODE, "retries": 1},
    }


DOCUMENT: dict[str, Any] = {
    "flows": [
        {
            "uuid": uuid_of("f", 1),
            "name": "Orders",
            "timeout": 60,
            "nodes": [a_node(number) for number in range(1, 5)],
            "edges": [],
        }
    ],
    "connections": [],
    "secrets": [],
}


def changed(*steps: Any, to: Any, of: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    """The document with another value at that place of its flow."""
    document = copy.deepcopy(of)
    place = document["flows"][0]
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = to
    return document


def write(root: Path, document: dict[str, Any]) -> None:
    """Write the directory anew, as an export does."""
    for name in ("flows", "connections", "secrets"):
        shutil.rmtree(root / name, ignore_errors=True)
    write_files(root, split_document(document))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init")
    write(root / "flows", DOCUMENT)
    git(root, "add", "-A")
    git(root, "commit", "-m", "As it was")
    return root


def commit_on_branch(root: Path, name: str, document: dict[str, Any]) -> None:
    git(root, "checkout", "-b", name, "main")
    write(root / "flows", document)
    git(root, "commit", "-am", name)


def test_branches_that_change_other_nodes_merge_to_what_both_meant(repository: Path) -> None:
    code = CODE.replace("3", "4")
    ours = changed("nodes", 1, "data", "retries", to=5)
    theirs = changed("nodes", 2, "data", "jsCode", to=code)
    theirs = changed("nodes", 2, "position", to={"x": 9, "y": 9}, of=theirs)
    commit_on_branch(repository, "ours", ours)
    commit_on_branch(repository, "theirs", theirs)
    git(repository, "merge", "ours")
    both = changed("nodes", 1, "data", "retries", to=5, of=theirs)
    assert normalize(join_files(read_files(repository / "flows"))) == normalize(both)


def test_branches_that_change_neighbouring_nodes_alike_merge(repository: Path) -> None:
    commit_on_branch(repository, "ours", changed("nodes", 0, "data", "retries", to=5))
    commit_on_branch(repository, "theirs", changed("nodes", 1, "data", "retries", to=6))
    git(repository, "merge", "ours")
    both = changed("nodes", 0, "data", "retries", to=5)
    both = changed("nodes", 1, "data", "retries", to=6, of=both)
    assert normalize(join_files(read_files(repository / "flows"))) == normalize(both)


def test_a_conflict_in_code_is_in_that_file_alone_and_is_named(repository: Path) -> None:
    for name, line in (("ours", "const a = 10;"), ("theirs", "const a = 20;")):
        code = CODE.replace("const a = 1;", line)
        commit_on_branch(repository, name, changed("nodes", 0, "data", "jsCode", to=code))
    assert git(repository, "merge", "ours", check=False).returncode == 1
    unmerged = git(repository, "diff", "--name-only", "--diff-filter=U").stdout.split()
    assert unmerged == ["flows/flows/orders/code/step-1-n1.jscode.js"]
    git(repository, "commit", "-am", "Committed as it is")
    with pytest.raises(FileInvalid) as refused:
        read_export(archive_of(repository))
    (issue,) = refused.value.issues
    assert (issue.code, issue.path) == (
        "merge-conflict",
        "flows/orders/code/step-1-n1.jscode.js:1",
    )


def archive_of(repository: Path, form: str = "tar.gz") -> bytes:
    out = repository.parent / f"archive.{form}"
    git(repository, "archive", f"--format={form}", "-o", str(out), "HEAD", "flows")
    return out.read_bytes()


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_an_archive_of_a_commit_is_the_document(repository: Path, form: str) -> None:
    document = read_export(archive_of(repository, form))
    assert [item.name for item in document] == ["Orders"]
    assert document.directory_id


@pytest.mark.parametrize("name", ["real-small.json", "real-odd.json"])
def test_a_clone_with_other_line_ends_is_the_same_document(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    document = json.loads((shared_data / name).read_bytes())
    root = tmp_path / "repository"
    root.mkdir()
    files = {**split_document(document), ATTRIBUTES_FILE: ATTRIBUTES}
    git(root, "init")
    write_files(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-m", "All")
    clone = tmp_path / "clone"
    git(tmp_path, "-c", "core.autocrlf=true", "clone", str(root), str(clone))
    assert read_files(clone) == files
    # The same where nobody keeps the attributes, and the checkout has other line ends.
    git(root, "rm", ATTRIBUTES_FILE)
    git(root, "commit", "-m", "Without")
    clone = tmp_path / "other"
    git(tmp_path, "-c", "core.autocrlf=true", "clone", str(root), str(clone))
    without = read_files(clone)
    assert without["ziggy.json"].count(b"\r\n") > 2
    assert normalize(join_files(without)) == normalize(document)


@pytest.mark.django_db
def test_what_git_shows_of_changes_on_a_server(
    run_command: Callable[..., CommandResult], shared_data: Path, tmp_path: Path
) -> None:
    """The first of the promises, with 300 real flows."""
    payload = (shared_data / "real-medium.json").read_bytes()
    run_import(request_for(payload, with_backup=False, accept=("invisible-characters",)))
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init")

    def export() -> list[str]:
        done = run_command("flow_export", "--to-dir", str(root / "flows"))
        assert done.code == 0, done.err
        git(root, "add", "-A")
        lines = git(root, "diff", "--cached", "--stat=300", "-M").stdout.splitlines()
        git(root, "commit", "--allow-empty", "-m", "Exported")
        return lines

    export()
    assert export() == []
    flow = next(
        each
        for each in Flow.objects.order_by("pk")
        if "jsCode" in each.nodes and each.name == each.name.strip()
    )
    nodes = json.loads(flow.nodes)
    node = next(
        each
        for each in nodes
        if "\n" in str(each["data"].get("parameters", {}).get("jsCode", "")).strip()
        and "\r" not in each["data"]["parameters"]["jsCode"]
    )
    code = node["data"]["parameters"]["jsCode"].split("\n")
    code[len(code) // 2] += " // one more"
    node["data"]["parameters"]["jsCode"] = "\n".join(code)
    save(flow, nodes=nodes)
    lines = export()
    assert len(lines) == 2
    assert "/code/" in lines[0]
    assert lines[1] == " 1 file changed, 1 insertion(+), 1 deletion(-)"

    save(flow, name="A wholly new name")
    lines = export()
    assert lines[-1].split(",")[1:] == [" 1 insertion(+)", " 1 deletion(-)"]
    assert all("=> a-wholly-new-name" in line for line in lines[:-1])

    large = next(each for each in Flow.objects.order_by("pk") if len(json.loads(each.nodes)) > 20)
    nodes = json.loads(large.nodes)
    for each in nodes[:12]:
        each["position"] = {"x": each["position"]["x"] + 20.5, "y": each["position"]["y"]}
    save(large, nodes=nodes)
    lines = export()
    assert lines[-1] == " 1 file changed, 12 insertions(+), 12 deletions(-)"
    assert "layout.json" in lines[0]

    save(large, is_deleted=True)
    lines = export()
    assert "insertion" not in lines[-1]
    (folder,) = {line.split("/")[2] for line in lines[:-1]}
    assert folder
    assert not (root / "flows/flows" / folder).exists()


def save(flow: Flow, **columns: Any) -> None:
    for column, value in columns.items():
        setattr(flow, column, json.dumps(value) if column == "nodes" else value)
    flow.save()
