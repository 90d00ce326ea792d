"""The commands as their users have them: what is printed where, what is asked, and the exit codes."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import BaseCommand, load_command_class
from django.db import OperationalError

from flows.models import Flow
from flows.servers import explain_unusable_database, list_server_names
from imports.management.console import print_end
from imports.models import ImportRecord
from tests.support.digest import RECORDS, all_rows, data_rows
from tests.support.factories import FlowFactory, SecretFactory
from tests.support.importing import (
    backup_files,
    child_environment,
    export_file,
    flow,
    import_items,
    secret,
    uuid_of,
)

SAMPLES = Path(settings.BASE_DIR) / "samples"
MANAGE = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py")]

# Section 1 of the flow import page, to the letter.
TWO_ITEMS_ANSWER = """\
{
  "status": 201,
  "statusText": "Created",
  "data": {
    "flowsProcessed": [
      {
        "uuid": "c4492541-118e-4e23-9450-f2d28204ebee",
        "name": "SMS Test",
        "result": "OVERWRITE",
        "matchMethod": "uuid",
        "isProcessed": true
      }
    ],
    "connectionsProcessed": [
      {
        "uuid": "417c5997-296e-4e7d-b482-7c899406041f",
        "name": "Twilio",
        "result": "OVERWRITE",
        "matchMethod": "uuid",
        "isProcessed": true
      }
    ],
    "secretsProcessed": []
  }
}
"""


@pytest.fixture
def environment(backup_directory: Path) -> dict[str, str]:
    """A process's environment in which it works on the tests' database and prints plain text."""
    return child_environment(
        ZIGGY_BACKUP_DIR=str(backup_directory),
        ZIGGY_SERVER_NAME="local",
        NO_COLOR="1",
        TERM="dumb",
        LOGNAME="alice",
    )


@pytest.fixture
def manage(environment: dict[str, str]) -> Callable[..., "subprocess.CompletedProcess[bytes]"]:
    """Run manage.py in a process of its own, with bytes as its standard input."""

    def run(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*MANAGE, *arguments], env=environment, input=stdin, capture_output=True, check=False
        )

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of one flow that a server may hold as `a_flow`, and of a new one."""
    path = tmp_path / "zexport.json"
    path.write_bytes(export_file(flow(1, "Orders", info="file"), flow(2, "New")))
    return path


@pytest.fixture
def a_flow() -> Flow:
    return FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="here")


