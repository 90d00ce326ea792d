"""The recipe of the documentation as a whole: a git repository, its script, and a server process."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.directories import git, read_files
from tests.support.importing import export_file, flow, uuid_of
from tests.support.server_process import make_environment, manage, new_database, run_gunicorn
from tests.support.uploading import BOUNDARY, file_part, form, words

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("git")), reason="there is no curl or no git"
)

SCRIPT = Path(__file__).parents[2] / "samples" / "ci" / "ziggy.sh"
CODE = "const a = 1;\nconst b = 2;\nconst c = 3;\nreturn a;\n"
FILE_OF_CODE = "flows/flows/orders/code/step-n1.jscode.js"
PREPARE = """
from django.contrib.auth.models import Group
from django.core.management import call_command
from accounts.models import ApiToken, User
from accounts.tokens import issue_key
call_command("migrate", verbosity=0)
for name, group in (("planner", "Planner"), ("importer", "Service Account")):
    user = User.objects.create_user(name, name + "@example.org", "CANARY-recipe-pass-9")
    user.groups.add(Group.objects.get(name=group))
    print(issue_key(ApiToken(user=user, name="ci")))
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server, and the keys of two of its users."""

    port: int
    environment: dict[str, str]
    planner: str
    importer: str

    def command(self, *words: str) -> None:
        done = manage(self.environment, *words)
        assert done.returncode == 0, done.stderr

    def ask(self, path: str) -> Any:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(
                "GET", f"/api{path}", headers={"Authorization": f"Bearer {self.importer}"}
            )
            return json.loads(connection.getresponse().read())

    def keep(self, body: bytes) -> None:
        """Keep a plan as the planner, with whatever it says."""
        headers = {
            "Authorization": f"Bearer {self.planner}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", "/api/plans", body, headers)
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("production")
    with new_database(folder, prefix="ziggy_recipe") as url:
        environment = make_environment("production", folder, url)
        done = manage(environment, "shell", "--verbosity", "0", "-c", PREPARE)
        assert done.returncode == 0, done.stderr
        planner, importer = done.stdout.split()
        with run_gunicorn(environment, folder / "server.log") as port:
            yield Server(port=port, environment=environment, planner=planner, importer=importer)


def a_node(number: int) -> dict[str, Any]:
    return {
        "id": f"n{number}",
        "type": "code",
        "position": {"x": number, "y": 0},
        "data": {"label": "Step", "jsCode": CODE},
    }


class Work:
    """A repository with the flows of the server, and the script of the recipe in it."""

    def __init__(self, server: Server, root: Path) -> None:
        self.server, self.root = server, root

    def import_flows(self, *, orders: int = 60, invoices: int = 60) -> None:
        """Import two flows as they were at first, but for their timeouts, by hand."""
        nodes = [a_node(1), a_node(2)]
        content = export_file(
            flow(1, "Orders", timeout=orders, nodes=nodes, edges=[]),
            flow(2, "Invoices", timeout=invoices),
        )
        (self.root.parent / "file.json").write_bytes(content)
        words = ("-s", "production", "--overwrite", "--no-prompt", "--no-backup")
        self.server.command("flow_import", *words, "-fp", str(self.root.parent / "file.json"))

    def commit(self, branch: str, file: str, old: str, new: str) -> None:
        """Commit a change of one file on a new branch of main."""
        git(self.root, "checkout", "-q", "-b", branch, "main")
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))
        git(self.root, "commit", "-am", branch)
        git(self.root, "checkout", "-q", "main")

    def run(self, *words: str, plan: str, key: str = "", **given: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr of the script."""
        secret = key or (self.server.planner if words[0] == "plan" else self.server.importer)
        done = subprocess.run(
            ["sh", "-x", str(SCRIPT), *words],
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.root),
                "ZIGGY_URL": f"http://127.0.0.1:{self.server.port}",
                "ZIGGY_API_KEY": secret,
                "ZIGGY_PLAN": plan,
                **given,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert secret not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    def plan(self, commit: str, plan: str, **given: str) -> str:
        code, out, err = self.run("plan", commit, plan=plan, **given)
        assert code == 0, err
        return out

    def is_on_server(self) -> bool:
        """Whether an export of the server is what main has, byte for byte."""
        other = self.root.parent / "exported"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(self.root / "flows", other)
        self.server.command("flow_export", "--to-dir", str(other))
        return read_files(other) == read_files(self.root / "flows")


