"""No value of a secret is ever printed, logged, recorded or exported, and none is ever changed.

Canaries are sung in every value. After everything that can be done with the server, nothing that
it printed, logged, stored or wrote may hold one, as it is or in an encoding of it.
"""

import base64
import html
import json
import logging
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from cryptography.fernet import Fernet
from django.contrib import admin
from django.db import OperationalError
from django.db import connection as database
from django.urls import reverse
from reversion.models import Version

import imports.importing.service
from flows.encryption import seal
from flows.models import MODELS, Secret
from flows.saves import named_saves
from imports.models import ImportRecord
from tests.flows.secrets.test_secret_doors import form_of
from tests.support.digest import ITEMS, RECORDS, all_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    ALL_CODES,
    backup_files,
    connection,
    export_file,
    flow,
    secret,
    uuid_of,
)

# With characters that every encoding writes in another way.
STORED_DEV = 'CANARY-dev-7d3a "é" <&> + / \\ end'
STORED_PROD = "CANARY-prod-91bf 'é' <&> + / \\ end"
TYPED = "CANARY-typed-55c0 into a form"
IN_FILE = "CANARY-file-2e6d carried along"
CANARIES = (STORED_DEV, STORED_PROD, TYPED, IN_FILE)
# May stand in a connection's text, and be exported with it, but is nobody's to see elsewhere.
INLINE = "INLINE-c0de"


def forms(value: str) -> Iterator[str]:
    """The value as it is, and as encodings of it inside other text have it."""
    raw = value.encode()
    yield value
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (quote(value), quote_plus(value), quote(value, safe=""), html.escape(value))
    yield from (repr(value)[1:-1], raw.hex(), raw.hex().upper())
    for skipped in range(3):  # base64 of a text that the value stands somewhere in
        whole = raw[skipped : skipped + (len(raw) - skipped) // 3 * 3]
        yield base64.b64encode(whole).decode()
        yield base64.urlsafe_b64encode(whole).decode()


def found_in(text: str) -> list[str]:
    """The canaries, and what every one of them begins with, that text holds in any form."""
    return [form for value in (*CANARIES, "CANARY-") for form in forms(value) if form in text]


class TestTheSearch:
    """A test that finds nothing has to be able to find something."""

    @pytest.mark.parametrize("value", CANARIES)
    @pytest.mark.parametrize(
        "encode",
        [
            str,
            lambda value: json.dumps({"value": value}),
            lambda value: json.dumps(json.dumps({"value": value})),
            lambda value: f"?value={quote(value)}",
            html.escape,
            lambda value: value.encode().hex(),
            lambda value: base64.b64encode(value.encode()).decode(),
            lambda value: base64.b64encode(b"a" + value.encode()).decode(),
            lambda value: base64.b64encode(b'{"v": "' + value.encode()).decode(),
            lambda value: repr({"value": value}),
        ],
        ids=["raw", "json", "json twice", "url", "html", "hex", "b64", "b64+1", "b64+7", "repr"],
    )
    def test_it_finds_a_canary(self, value, encode):
        assert found_in(f"some {encode(value)} text")

    def test_it_finds_nothing_in_a_token(self):
        assert found_in(seal(STORED_DEV).token) == []


def sung(number: int, name: str, **keys: Any) -> dict[str, Any]:
    """A file's secret that carries canaries wherever a file might."""
    carried = dict.fromkeys(
        ("devValue", "prodValue", "value", "token", "secretValue", "password"), IN_FILE
    )
    return secret(number, name, **carried, **keys)


FILE = export_file(
    flow(1, "Flow 1", info="file", nodes=[{"data": {"code": "secrets.KEY_1"}}]),
    connection(
        1, "Conn 1", description="file", devValue=f"{{ password: '{INLINE}', key: secrets.KEY_1 }}"
    ),
    sung(1, "KEY_1", description="file"),
    sung(2, "KEY_2_renamed"),
    sung(3, "KEY_3"),
    sung(5, "KEY_5", more="kept"),
)


@pytest.fixture
def server() -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="Flow 1", info="here")
    ConnectionFactory(
        uuid=uuid_of("c", 1), name="Conn 1", dev_value="{ host: 'a', key: secrets.KEY_1 }"
    )
    for number in range(1, 5):
        SecretFactory(
            uuid=uuid_of("5", number),
            name=f"KEY_{number}",
            dev_value=STORED_DEV,
            prod_value=STORED_PROD,
            is_deleted=number == 3,
        )


def stored_values() -> dict[int, tuple[str, str]]:
    """The ciphertext of every secret that has values, as the database itself has it."""
    with database.cursor() as cursor:
        cursor.execute("SELECT id, dev_value, prod_value FROM flows_secret")
        return {pk: (dev, prod) for pk, dev, prod in cursor.fetchall() if dev or prod}