@pytest.mark.django_db(transaction=True)
class TestInAProcessOfItsOwn:
    def test_the_example_of_the_flow_import_page(self, manage, backup_directory):
        def run(file: str, *options: str) -> "subprocess.CompletedProcess[bytes]":
            return manage(
                "flow_import", "--server", "local", "--overwrite", "--no-prompt",
                *options, "--file-path", str(SAMPLES / file),
            )  # fmt: skip

        first = run("two-items-older.json", "--no-backup")
        assert first.returncode == 0
        assert first.stdout.decode() == TWO_ITEMS_ANSWER.replace("OVERWRITE", "CREATE").replace(
            '"uuid",', '"unmatched",'
        )
        second = run("two-items.json")
        assert second.returncode == 0
        assert second.stdout.decode() == TWO_ITEMS_ANSWER
        record = ImportRecord.objects.first()
        [backup] = backup_files(backup_directory)
        assert second.stderr.decode() == (
            "Plan: 0 to create, 2 to overwrite, 0 to skip, 0 unchanged. "
            f"Done: record {record.pk}. The backup is {backup}.\n"
        )
        assert (record.status, record.user_name, record.door) == ("succeeded", "alice", "command")
        assert Flow.objects.get().info == (
            "Sends a test message to one phone and answers with the message’s id."
        )

    def test_a_minus_reads_standard_input(self, manage, file):
        done = manage(
            "flow_import", "-s", "local", "--skip", "--no-prompt", "--no-backup", "-fp", "-",
            stdin=file.read_bytes(),
        )  # fmt: skip
        assert done.returncode == 0
        assert [item["result"] for item in json.loads(done.stdout)["data"]["flowsProcessed"]] == [
            "CREATE",
            "CREATE",
        ]
        assert ImportRecord.objects.get().file_name == "(standard input)"

    def test_a_second_import_is_told_who_holds_the_lock(
        self, run_command, file, environment, settings
    ):
        """The first one is in a process of its own, at the point where it would back up."""
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0.2}
        with subprocess.Popen(
            [sys.executable, "-c", IMPORT_THAT_WAITS, *self.arguments(file)],
            env=environment,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as first:
            assert first.stdout.readline() == b"waiting\n"
            holder = ImportRecord.objects.get()
            before = data_rows()
            second = run_command("flow_import", *self.arguments(file))
            assert data_rows() == before
            out, _ = first.communicate(b"go on\n")
        message = (
            "Another import is running: alice through the command, since "
            f"{holder.started_at:%Y-%m-%d %H:%M:%S} UTC. Try again when it is done."
        )
        assert (second.code, second.err) == (4, f"CommandError: {message}\n")
        assert json.loads(second.out) == {
            "status": 409,
            "statusText": "Conflict",
            "data": {"message": message, "code": "import-locked", "issues": []},
        }
        assert first.returncode == 0
        assert json.loads(out)["status"] == 201
        assert sorted(ImportRecord.objects.values_list("status", "code")) == [
            ("refused", "import-locked"),
            ("succeeded", ""),
        ]

    @staticmethod
    def arguments(file: Path) -> list[str]:
        return ["-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", str(file)]


IMPORT_THAT_WAITS = """
import sys, django
django.setup()
import imports.runs.carrying_out
from django.core.management import call_command

def wait():
    print("waiting", flush=True)
    sys.stdin.readline()

imports.runs.carrying_out.check_encryption_keys = wait
call_command("flow_import", *sys.argv[1:])
"""


class Dialogue:
    """A command with a terminal for its input and its stderr, and a pipe for its stdout."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process, self.terminal = process, terminal
        self.shown = self.typed = ""

    def read_until(self, text: str, *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self.terminal], [], [], deadline - time.monotonic())
            assert ready, f"not shown: {text}. Shown: {self.shown}"
            try:
                self.shown += os.read(self.terminal, 65536).decode().replace("\r\n", "\n")
            except OSError:
                pytest.fail(f"it ended before it showed: {text}. Shown: {self.shown}")

    def type(self, keys: str) -> None:
        self.typed = keys
        os.write(self.terminal, keys.encode())

    def end(self) -> tuple[int, dict[str, Any]]:
        """The exit code and the answer on stdout."""
        for _ in range(6):
            if select.select([self.process.stdout], [], [], 10)[0]:
                break
            # Python drops a Ctrl-C that comes while it finalises an object: one presses it again.
            assert self.typed == "\x03", f"it did not end. Shown: {self.shown}"
            self.type(self.typed)
        out = self.process.stdout.read()
        with suppress(OSError):  # how Linux says that the other side was closed
            while True:
                self.shown += os.read(self.terminal, 65536).decode().replace("\r\n", "\n")
        return self.process.wait(), json.loads(out)


# Makes the terminal the process's own, so that Ctrl-C is a signal to it, and becomes manage.py.
TAKE_THE_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.django_db(transaction=True)
class TestWarnings:
    """What a run warns of is shown once: with the plan, or at the end where nobody saw that."""

    EDITED = datetime(2126, 11, 24, 22, 43, tzinfo=UTC)

    @pytest.fixture
    def warning(self, a_flow) -> str:
        """Of a flow that somebody edited since an import brought it."""
        record = import_items(flow(1, "Orders", info="imported")).record
        Flow.objects.update(name="Mine", info="edited", updated_by="ed", updated_at=self.EDITED)
        return (
            "edited on this server by ed on 2126-11-24 22:43 UTC, since its last import on "
            f"{record.finished_at:%Y-%m-%d %H:%M} UTC"
        )

    def test_without_a_prompt_they_stand_above_the_last_line(self, manage, file, warning):
        done = manage(
            *("flow_import", "-s", "local", "--overwrite", "--no-prompt", "--no-backup"),
            *("-fp", str(file)),
        )
        record = ImportRecord.objects.first()
        assert done.returncode == 0
        item = '! flow "Orders" (ffffffff-0000-4000-8000-000000000001)'
        assert done.stderr.decode() == (  # the graver one first
            f"{item}: {warning}\n"
            f'{item}: renames "Mine" to "Orders"\n'
            "Plan: 1 to create, 1 to overwrite, 0 to skip, 0 unchanged; 2 warnings. "
            f"Done: record {record.pk}.\n"
        )
        assert json.loads(done.stdout)["status"] == 201

    def test_an_item_is_named_as_in_the_plan(self, run_command, tmp_path, warning):
        file = tmp_path / "zexport.json"
        file.write_bytes(export_file(flow(1, "Orders"), flow(7, "Mine", info="next")))
        arguments = ["-s", "local", "--duplicate", "--no-backup", "-fp", str(file)]
        planned = run_command("flow_import", *arguments, "--dry-run").err
        done = run_command("flow_import", *arguments, "--no-prompt").err
        named = 'flow "Orders" as "Orders (copy)" (ffffffff-0000-4000-8000-000000000001'
        assert f"duplicate {named})" in planned  # a copy has no uuid before it is made
        copy = Flow.objects.get(name="Orders (copy)")
        assert f"! {named}, here {copy.uuid})" in done

    @pytest.mark.parametrize(
        ("count", "rest"), [(50, ""), (51, "1 more warning"), (53, "3 more warnings")]
    )
    def test_of_very_much_the_record_has_the_rest(
        self, run_command, tmp_path, count, rest, monkeypatch
    ):
        monkeypatch.setattr("imports.management.warning_text._MOST_SINGLE_TEXTS", 100)
        items = [
            flow(number, f"F{number}", nodes=[{"data": {"use": f"secrets.LOST_{number}"}}])
            for number in range(count)
        ]
        file = tmp_path / "zexport.json"
        file.write_bytes(export_file(*items))
        options = ["--skip", "--no-prompt", "--no-backup", "-fp", str(file)]
        done = run_command("flow_import", "-s", "local", *options)
        record = ImportRecord.objects.get()
        assert done.err.count("! flow ") == 50
        assert (f"and {rest}: see record {record.pk}\n" in done.err) == bool(rest)
        assert ("more warning" in done.err) == bool(rest)

    def test_who_saw_the_plan_does_not_get_them_again(
        self, run_command, file, warning, monkeypatch
    ):
        console = "imports.management.console"
        monkeypatch.setattr(f"{console}.require_terminal", lambda: None)
        monkeypatch.setattr(f"{console}.confirm", lambda *_: True)
        arguments = ["-s", "local", "--overwrite", "--no-backup", "-fp", str(file)]
        assert run_command("flow_import", *arguments).err.count(warning) == 1


@pytest.mark.django_db(transaction=True)
class TestPrompt:
    @pytest.fixture
    def dialogue(self, environment: dict[str, str], file: Path) -> Callable[..., Any]:
        @contextmanager
        def start() -> Iterator[Dialogue]:
            ours, theirs = pty.openpty()
            arguments = ["-s", "local", "--overwrite", "--no-backup", "-fp", str(file)]
            with subprocess.Popen(
                [sys.executable, "-c", TAKE_THE_TERMINAL, *MANAGE, "flow_import", *arguments],
                env=environment,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=theirs,
                start_new_session=True,
            ) as process:
                os.close(theirs)
                yield Dialogue(process, ours)
            os.close(ours)

        return start

    QUESTION = (
        'Import "zexport.json" into the server "local": 1 to create, 1 to overwrite, 0 to skip, '
        "0 unchanged? [y/N] "
    )

    def test_a_yes_does_what_was_shown(self, dialogue, a_flow):
        with dialogue() as talk:
            talk.read_until("[y/N] ")
            assert talk.shown == (
                'Import into the server "local", overwrite:\n'
                "\n"
                '  ~ overwrite flow "Orders" (ffffffff-0000-4000-8000-000000000001)\n'
                '      ~ info: "here" -> "file"\n'
                '  + create flow "New" (ffffffff-0000-4000-8000-000000000002)\n'
                "\n"
                "Plan: 1 to create, 1 to overwrite, 0 to skip, 0 unchanged.\n" + self.QUESTION
            )
            talk.type("y\n")
            code, answer = talk.end()
        assert code == 0
        assert (answer["status"], answer["statusText"]) == (201, "Created")
        assert Flow.objects.get(pk=a_flow.pk).info == "file"
        assert "Done: record" in talk.shown

    def test_everything_else_is_a_no_and_nothing_happens(self, dialogue, a_flow):
        before = all_rows()
        answers = {"no": "n\n", "Enter": "\n", "Ctrl-D": "\x04", "Ctrl-C": "\x03", "?": "yess\n"}
        with ExitStack() as stack:  # all at once, which takes a third of the time
            talks = {name: stack.enter_context(dialogue()) for name in answers}
            for name in answers:
                talks[name].read_until(self.QUESTION)
            time.sleep(1)  # nobody answers a question before it is all there
            for name, keys in answers.items():
                talks[name].type(keys)
            for name in answers:
                assert talks[name].end() == (
                    0,
                    {
                        "status": 200,
                        "statusText": "OK",
                        "data": {"message": "Operation cancelled by user"},
                    },
                ), name
        assert all_rows() == before

    def test_a_yes_to_what_is_stale_by_then_is_refused(self, dialogue, a_flow):
        with dialogue() as talk:
            talk.read_until(self.QUESTION)
            Flow.objects.filter(pk=a_flow.pk).update(info="edited meanwhile")
            before = data_rows()
            talk.type("yes\n")
            code, answer = talk.end()
        assert (code, answer["status"], answer["data"]["code"]) == (5, 409, "stale-plan")
        assert data_rows() == before
        assert ImportRecord.objects.get().status == "refused"

    def test_with_nothing_to_do_nothing_is_asked(self, dialogue, a_flow):
        Flow.objects.update(info="file")
        FlowFactory(uuid=uuid_of("f", 2), name="New")
        with dialogue() as talk:
            code, answer = talk.end()
        assert (code, answer["status"]) == (0, 201)
        assert "[y/N]" not in talk.shown


@pytest.mark.django_db
class TestExitCodes:
    """In this process. 4 and 5 need another one: they are above."""

    @pytest.fixture
    def flow_import(self, run_command, file) -> Callable[..., Any]:
        def run(*options: str, path: Path = file, server: str = "local") -> Any:
            return run_command("flow_import", "-s", server, "-fp", str(path), *options)

        return run

    NOW = ("--no-prompt", "--no-backup")

    def test_0_when_it_is_done(self, flow_import, a_flow):
        done = flow_import("--overwrite", *self.NOW)
        assert done.code == 0
        assert json.loads(done.out)["status"] == 201

    def test_0_when_there_was_nothing_to_do(self, flow_import):
        flow_import("--skip", *self.NOW)
        done = flow_import("--skip", *self.NOW)
        assert done.code == 0
        assert "Nothing to do: record" in done.err

    def test_1_when_the_encryption_key_is_wrong(self, flow_import, settings):
        SecretFactory(dev_value="value")
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
        done = flow_import("--skip", *self.NOW)
        assert done.code == 1
        answer = json.loads(done.out)
        assert (answer["status"], answer["data"]["code"]) == (503, "wrong-encryption-key")

    def test_2_when_nobody_can_be_asked(self, flow_import, monkeypatch):
        monkeypatch.setattr("sys.stdin", StringIO())
        before = all_rows()
        done = flow_import("--skip")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "CommandError: Standard input is no terminal, so there is nobody to ask. "
            "Say --no-prompt to go on without being asked.\n"
        )
        assert all_rows() == before

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("missing.json", "No such file or directory"),
            ("directory", "Is a directory. A directory is given with --from-dir"),
            ("loop", "Too many levels of symbolic links"),
            ("zexport.json/x", "Not a directory"),
            ("n" * 300, "File name too long"),
            ("nul\0", "embedded null byte"),
        ],
    )
    def test_2_when_the_file_cannot_be_read(self, flow_import, file, name, reason):
        (file.parent / "directory").mkdir()
        (file.parent / "loop").symlink_to(file.parent / "loop")
        before = all_rows()
        done = flow_import("--skip", *self.NOW, path=file.parent / name)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("CommandError: The file ")
        assert done.err.endswith(f" cannot be read: {reason}.\n")
        assert done.err.count("\n") == 1
        assert all_rows() == before

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
    def test_2_when_the_file_may_not_be_read(self, flow_import, file):
        file.chmod(0)
        done = flow_import("--skip", *self.NOW)
        assert done.code == 2
        assert done.err.endswith(" cannot be read: Permission denied.\n")

    def test_3_when_the_file_is_bad(self, flow_import, file):
        file.write_text('{"flows": [7]}')
        before = data_rows()
        done = flow_import("--skip", *self.NOW)
        message = "The file is no valid export. flows[0]: A flow must be an object."
        assert (done.code, done.err) == (3, f"CommandError: {message}\n")
        assert json.loads(done.out) == {
            "status": 422,
            "statusText": "Unprocessable Entity",
            "data": {
                "message": message,
                "code": "wrong-type",
                "issues": [
                    {
                        "code": "wrong-type",
                        "path": "flows[0]",
                        "uuid": None,
                        "name": None,
                        "message": "A flow must be an object.",
                    }
                ],
            },
        }
        assert data_rows() == before

    def test_3_when_the_file_is_refused(self, flow_import, a_flow):
        Flow.objects.update(is_locked=True)
        done = flow_import("--overwrite", *self.NOW)
        assert done.code == 3
        answer = json.loads(done.out)
        assert (answer["status"], answer["data"]["code"]) == (422, "locked")
        assert list(answer["data"]["issues"][0]) == ["code", "path", "uuid", "name", "message"]

    def test_3_when_the_file_is_too_large(self, flow_import, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 10}
        done = flow_import("--skip", *self.NOW)
        assert (done.code, json.loads(done.out)["status"]) == (3, 413)

    def test_6_when_the_backup_fails(self, flow_import, settings, tmp_path):
        (tmp_path / "taken").touch()
        settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "taken"}
        before = data_rows()
        done = flow_import("--skip", "--no-prompt")
        assert done.code == 6
        answer = json.loads(done.out)
        assert (answer["status"], answer["data"]["code"]) == (503, "backup-failed")
        assert data_rows() == before

    def test_7_when_the_user_may_not(self, flow_import, django_user_model):
        django_user_model.objects.create_user("bob")
        before = data_rows()
        done = flow_import("--skip", *self.NOW, "--user", "bob")
        assert done.code == 7
        answer = json.loads(done.out)
        assert (answer["status"], answer["data"]["code"]) == (403, "not-permitted")
        assert data_rows() == before
        assert ImportRecord.objects.get().user_name == "bob"

    @pytest.mark.parametrize("server", ["production", "", "LOCAL", "default"])
    def test_8_when_the_server_is_unknown(self, flow_import, server):
        before = data_rows()
        done = flow_import("--skip", *self.NOW, server=server)
        message = f"This server is not {server}. It can import into: local. Nothing was written."
        assert (done.code, done.err) == (8, f"CommandError: {message}\n")
        assert json.loads(done.out) == {
            "status": 404,
            "statusText": "Not Found",
            "data": {"message": message, "code": "wrong-server", "issues": []},
        }
        assert data_rows() == before

    @pytest.mark.parametrize("options", [NOW, ("--dry-run",)])
    def test_10_when_asked_to_say_that_there_was_nothing_to_do(self, flow_import, options):
        assert flow_import("--skip", "--detailed-exitcode", *options).code == 0
        flow_import("--skip", *self.NOW)
        done = flow_import("--skip", "--detailed-exitcode", *options)
        assert done.code == 10
        assert json.loads(done.out)["data"]["flowsProcessed"][0]["result"] == "SKIP"

    def test_a_refusal_is_no_10(self, flow_import, file):
        file.write_text("{")
        assert flow_import("--skip", "--detailed-exitcode", *self.NOW).code == 3

    @pytest.mark.parametrize("mode", ["--skip", "--duplicate", "--overwrite"])
    def test_a_dry_run_writes_nothing_and_answers_200(self, flow_import, a_flow, mode):
        before = all_rows()
        done = flow_import(mode, "--dry-run")
        assert all_rows() == before
        answer = json.loads(done.out)
        assert (done.code, answer["status"], answer["statusText"]) == (0, 200, "OK")
        items = answer["data"]["flowsProcessed"]
        assert [(item["name"], item["isProcessed"]) for item in items] == [
            ("Orders", False),
            ("New", False),
        ]
        assert done.err.startswith(f'Import into the server "local", {mode[2:]}:\n')

    def test_a_dry_run_of_what_would_be_refused_leaves_no_record(self, flow_import, a_flow):
        Flow.objects.update(is_locked=True)
        before = all_rows()
        done = flow_import("--overwrite", "--dry-run")
        assert (done.code, json.loads(done.out)["status"]) == (3, 422)
        assert all_rows() == before

    def test_the_answer_is_ascii_so_that_no_pipe_can_refuse_it(self, flow_import, file):
        file.write_bytes(export_file(flow(1, "Größe 🔐\n\u202e")))
        done = flow_import("--skip", "--accept", "invisible-characters", *self.NOW)
        assert done.out.isascii()
        assert json.loads(done.out)["data"]["flowsProcessed"][0]["name"] == "Größe 🔐\n\u202e"

    def test_an_item_says_more_only_where_there_is_more_to_say(self, flow_import, file, a_flow):
        file.write_bytes(export_file(flow(9, "Orders", info="x"), secret(1, "KEY")))
        done = flow_import("--overwrite", *self.NOW)
        assert json.loads(done.out)["data"] == {
            "flowsProcessed": [
                {
                    "uuid": uuid_of("f", 9),
                    "name": "Orders",
                    "result": "OVERWRITE",
                    "matchMethod": "name",
                    "isProcessed": True,
                    "targetUuid": uuid_of("f", 1),
                }
            ],
            "connectionsProcessed": [],
            "secretsProcessed": [
                {
                    "uuid": uuid_of("5", 1),
                    "name": "KEY",
                    "result": "CREATE",
                    "matchMethod": "unmatched",
                    "isProcessed": True,
                }
            ],
        }


class TestUsage:
    """What is wrong with the command line, as the process itself would end; no database needed."""

    @staticmethod
    def usage(capsys: pytest.CaptureFixture[str], app: str, name: str, *arguments: str) -> Any:
        command = load_command_class(app, name)
        with pytest.raises(SystemExit) as raised:
            command.run_from_argv(["manage.py", name, *arguments])
        captured = capsys.readouterr()
        return raised.value.code, captured.out, captured.err

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (
                ["--server", "local", "--file-path", "f"],
                "one of the arguments --skip --duplicate --overwrite --apply-plan is required",
            ),
            (
                ["--server", "local", "--file-path", "f", "--skip", "--overwrite"],
                "argument --overwrite: not allowed with argument --skip",
            ),
            (
                ["--file-path", "f", "--skip"],
                "the following arguments are required: -s/--server",
            ),
            (
                ["--server", "local", "--skip"],
                "one of the arguments -fp/--file-path --from-dir is required",
            ),
            (
                ["--server", "local", "--skip", "--file-path", "f", "--forced"],
                "unrecognized arguments: --forced",
            ),
        ],
        ids=["no mode", "two modes", "no server", "no file", "an unknown option"],
    )
    def test_a_wrong_command_line_ends_with_2(self, capsys, arguments, told):
        code, out, err = self.usage(capsys, "imports", "flow_import", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("usage: manage.py flow_import ")
        assert f"manage.py flow_import: error: {told}\n" in err

    @pytest.mark.parametrize(
        ("app", "name", "options"),
        [
            (
                "imports",
                "flow_import",
                "--server --skip --duplicate --overwrite --file-path --no-prompt --no-backup "
                "--dry-run --override-locks --user --detailed-exitcode "
                "--plan-out --apply-plan --decisions",
            ),
            (
                "imports",
                "flow_export",
                "--server --flow-ids --tags --file-path --save-path --no-prompt",
            ),
            ("imports", "flow_list", "--server --search --tags --json"),
            ("imports", "database_backup", "--server"),
            ("imports", "database_restore", "--server"),
            ("flows", "rotate_encryption_keys", ""),
        ],
    )
    def test_help_names_every_option(self, capsys, app, name, options):
        code, out, err = self.usage(capsys, app, name, "--help")
        assert (code, err) == (0, "")
        assert out.startswith(f"usage: manage.py {name} ")
        for option in options.split():
            assert f"{option} " in out or f"{option}\n" in out or f"{option}]" in out, option

    def test_the_imports_help_has_examples_and_every_exit_code(self, capsys):
        _, out, _ = self.usage(capsys, "imports", "flow_import", "--help")
        assert (
            "  see what would happen, write nothing:\n"
            "    manage.py flow_import --server production --overwrite --dry-run "
            "--file-path zexport.json\n"
        ) in out
        assert (
            "exit codes: 0 done or declined,\n"
            "2 usage, 3 the file is refused or a warning is not acknowledged, 4 another import is "
            "running, 5 the\n"
            "plan is stale, 6 the backup failed, 7 not permitted, 8 wrong or unknown server, "
            "10 nothing to do\n"
            "(--detailed-exitcode), 1 anything else.\n"
        ) in out


@pytest.mark.django_db
class TestFlowList:
    @pytest.fixture(autouse=True)
    def flows(self) -> None:
        FlowFactory(
            uuid=uuid_of("f", 1), name="SMS Test", listener_type="REST", tags='["sms","test"]'
        )
        FlowFactory(uuid=uuid_of("f", 2), name="Sub\x1b[2J\nof [b]all[/b]", is_subflow=True)
        FlowFactory(uuid=uuid_of("f", 3), name="gone", is_deleted=True)
        Flow.objects.update(updated_at=datetime(2026, 3, 16, 17, 10, 6, 999_000, tzinfo=UTC))

    def test_a_table(self, run_command):
        done = run_command("flow_list")
        assert (done.code, done.err) == (0, "")
        lines = [line.rstrip() for line in done.out.splitlines()]
        assert lines == [
            "NAME                   LISTENER   TAGS       UPDATED               UUID",
            "SMS Test               REST       sms, test  2026-03-16T17:10:06Z  "
            "ffffffff-0000-4000-8000-000000000001",
            "Sub�[2J�of [b]all[/b]  (subflow)             2026-03-16T17:10:06Z  "
            "ffffffff-0000-4000-8000-000000000002",
            "2 flows",
        ]

    def test_json(self, run_command):
        done = run_command("flow_list", "--json")
        assert json.loads(done.out) == {
            "status": 200,
            "statusText": "OK",
            "data": {
                "flows": [
                    {
                        "uuid": uuid_of("f", 1),
                        "name": "SMS Test",
                        "listenerType": "REST",
                        "isSubflow": False,
                        "tags": ["sms", "test"],
                        "updatedAt": "2026-03-16T17:10:06Z",
                    },
                    {
                        "uuid": uuid_of("f", 2),
                        "name": "Sub\x1b[2J\nof [b]all[/b]",
                        "listenerType": "",
                        "isSubflow": True,
                        "tags": [],
                        "updatedAt": "2026-03-16T17:10:06Z",
                    },
                ]
            },
        }

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            (["--search", "sms"], ["SMS Test"]),
            (["--search", "nobody"], []),
            (["--tags", "test, other"], ["SMS Test"]),
            (["--tags", "other"], []),
        ],
    )
    def test_a_choice(self, run_command, options, names):
        done = run_command("flow_list", "--json", *options)
        assert [found["name"] for found in json.loads(done.out)["data"]["flows"]] == names

    def test_an_unknown_server_ends_with_8(self, run_command):
        done = run_command("flow_list", "--server", "production")
        message = 'There is no server "production" here. The servers are: local.'
        assert (done.code, done.err) == (8, f"CommandError: {message}\n")


# A server that is registered here as "production". Twice somebody of this server imports there.
# Then somebody who may do nothing here and whose key is that of somebody who may do all there.
IMPORTS_ELSEWHERE = """
import django
django.setup()
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from flows.servers import target_server
from imports.errors import NotPermitted
from imports.importing.service import run_import
from tests.support.importing import export_file, flow, request_for

def do_import(user, info):
    return run_import(request_for(
        export_file(flow(1, "Orders", info=info)),
        server="production", user=user, user_name=user.username, with_backup=True,
    ))

call_command("migrate", database="production", verbosity=0)
users = get_user_model().objects
root = users.create_superuser("root")
bob = users.create_user("bob")
with target_server("production"):
    there = users.create_user("alice", pk=bob.pk)
    there.user_permissions.set(Permission.objects.all())
do_import(root, "first")
outcome = do_import(root, "second")
try:
    do_import(bob, "third")
except NotPermitted:
    print(outcome.record.backup_path)
"""
SAVES_THERE = """
import json
import django
django.setup()
from flows.saves import named_saves
from flows.models import Flow
from imports.models import ImportRecord
[save] = named_saves.list_saves(Flow.objects.get())
before = Flow.objects.get().info
named_saves.restore(save)
print(json.dumps({
    "before": before,
    "after": Flow.objects.get().info,
    "save": save.revision.comment,
    "author": save.revision.user_id,
    "backup_size": ImportRecord.objects.get(pk=2).backup_size,
    "records": list(
        ImportRecord.objects.order_by("pk").values_list("status", "server", "user_id", "user_name")
    ),
}))
"""


@pytest.mark.django_db(transaction=True)
def test_a_registered_server_that_is_not_migrated_is_told_on_one_line(environment, tmp_path, file):
    servers = f"production eu=sqlite:///{tmp_path}/empty.sqlite3"
    done = subprocess.run(
        [
            *MANAGE, "flow_import", "-s", "production eu", "--skip", "--no-prompt", "--no-backup",
            "-fp", str(file),
        ],
        env={**environment, "ZIGGY_SERVERS": servers},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    missing = "no such table: imports_parsed_item"
    message = (
        f"The database cannot be used: {missing}. Is it there, and migrated "
        "(manage.py migrate --database 'production eu')?"
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["data"] == {
        "message": message,
        "code": "database-error",
        "issues": [],
    }
    assert done.stderr == f"CommandError: {message}\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_last_line_of_a_run_is_last_where_both_are_read_on_a_terminal(is_terminal):
    class Stream(StringIO):
        def isatty(self):
            return is_terminal

    both = Stream()
    print_end(BaseCommand(stdout=both, stderr=both), "Done: record 1.", {"a": 1})
    lines = both.getvalue().splitlines()
    assert lines[-1 if is_terminal else 0] == "Done: record 1."
    assert sorted(lines) == sorted(["Done: record 1.", "{", '  "a": 1', "}"])


def test_advice_on_this_instance_names_no_database():
    assert explain_unusable_database("no such table: x", list_server_names()[0]) == (
        "The database cannot be used: no such table: x. "
        "Is it there, and migrated (manage.py migrate)?"
    )


def test_an_undo_tells_so_too_where_it_looks_for_its_user(run_command, monkeypatch):
    def fail(*_: object) -> None:
        raise OperationalError("no such table: accounts_user")

    monkeypatch.setattr("imports.management.console.find_user", fail)
    done = run_command("import_undo", "1", "--no-prompt", "--user", "ada")
    assert (done.code, json.loads(done.out)["data"]["code"]) == (1, "database-error")


@pytest.mark.django_db(transaction=True)
def test_a_registered_server_gets_the_import_and_its_record(
    environment, tmp_path, backup_directory
):
    production = f"sqlite:///{tmp_path}/production.sqlite3"

    def run(script: str, **variables: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", script],
            env={**environment, "PYTHONPATH": str(settings.BASE_DIR), **variables},
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    before = all_rows()
    backup = Path(run(IMPORTS_ELSEWHERE, ZIGGY_SERVERS=f"production={production}").strip())
    assert (backup.parent, backup.name[:11]) == (backup_directory, "production-")
    # Here, only the users were made who asked for it.
    after = all_rows()
    assert [table for table in after if after[table] != before[table]] == ["accounts_user"]
    assert after[RECORDS] == []
    # Over there, the second import's named save is found, and restores what was before.
    found = run(SAVES_THERE, DATABASE_URL=production, ZIGGY_SERVER_NAME="production")
    assert json.loads(found) == {
        "before": "second",
        "after": "first",
        "save": "Pre import",
        "author": None,
        "backup_size": backup.stat().st_size,
        "records": [
            ["succeeded", "production", None, "root"],
            ["succeeded", "production", None, "root"],
            ["refused", "production", None, "bob"],
        ],
    }
