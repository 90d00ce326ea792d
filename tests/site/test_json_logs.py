"""The log as JSON: one object a line whatever is logged, and nothing of files, secrets and bodies."""

import io
import json
import logging
import logging.config
import os
import random
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from django.conf import settings as site_settings
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.tokens import issue_login_token
from flows.documents.packing import DamagedDocumentError
from flows.log_context import add_to_log, read_log_context
from imports.errors import UnableToImport
from imports.importing.service import preview_import, run_import
from imports.models import ImportRecord
from tests.support.importing import (
    connection,
    export_file,
    flow,
    request_for,
    secret,
)
from tests.support.uploading import caller, client_of, upload
from ziggy_site.json_logs import JsonFormatter
from ziggy_site.logs import make_logging

CANARY = "CANARY"
ROOT = Path(site_settings.BASE_DIR)
SEEN = ("time", "level", "logger", "event")
HOSTILE_LOGGER = "hostile"
"""The logger of texts that pytest must not capture: it could not send them to another process."""
HOSTILE = 'x\r\n{"level": "info"}\x1b[2J\x9b\u202e\u2028\u2029\x85\x7f\ud800'


@pytest.fixture
def log(settings):
    """What ZIGGY_LOG_FORMAT=json LOG_LEVEL=DEBUG writes: a function that reads the new lines."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:2],
        "ziggy_site.logged_requests.LoggedRequestMiddleware",
        *settings.MIDDLEWARE[2:],
    ]
    settings.DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
    settings.DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
    settings.DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
    root = logging.getLogger()
    names = (
        "",
        HOSTILE_LOGGER,
        "django",
        "django.request",
        "django.server",
        "django.security.csrf",
    )
    loggers = [logging.getLogger(name) for name in names]
    before = [(each, each.level, each.handlers[:], each.propagate) for each in loggers]
    stream = io.StringIO()
    configured = make_logging(log_format="json", level="DEBUG")
    configured["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(configured)

    def read():
        lines = stream.getvalue().splitlines()
        stream.seek(0)
        stream.truncate()
        return [read_line(line) for line in lines]

    yield read
    for each, level, handlers, propagates in before:
        each.setLevel(level)
        each.handlers[:] = handlers
        each.propagate = propagates
    logging.captureWarnings(False)
    structlog.reset_defaults()
    assert root.handlers is not None


def get_hostile_logger():
    """The logger whose lines go to the log alone: pytest captures what was so before the test."""
    logger = logging.getLogger(HOSTILE_LOGGER)
    root = logging.getLogger()
    logger.handlers = [each for each in root.handlers if isinstance(each.formatter, JsonFormatter)]
    logger.propagate = False
    return logger


def read_line(line):
    """The object of a line, which is nothing but printable ASCII."""
    assert line.isascii()
    assert line.isprintable()
    found = json.loads(line)
    assert [*found][: len(SEEN)] == [*SEEN]
    return found


def test_a_line_has_the_time_the_level_the_logger_and_the_event(log):
    logging.getLogger("flows.somewhere").error("It failed: %s", 7)
    (line,) = log()
    assert line["time"].endswith("Z")
    del line["time"]
    assert line == {"level": "error", "logger": "flows.somewhere", "event": "It failed: 7"}


@pytest.mark.parametrize("where", ["message", "argument", "key", "exception"])
def test_no_text_makes_a_line_or_moves_the_cursor(log, where):
    logger = get_hostile_logger()
    if where == "message":
        logger.error(HOSTILE)
    elif where == "argument":
        logger.error("a %s", HOSTILE)
    elif where == "key":
        structlog.stdlib.get_logger(HOSTILE_LOGGER).error("a", key=HOSTILE)
    else:
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logger.exception("a")
    assert len(log()) == 1


@given(text=st.text(st.characters(), min_size=1))
def test_any_text_is_in_one_line(log, text):
    get_hostile_logger().warning("%s", text)
    (line,) = log()
    assert line["event"] == text[:4096]


def test_an_error_is_told_by_its_class_and_place_and_never_by_its_text(log):
    try:
        try:
            int("CANARY")
        except ValueError as error:
            raise KeyError("CANARY") from error
    except KeyError:
        logging.getLogger("any").exception("It failed", stack_info=True)
    (line,) = log()
    assert [each["type"] for each in line["error"]] == ["builtins.KeyError", "builtins.ValueError"]
    assert all("test_json_logs.py" in each["at"][-1] for each in line["error"])
    assert CANARY not in json.dumps(line)


def test_a_call_that_does_not_fit_its_values_is_told_in_one_line_without_them():
    record = logging.makeLogRecord({"msg": "%d of %s", "args": ("CANARY",), "lineno": 7})
    line = read_line(JsonFormatter().format(record))
    assert "does not fit its values" in line["event"]
    assert CANARY not in json.dumps(line)


def test_a_damaged_document_is_told_without_the_names_of_its_flows(log):
    logging.getLogger("any").error(
        "%s", DamagedDocumentError("abc", "is damaged", flows=["CANARY"])
    )
    (line,) = log()
    assert line["event"] == "The stored document abc is damaged."


def test_a_warning_of_python_is_a_line_too(log, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("two\nlines", UserWarning, stacklevel=1)
        logging.captureWarnings(False)
    (line,) = log()
    assert line["logger"] == "py.warnings"
    assert capfd.readouterr().err == ""


@pytest.mark.django_db
class TestRequests:
    def test_a_request_is_logged_by_the_name_of_its_address(self, log):
        user = User.objects.create_superuser("root")
        headers = {"Authorization": f"Bearer {issue_login_token(user)}", "X-Request-ID": "id-7"}
        Client().get("/api/secret/get-obfuscated-by-name/CANARY?name=CANARY", headers=headers)
        ends = [line for line in log() if line["event"] == "request_finished"]
        assert [(e["request_id"], e["user"], e["code"]) for e in ends] == [
            ("id-7", str(user.pk), 404)
        ]
        assert ends[0]["request"].startswith("GET api/secret/get-obfuscated-by-name/<anytext:name>")

    def test_a_request_that_fails_is_logged_once_without_texts(self, log, monkeypatch):
        def fail(*_args, **_keywords):
            raise RuntimeError("CANARY")

        monkeypatch.setattr("ziggy_site.admin.LoginForm.__init__", fail)
        answer = Client(raise_request_exception=False).get("/admin/login/?next=CANARY")
        assert answer.status_code == 500
        failed = [line for line in log() if line["level"] == "error"]
        assert [line["event"] for line in failed] == ["request_failed"]
        assert failed[0]["error"][0]["type"] == "builtins.RuntimeError"
        assert failed[0]["request_id"] == answer.headers["X-Request-ID"]

    def test_a_security_event_has_its_facts_as_keys(self, log):
        body = {"username": "CANARY", "password": "CANARY"}
        Client().post("/api/auth/login", body, content_type="application/json")
        (event,) = [line for line in log() if line["logger"] == "ziggy.security"]
        assert event["event"] == "login-failed"
        assert event["address"] == "127.0.0.1"
        assert event["level"] == "warning"

    def test_no_session_is_read_for_the_log(self, log, django_assert_num_queries):
        with django_assert_num_queries(0):
            Client().get("/api/schema/nowhere")


@pytest.mark.django_db(transaction=True)
def test_a_run_has_its_number_in_every_line_until_its_end(log):
    logger = logging.getLogger("anybody")
    request = request_for(export_file(flow(1, "A")))
    outcome = run_import(request, progress=lambda *_: logger.info("written"))
    logger.info("over")
    lines = [line for line in log() if line["logger"] == "anybody"]
    assert {line["run"] for line in lines if line["event"] == "written"} == {outcome.record.pk}
    assert next(line for line in lines if line["event"] == "over").keys() == {*SEEN}


def test_the_context_of_a_block_ends_with_it():
    with add_to_log(a=lambda: 1, b=lambda: None):
        with add_to_log(a=lambda: 2, c=lambda: "x"):
            assert read_log_context() == {"a": 2, "c": "x"}
        assert read_log_context() == {"a": 1}
    assert read_log_context() == {}


def sing(chance):
    """A canary, with characters that encodings write in their own ways."""
    return f"{CANARY}{chance.randrange(10**9)}" + "".join(
        chance.choices(" \"'<&é\u202e\r\n\t\\/%{}", k=chance.randrange(6))
    )


def make_file(chance):
    """A file whose names, parameters, code and ignored values are canaries; perhaps a broken one."""
    nodes = [
        {
            "id": sing(chance),
            "type": sing(chance),
            "data": {"parameters": {sing(chance): sing(chance)}},
        }
    ]
    file = export_file(
        flow(1, sing(chance), info=sing(chance), nodes=nodes, owner=sing(chance)),
        flow(2, sing(chance), listenerType=sing(chance), edges=[{"id": sing(chance)}]),
        connection(1, sing(chance), type=sing(chance), devValue=f"{{ host: '{CANARY}' }}"),
        secret(1, f"CANARY_{chance.randrange(99)}", devValue=sing(chance), value=sing(chance)),
    )
    broken = chance.randrange(4)
    if broken == 0:
        return file[: chance.randrange(len(file))]
    if broken == 1:
        return file.replace(b'"nodes": [', b'"nodes": "CANARY", "x": [', 1)
    if broken == 2:
        return file.replace(b'"uuid": "f', b'"uuid": "CANARY', 1)
    return file


def assert_silent(lines):
    assert CANARY not in json.dumps(lines), [x for x in lines if CANARY in json.dumps(x)]


@pytest.mark.django_db(transaction=True)
@given(seed=st.integers(0, 2**32))
def test_no_content_no_secret_and_no_value_of_a_body_is_in_any_line(log, settings, seed):
    chance = random.Random(seed)
    settings.DEBUG = chance.random() < 0.5  # Django then keeps, and could log, each statement
    file = make_file(chance)
    user = User.objects.get_or_create(username="root", is_superuser=True)[0]
    headers = {"Authorization": f"Bearer {issue_login_token(user)}"}
    client = Client(raise_request_exception=False, headers=headers)
    log()
    for run in (preview_import, run_import):
        with suppress(UnableToImport):
            run(request_for(file, file_name=sing(chance), user_name=sing(chance)))
    api = client_of(user)
    api.raise_request_exception = False
    upload(api, file, dryRun="true", file_name=CANARY)
    upload(api, file, mode=sing(chance))
    assert upload(api, file).status_code < 500
    client.post("/api/secret", {"name": sing(chance), "devValue": sing(chance)}, "application/json")
    client.post("/api/secret", {"name": "CANARY_1", "devValue": sing(chance)}, "application/json")
    client.post("/api/connection", {"name": sing(chance), sing(chance): 1}, "application/json")
    client.post("/api/auth/login", sing(chance), "application/json")
    client.get("/api/flow", {"name": sing(chance), "search": sing(chance)})
    client.get(f"/api/secret/get-obfuscated-by-name/{CANARY}")
    client.get(f"/{CANARY}/{sing(chance)}", headers={"User-Agent": CANARY, "Referer": CANARY})
    client.get("/admin/login/", {"next": sing(chance)}, headers={"Cookie": f"sessionid={CANARY}"})
    lines = log()
    assert len(lines) > 10
    assert_silent(lines)
    ImportRecord.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_an_import_that_the_database_refuses_is_told_without_its_values(log, monkeypatch):
    def fail(*_args, **_keywords):
        raise RuntimeError(f"{CANARY} in the text of an error")

    monkeypatch.setattr("imports.importing.service.apply_plan", fail)
    api = caller(admin=True)
    api.raise_request_exception = False
    answer = upload(api, export_file(flow(1, CANARY)))
    assert answer.status_code == 500
    lines = log()
    assert [line["event"] for line in lines if line["level"] == "error"] == ["request_failed"]
    assert_silent(lines)


class TestTheStart:
    """The setting, in processes of their own."""

    def run(self, *arguments, **environment):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_an_unknown_format_stops_the_start(self):
        run = self.run("manage.py", "check", ZIGGY_LOG_FORMAT="xml")
        assert run.returncode == 1
        assert "ZIGGY_LOG_FORMAT must be one of line, json" in run.stderr

    def test_the_extra_is_asked_for_where_it_is_missing(self):
        script = "import sys; sys.modules['structlog'] = None\nimport django\ndjango.setup()"
        run = self.run(
            "-c", script, ZIGGY_LOG_FORMAT="json", DJANGO_SETTINGS_MODULE="ziggy_site.settings"
        )
        assert "ZIGGY_LOG_FORMAT=json needs the extra `logs`, of which structlog" in run.stderr

    def test_neither_extra_is_loaded_without_its_setting(self):
        script = (
            "import sys, django; django.setup()\n"
            "from django.urls import get_resolver; get_resolver().url_patterns\n"
            "import ziggy_site.wsgi\n"
            "print([name for name in sys.modules if name.startswith(('structlog', "
            "'django_structlog', 'prometheus_client', 'imports.metrics'))])"
        )
        run = self.run("-c", script, DJANGO_SETTINGS_MODULE="ziggy_site.settings")
        assert run.stdout == "[]\n", run.stderr

    def test_the_log_of_a_server_is_json_from_its_first_line(self):
        run = self.run(
            "-c",
            "import django; django.setup()\nimport logging\nlogging.getLogger('x').warning('a')",
            ZIGGY_LOG_FORMAT="json",
            DJANGO_SETTINGS_MODULE="ziggy_site.settings",
        )
        assert [read_line(line)["event"] for line in run.stderr.splitlines()] == ["a"]


def test_a_line_for_people_has_no_character_that_is_not_seen():
    stream = io.StringIO()
    configured = make_logging(log_format="line", level="DEBUG")
    formatter = logging.config.DictConfigurator(configured).configure_formatter(
        configured["formatters"]["line"]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    facts = {"msg": "%s", "args": (HOSTILE,), "request_id": ""}
    record = logging.makeLogRecord(facts)
    handler.handle(record)
    line = stream.getvalue().removesuffix("\n")
    assert line.isprintable()
    assert record.getMessage() == HOSTILE
    error = ValueError(HOSTILE)
    record = logging.makeLogRecord({**facts, "exc_info": (ValueError, error, None)})
    is_written_out = r"\ud800" in formatter.format(record).encode("utf-8", "replace").decode()
    assert is_written_out  # without its text, which pytest could not send either


def test_a_command_writes_no_line_of_the_log_into_its_answer(log, capsys):
    call_command("check")
    assert log() == []
    assert "no issues" in capsys.readouterr().out