@pytest.fixture(scope="module")
def template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the flows of the server, as they were at first."""
    root = tmp_path_factory.mktemp("template") / "repository"
    root.mkdir()
    Work(server, root).import_flows()
    git(root, "init")
    server.command("flow_export", "--to-dir", str(root / "flows"))
    git(root, "add", "-A")
    git(root, "commit", "-m", "All flows")
    return root


@pytest.fixture
def work(server: Server, template: Path, tmp_path: Path) -> Work:
    """A repository of its own, whatever flows the server has now."""
    shutil.copytree(template, tmp_path / "repository")
    return Work(server, tmp_path / "repository")


@pytest.fixture
def fresh(work: Work) -> Work:
    """The same, and the server has its flows."""
    work.import_flows()
    return work


def test_two_branches_are_planned_merged_and_applied_one_after_the_other(fresh: Work) -> None:
    fresh.commit("ours", FILE_OF_CODE, "const b = 2;", "const b = 20;")
    fresh.commit("theirs", "flows/flows/invoices/flow.json", '"timeout": 60', '"timeout": 90')
    ours = fresh.plan(
        "ours", "repo#1", ZIGGY_TITLE="Twenty", ZIGGY_LINK="https://git.example.org/1"
    )
    theirs = fresh.plan("theirs", "repo#2")
    for text in (ours, theirs):
        assert text.startswith("<!-- ziggy-plan ")
        assert "/admin/imports/" in text
    assert ours.partition("\n")[0].startswith("<!-- ziggy-plan ")
    assert fresh.server.ask(f"/flow/{uuid_of('f', 2)}")["timeout"] == 60

    git(fresh.root, "merge", "--no-ff", "-m", "Merged", "ours")
    code, out, err = fresh.run("apply", "main", plan="repo#1")
    assert (code, out.partition(": ")[0][:15]) == (0, "Applied the pla"), err
    assert fresh.is_on_server()
    (record,) = fresh.server.ask("/imports?pageSize=1")["results"]
    assert record["origin"]["key"] == "repo#1"
    assert record["origin"]["title"] == "Twenty"
    commit = git(fresh.root, "rev-parse", "ours").stdout.strip()
    assert record["origin"]["commit"].startswith(commit)

    git(fresh.root, "merge", "--no-ff", "-m", "Merged", "theirs")
    code, out, err = fresh.run("apply", "main", plan="repo#2")
    assert (code, out) == (5, "")
    assert "is not what was planned and reviewed" in err
    main = git(fresh.root, "rev-parse", "main").stdout.strip()
    assert f"Plan again with: ziggy.sh plan {main}." in err
    assert not fresh.is_on_server()

    fresh.plan("main", "repo#2")
    assert fresh.run("apply", "main", plan="repo#2")[0] == 0
    assert fresh.is_on_server()
    # Once more, such as a job that is run again, changes nothing.
    assert fresh.run("apply", "main", plan="repo#2")[0] == 0


@pytest.mark.parametrize("changed", [1, 2], ids=["an item of the plan", "an item beside it"])
def test_a_plan_is_stale_where_the_server_was_changed_meanwhile(fresh: Work, changed: int) -> None:
    fresh.commit("ours", FILE_OF_CODE, "const b = 2;", "const b = 20;")
    fresh.plan("ours", "repo#3")
    git(fresh.root, "merge", "ours")
    fresh.import_flows(**{["orders", "invoices"][changed - 1]: 77})
    code, out, err = fresh.run("apply", plan="repo#3")
    assert (code, out) == (5, "")
    assert "Nothing was applied: the server is not what it was" in err
    assert "ziggy.sh plan" in err
    assert ("of the plan: UNCHANGED, now OVERWRITE." in err) == (changed == 2)
    assert fresh.server.ask(f"/flow/{uuid_of('f', changed)}")["timeout"] == 77
    fresh.plan("HEAD", "repo#3")
    assert fresh.run("apply", plan="repo#3")[0] == 0
    assert fresh.is_on_server()


@pytest.mark.parametrize("lie", ["another file", "decisions", "another mode"])
def test_what_a_planner_keeps_beside_the_pipeline_is_not_applied(fresh: Work, lie: str) -> None:
    """Whoever may push a branch may use the planner's key, and say any commit."""
    fresh.commit("ours", FILE_OF_CODE, "const b = 2;", "const b = 20;")
    fresh.plan("ours", "repo#10")
    git(fresh.root, "merge", "ours")
    (plan,) = fresh.server.ask("/plans?key=repo%2310")["results"]
    git(fresh.root, "archive", "-o", "../flows.zip", "HEAD", "flows")
    fields = {"duplicatesMode": "OVERWRITE", "key": "repo#10", "commit": plan["commit"]}
    content = (fresh.root.parent / "flows.zip").read_bytes()
    parts = [file_part(content, "flows.tar.gz")]
    if lie == "another file":
        parts = [file_part(export_file(flow(1, "Orders", timeout=1)), "flows.tar.gz")]
    elif lie == "decisions":
        document = {"decisions": {uuid_of("f", 1): "leave-out"}}
        parts.append(file_part(json.dumps(document).encode(), "d.json", "decisions"))
    else:
        fields["duplicatesMode"] = "RENAME"
    fresh.server.keep(form(*parts, *words(**fields)))
    code, out, err = fresh.run("apply", plan="repo#10")
    assert (code, out) == (5, "")
    assert ("of another file" in err) == (lie == "another file")
    assert ("decided otherwise" in err) == (lie != "another file")
    assert fresh.server.ask(f"/flow/{uuid_of('f', 1)}")["timeout"] == 60
    assert not fresh.is_on_server()


