"""The recipes' script writes one comment of a pull request, at stubs of the hosts' APIs."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.directories import git
from tests.support.stub_host import StubHost, stub_host

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("git")), reason="there is no curl or no git"
)

SCRIPT = Path(__file__).parents[2] / "samples" / "ci" / "ziggy.sh"
SECRET = "CANARY-token-0123456789"
MARKER = "<!-- ziggy-plan server=production source=flows.tar.gz -->"
NAUGHTY = (
    '\\ \\\\ \\" " \' ` $(touch hacked) `touch hacked` ${IFS} %s %n \\n \\u0041\ttab\x01\x1f\x7f\n'
    'a\r\n"body": "x"}, {"id": 1\n\N{ZERO WIDTH SPACE}äöü \N{PILE OF POO} @everyone -->\n--data @/etc/passwd\n'
)
PLAN = f"{MARKER}\n\n**production**: 1 to overwrite\n\n{NAUGHTY}"
HOSTS = {
    "github": {
        "own": {"user": {"login": "github-actions[bot]"}},
        "other": {"user": {"login": "mallory"}},
        "variables": {"GITHUB_REPOSITORY": "owner/re.po", "PULL_REQUEST": "42"},
        "address": "GITHUB_API_URL",
        "secret": "GITHUB_TOKEN",
        "header": ("Authorization", f"Bearer {SECRET}"),
        "comments": "/repos/owner/re.po/issues/42/comments",
        "one": "/repos/owner/re.po/issues/comments",
        "update": "PATCH",
    },
    "gitlab": {
        "own": {"author": {"id": 7, "username": "project_bot"}},
        "other": {"author": {"id": 8, "username": "mallory"}},
        "variables": {"CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "42", "CI_PROJECT_PATH": "g/p"},
        "address": "CI_API_V4_URL",
        "secret": "GITLAB_TOKEN",
        "header": ("PRIVATE-TOKEN", SECRET),
        "comments": "/projects/5/merge_requests/42/notes",
        "one": "/projects/5/merge_requests/42/notes",
        "update": "PUT",
    },
}


class Host:
    """A stub of a host, with the script that speaks to it."""

    def __init__(self, name: str, stub: StubHost, folder: Path) -> None:
        self.name, self.stub, self.folder = name, stub, folder
        self.given: dict[str, Any] = HOSTS[name]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            self.given["address"]: self.stub.address,
            self.given["secret"]: SECRET,
            **self.given["variables"],
        }

    def run(
        self, *words: str, given: str = PLAN, tracing: bool = False, **variables: str
    ) -> "subprocess.CompletedProcess[bytes]":
        shell = ["sh", *["-x"] * tracing, str(SCRIPT)]
        done = subprocess.run(
            [*shell, *(words or (f"comment-{self.name}",))],
            input=given.encode(),
            capture_output=True,
            cwd=self.folder,
            env={**self.environment, **variables},
            timeout=60,
            check=False,
        )
        assert SECRET.encode() not in done.stdout + done.stderr
        return done

    def add(self, number: int, body: str, *, own: bool = True) -> None:
        self.stub.comments.append(
            {"id": number, "body": body, **self.given["own" if own else "other"]}
        )

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.stub.asked]


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    given: dict[str, Any] = HOSTS[request.param]
    stub = StubHost(own=given["own"], escapes_html=request.param == "gitlab")
    if request.param == "gitlab":
        stub.answers["/user"] = {"id": 7, "username": "project_bot"}
    with stub_host(stub):
        yield Host(request.param, stub, tmp_path)


def test_the_first_plan_is_a_new_comment_with_exactly_its_text(host: Host) -> None:
    done = host.run()
    assert done.returncode == 0, done.stderr
    (comment,) = host.stub.comments
    assert comment["body"] == PLAN
    assert str(comment["id"]) in done.stdout.decode()
    assert not (host.folder / "hacked").exists()
    assert [path for method, path, _ in host.stub.asked if method == "POST"] == [
        host.given["comments"]
    ]
    name, value = host.given["header"]
    assert {headers[name] for _, _, headers in host.stub.asked} == {value}


def test_the_next_plan_is_written_into_the_same_comment(host: Host) -> None:
    assert host.run().returncode == 0
    (number,) = [comment["id"] for comment in host.stub.comments]
    newer = PLAN.replace("1 to overwrite", "2 to overwrite")
    done = host.run(given=newer)
    assert done.returncode == 0, done.stderr
    assert [(each["id"], each["body"]) for each in host.stub.comments] == [(number, newer)]
    method, path, _ = host.stub.asked[-1]
    assert (method, path) == (host.given["update"], f"{host.given['one']}/{number}")


def test_the_comment_is_found_on_any_page_and_whatever_stands_before_it(host: Host) -> None:
    for number in range(1, 251):
        host.add(number, f"{NAUGHTY}{MARKER}\n{'[{,' * 50}")
    host.add(251, f"{MARKER}\r\n\r\nold")
    host.add(252, "x")
    done = host.run()
    assert done.returncode == 0, done.stderr
    assert host.stub.comments[250]["body"] == PLAN
    assert "POST" not in host.methods()


def test_all_pages_are_looked_at_before_a_new_comment(host: Host) -> None:
    for number in range(1, 201):
        host.add(number, "x")
    assert host.run().returncode == 0
    pages = [path.rpartition("=")[2] for _, path, _ in host.stub.asked if "page=" in path]
    assert pages == ["1", "2", "3"]
    assert len(host.stub.comments) == 201


def test_a_comment_of_somebody_else_with_the_same_first_line_is_left_alone(host: Host) -> None:
    host.add(1, f"{MARKER}\n\nnothing will happen", own=False)
    host.add(2, f"x {MARKER}")
    host.add(3, MARKER.replace("production", "staging"))
    assert host.run().returncode == 0
    assert [comment["body"] for comment in host.stub.comments[3:]] == [PLAN]
    assert host.stub.comments[0]["body"].endswith("nothing will happen")


@pytest.mark.parametrize("method", ["GET", "POST", "update"])
def test_an_error_of_the_host_is_an_error_of_the_script(host: Host, method: str) -> None:
    if method == "update":
        host.add(1, MARKER)
    host.stub.failing[host.given.get(method, method)] = 403
    done = host.run()
    assert done.returncode == 1
    assert b"the host answered 403: It cannot be done." in done.stderr
    assert done.stdout == b""


def test_a_new_comment_is_not_sent_twice(host: Host) -> None:
    host.stub.failing["POST"] = 503
    assert host.run().returncode == 1
    assert host.methods().count("POST") == 1


def test_what_is_no_plan_is_not_written(host: Host) -> None:
    for given in ("", "no plan\n", "<!-- other -->\n"):
        assert host.run(given=given).returncode == 1
    assert host.stub.asked == []


def test_a_trace_of_the_shell_has_no_secret(host: Host) -> None:
    assert host.run(tracing=True).returncode == 0


def test_a_secret_goes_to_no_address_without_encryption(host: Host) -> None:
    done = host.run(**{host.given["address"]: "http://api.example.org"})
    assert done.returncode == 2
    assert b"https://" in done.stderr


@pytest.mark.parametrize("secret", ["", 'a"\nurl = "https://example.org', "a b"])
def test_a_secret_that_is_none_is_refused(host: Host, secret: str) -> None:
    done = host.run(**{host.given["secret"]: secret})
    assert done.returncode == 2
    assert host.given["secret"].encode() in done.stderr
    assert host.stub.asked == []


def test_no_process_has_the_secret_among_its_arguments(host: Host) -> None:
    for number in range(1, 201):
        host.add(number, NAUGHTY * 100)
    with subprocess.Popen(
        ["sh", str(SCRIPT), f"comment-{host.name}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=host.environment,
        cwd=host.folder,
        start_new_session=True,
    ) as script:
        assert script.stdin is not None
        script.stdin.write(PLAN.encode())
        script.stdin.close()
        seen: set[bytes] = set()
        while script.poll() is None:
            seen |= {*_read_arguments(script.pid)}
            time.sleep(0.001)
    assert script.returncode == 0
    assert any(words.startswith(b"curl\0") for words in seen)
    assert not any(SECRET.encode() in words for words in seen)


def _read_arguments(session: int) -> Iterator[bytes]:
    """The arguments of the processes of this session, as everybody may see them."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                yield (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue


def repository(folder: Path) -> str:
    """Make a repository with flows in the folder; its commit."""
    (folder / "flows").mkdir()
    (folder / "flows" / "ziggy.json").write_text("{}")
    git(folder, "init")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "All")
    return git(folder, "rev-parse", "HEAD").stdout.strip()


def test_the_key_is_that_of_the_request_that_was_merged_as_the_commit(host: Host) -> None:
    commit = repository(host.folder)
    number = "number" if host.name == "github" else "iid"
    listed = [
        {number: 1, "title": "open", "merged_at": None, "merge_commit_sha": commit},
        {
            number: 2,
            "title": f'"merge_commit_sha":"{commit}"',
            "merged_at": "2026-01-01",
            "merge_commit_sha": "0" * 40,
        },
        {number: 3, "title": "it", "merged_at": "2026-01-01", "merge_commit_sha": commit},
    ]
    host.stub.answers["/pulls"] = host.stub.answers["/merge_requests"] = listed
    done = host.run(f"key-{host.name}")
    assert done.stdout.decode() == {"github": "owner/re.po#3\n", "gitlab": "g/p!3\n"}[host.name]
    del listed[2]
    done = host.run(f"key-{host.name}")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"No pull request was merged as" in done.stderr