def clear_values() -> set[tuple[str, str]]:
    return {
        (row.dev_value.reveal(), row.prod_value.reveal())
        for row in Secret.objects.all()
        if row.has_value
    }


class Listener:
    """Runs commands and hears all that they say; every log line too, down to the SQL."""

    def __init__(self, run_command: Callable[..., Any], caplog: Any, file: Path) -> None:
        self.heard: list[str] = []
        self.run_command, self.caplog, self.file = run_command, caplog, file

    def run(self, name: str, *arguments: str) -> int:
        """The command's exit code."""
        done = self.run_command(name, *arguments)
        self.heard += [done.out, done.err]
        return done.code

    def import_file(self, payload: bytes, *options: str) -> int:
        self.file.write_bytes(payload)
        accept = ["--accept", ",".join(ALL_CODES)]
        code = self.run("flow_import", "-s", "local", "-fp", str(self.file), *accept, *options)
        assert not any(INLINE in text for text in self.heard)
        return code

    def assert_no_canary(self) -> None:
        """Nothing that was printed, answered, logged or stored holds one."""
        assert "flows_secret" in self.caplog.text  # the SQL was logged
        for text in (*self.heard, self.caplog.text, repr(all_rows())):
            assert found_in(text) == []


@pytest.fixture
def listener(
    run_command: Callable[..., Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> Iterator[Listener]:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="django.db.backends")
    database.force_debug_cursor = True
    yield Listener(run_command, caplog, tmp_path / "zexport.json")
    database.force_debug_cursor = False


RUNS: dict[str, tuple[bytes, list[str], int]] = {
    "a dry run": (FILE, ["--overwrite", "--dry-run"], 0),
    "an overwrite with a backup": (FILE, ["--overwrite", "--no-prompt"], 0),
    "an overwrite that changes nothing": (FILE, ["--overwrite", "--no-prompt"], 0),
    "a skip": (FILE, ["--skip", "--no-prompt", "--no-backup"], 0),
    "a duplicate": (FILE, ["--duplicate", "--no-prompt", "--no-backup"], 0),
    "no JSON": (FILE.replace(b'"KEY_5"', b'"KEY_5" "'), ["--skip", "--no-prompt"], 3),
    "a cut file": (FILE[: FILE.index(b"carried along")], ["--skip", "--no-prompt"], 3),
    "no export": (
        export_file(
            sung(1, "1 is no name"),
            {**sung(2, "KEY_2"), "devValue": {"deep": [IN_FILE]}, "description": 7},
            sung(1, "KEY_6"),
        ),
        ["--skip", "--no-prompt"],
        3,
    ),
    "a name that is taken": (
        export_file(sung(1, "KEY_4"), flow(1, "Flow 1")),
        ["--overwrite", "--no-prompt"],
        3,
    ),
    "another server": (FILE, ["--overwrite", "--no-prompt", "--server", "nowhere"], 8),
}


@pytest.mark.django_db(transaction=True)
class TestNothingSings:
    def test_in_imports_of_every_mode_and_ending(self, server, listener, backup_directory):
        values = stored_values()
        assert len(values) == 4
        for what, (payload, options, code) in RUNS.items():
            assert listener.import_file(payload, *options) == code, what
            assert stored_values() == values, what
            assert clear_values() == {(STORED_DEV, STORED_PROD)}, what
        listener.assert_no_canary()
        endings = Counter(ImportRecord.objects.values_list("status", flat=True))
        assert endings == {"succeeded": 4, "failed": 3, "refused": 2}
        assert len(backup_files(backup_directory)) == 1
        rows = all_rows()
        assert INLINE not in repr((rows[RECORDS], rows[ITEMS]))
        # Flow, connection, two secrets, and the deleted one that came back.
        assert Version.objects.filter(revision__comment="Pre import").count() == 5

    def test_with_a_wrong_key(self, server, listener, settings):
        values = stored_values()
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
        assert listener.import_file(FILE, "--overwrite", "--no-prompt") == 1
        assert stored_values() == values
        listener.assert_no_canary()
        assert ImportRecord.objects.get().code == "wrong-encryption-key"

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (OperationalError, "failed"),
            (RuntimeError, "failed"),
            (KeyboardInterrupt, "interrupted"),
        ],
    )
    def test_in_the_text_of_an_error(self, server, listener, monkeypatch, error, status):
        values = stored_values()

        def fail(*_arguments: Any, **_options: Any) -> None:
            raise error(f"could not write\nDETAIL: {STORED_DEV} {IN_FILE}")

        monkeypatch.setattr(imports.importing.service, "apply_plan", fail)
        if error is OperationalError:
            assert listener.import_file(FILE, "--overwrite", "--no-prompt") == 1
        else:
            with pytest.raises(error):
                listener.import_file(FILE, "--overwrite", "--no-prompt")
        assert stored_values() == values
        listener.assert_no_canary()
        assert ImportRecord.objects.get().status == status

    @pytest.mark.parametrize("mode", ["--overwrite", "--duplicate", "--skip"])
    def test_in_a_saved_plan(self, server, listener, tmp_path, mode):
        plan, decisions = tmp_path / "plan.json", tmp_path / "decisions.json"
        decisions.write_text(json.dumps({"decisions": {uuid_of("c", 1): "overwrite"}}))
        asked = [mode, "--decisions", str(decisions), "--plan-out", str(plan)]
        assert listener.import_file(FILE, *asked) == 0
        text = plan.read_text()
        listener.heard.append(text)
        assert INLINE not in text
        assert "KEY_1" in text
        tokens = [token for pair in stored_values().values() for token in pair]
        assert not any(token in text for token in tokens)
        assert listener.run(
            *("flow_import", "-s", "local", "-fp", str(listener.file), "--apply-plan", str(plan)),
            *("--no-prompt", "--no-backup"),
        ) == 0  # fmt: skip
        Secret.objects.filter(name="KEY_4").update(description="edited")
        assert clear_values() == {(STORED_DEV, STORED_PROD)}
        stale = ["--apply-plan", str(plan), "--no-prompt", "--no-backup"]
        listener.import_file(FILE, *stale)
        listener.assert_no_canary()

    def test_in_exports_and_lists(self, server, listener):
        assert listener.run("flow_export", "--file-path", str(listener.file)) == 0
        assert listener.run("flow_export", "--file-path", "-") == 0
        assert listener.run("flow_list") == 0
        assert listener.run("flow_list", "--json") == 0
        listener.heard.append(listener.file.read_text())
        assert '"KEY_1"' in listener.heard[-1]
        listener.assert_no_canary()
        tokens = [token for pair in stored_values().values() for token in pair]
        assert not any(token in text for token in tokens for text in listener.heard)

    def test_in_named_saves_on_the_command_line(self, server, listener):
        assert listener.import_file(FILE, "--overwrite", "--no-prompt", "--no-backup") == 0
        for version in Version.objects.filter(revision__comment="Pre import"):
            assert listener.run("named_save", "list", str(version.object.uuid)) == 0
            assert listener.run("named_save", "restore", str(version.pk), "--dry-run") == 0
            assert listener.run("named_save", "restore", str(version.pk), "--no-prompt") == 0
        assert sum("Pre restore" in text for text in listener.heard) == 5
        assert clear_values() == {(STORED_DEV, STORED_PROD)}
        assert not any(INLINE in text for text in listener.heard)
        listener.assert_no_canary()

    def test_in_the_admin(self, server, listener, admin_client):
        assert listener.import_file(FILE, "--overwrite", "--no-prompt", "--no-backup") == 0
        one = Secret.objects.get(name="KEY_1")
        named_saves.take(one, "before the change")
        page = reverse("admin:flows_secret_change", args=[one.pk])
        form = {**form_of(admin_client, page), "new_dev_value": TYPED}
        refused = admin_client.post(page, {**form, "name": "1 is no name"}).content.decode()
        assert "must be a JavaScript identifier" in refused
        assert admin_client.post(page, form).status_code == 302
        one.refresh_from_db()
        assert one.dev_value.reveal() == TYPED
        pages = [refused]
        for url in admin_pages():
            answer = admin_client.get(url, follow=True)
            assert answer.status_code == 200, url
            pages.append(answer.content.decode())
        assert sum("KEY_1" in text for text in pages) >= 8
        listener.heard += pages
        listener.assert_no_canary()

    def test_in_a_backup(self, server, listener, backup_directory):
        assert listener.import_file(FILE, "--overwrite", "--no-prompt") == 0
        [backup] = backup_files(backup_directory)
        content = backup.read_bytes()
        if database.vendor == "postgresql":
            content = subprocess.run(
                ["pg_restore", "--file=-", str(backup)], check=True, capture_output=True
            ).stdout
        text = content.decode(errors="replace")
        assert all(dev in text and prod in text for dev, prod in stored_values().values())
        assert found_in(text) == []


def admin_pages() -> Iterator[str]:
    """Of every model the list, the form for a new row, and for each row its form, its history and
    each state in that.
    """
    yield reverse("admin:index")
    for model in admin.site._registry:
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        is_item = model in MODELS.values()
        yield reverse(f"{page}_changelist")
        if is_item:
            yield reverse(f"{page}_add")
        for row in model._default_manager.all():
            yield reverse(f"{page}_change", args=[row.pk])
            yield reverse(f"{page}_history", args=[row.pk])
            if is_item:
                yield reverse(f"{page}_imports", args=[row.pk])
            for version in Version.objects.get_for_object(row) if is_item else ():
                yield reverse(f"{page}_revision", args=[row.pk, version.pk])