def test_a_conflict_is_refused_by_git_and_its_markers_by_the_plan(work: Work) -> None:
    work.commit("ours", FILE_OF_CODE, "const b = 2;", "const b = 20;")
    work.commit("theirs", FILE_OF_CODE, "const b = 2;", "const b = 200;")
    git(work.root, "merge", "ours")
    assert git(work.root, "merge", "theirs", check=False).returncode == 1
    git(work.root, "commit", "-am", "Committed as it is")
    planned = work.plan("ours", "owner/re-po_ü!4")
    code, out, err = work.run("plan", plan="owner/re-po_ü!4")
    assert code == 3, err
    assert out.partition("\n")[0] == planned.partition("\n")[0]
    assert "owner%2Fre%2Dpo_%C3%BC%214" in planned.partition("\n")[0]
    assert f"{FILE_OF_CODE.removeprefix('flows/')}:2" in out
    commit = git(work.root, "rev-parse", "ours").stdout.strip()
    (kept,) = work.server.ask("/plans?key=owner%2Fre-po_%C3%BC%214")["results"]
    assert kept["commit"].startswith(commit)


def test_a_planner_applies_nothing(fresh: Work) -> None:
    fresh.commit("ours", FILE_OF_CODE, "const b = 2;", "const b = 20;")
    fresh.plan("ours", "repo#5")
    git(fresh.root, "merge", "ours")
    code, out, err = fresh.run("apply", plan="repo#5", key=fresh.server.planner)
    assert (code, out) == (7, ""), err
    assert not fresh.is_on_server()


@pytest.mark.parametrize(
    "title", ["@/etc/passwd", "</etc/passwd", "$(touch hacked)`touch hacked`'\";type=x", "-F x"]
)
def test_a_title_is_a_text_and_nothing_else(work: Work, title: str) -> None:
    work.plan("HEAD", "repo#6", ZIGGY_TITLE=title)
    (plan,) = work.server.ask("/plans?key=repo%236")["results"]
    assert plan["title"] == title
    assert not list(work.root.glob("hacked*"))


def test_a_title_that_the_server_does_not_take_is_left_out(work: Work) -> None:
    work.plan("HEAD", "repo#7", ZIGGY_TITLE="two\nlines and \N{ZERO WIDTH SPACE}")
    (plan,) = work.server.ask("/plans?key=repo%237")["results"]
    assert plan["title"] == ""


def test_nothing_is_applied_of_which_no_plan_is_kept(work: Work) -> None:
    code, _, err = work.run("apply", plan="repo#404")
    assert code == 5
    assert "No plan is kept for repo#404" in err


@pytest.mark.parametrize(
    ("words", "given", "told"),
    [
        (("plan", "--output=x"), {}, "dash"),
        (("plan", "nowhere"), {}, "no commit"),
        (("plan",), {"ZIGGY_DIR": "elsewhere"}, "ZIGGY_DIR"),
        (("plan",), {"ZIGGY_DIR": "--remote=x"}, "ZIGGY_DIR"),
        (("plan",), {"ZIGGY_URL": "http://ziggy.example.org"}, "https://"),
        (("plan",), {"ZIGGY_PLAN": ""}, "ZIGGY_PLAN"),
        (("import",), {}, "Say what"),
    ],
)
def test_a_wrong_use_says_what_is_wrong(
    work: Work, words: tuple[str, ...], given: dict[str, str], told: str
) -> None:
    code, out, err = work.run(*words, **{"plan": "repo#8", **given})
    assert (code, out) == (2, "")
    assert told in err


def test_a_wrong_key_is_not_permitted(work: Work) -> None:
    code, _, err = work.run("plan", plan="repo#9", key="zgy_wrong-key-of-nobody")
    assert code == 7
    assert "not-authenticated" in err


def test_a_warning_is_acknowledged_by_whoever_may_import_and_not_by_a_planner(fresh: Work) -> None:
    fresh.commit("ours", FILE_OF_CODE, "const b = 2;", "const b = 2; // \N{RIGHT-TO-LEFT OVERRIDE}")
    fresh.plan("ours", "repo#11")
    git(fresh.root, "merge", "ours")
    (plan,) = fresh.server.ask("/plans?key=repo%2311")["results"]
    git(fresh.root, "archive", "-o", "../flows.zip", "HEAD", "flows")
    content = (fresh.root.parent / "flows.zip").read_bytes()
    code = "invisible-characters"
    fields = {"duplicatesMode": "OVERWRITE", "key": "repo#11", "commit": plan["commit"]}
    with pytest.raises(AssertionError, match="whoever applies the plan is asked"):
        fresh.server.keep(form(file_part(content), *words(**fields, accept=code)))
    done, _, err = fresh.run("apply", plan="repo#11")
    assert done == 3
    assert f"must be acknowledged: {code}." in err
    assert not fresh.is_on_server()
    assert fresh.run("apply", plan="repo#11", ZIGGY_ACCEPT=code)[0] == 0
    assert fresh.is_on_server()
