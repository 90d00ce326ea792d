"""A client that openapi-python-client makes of the API's description works against a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from flows.models import Connection
from tests.support.factories import FlowFactory

PASSWORD = "a long password of a test"
# It knows of no file in gzip but as bytes.
CONFIGURATION = {"content_type_overrides": {"application/gzip": "application/octet-stream"}}

CALLS = """
import json, sys
from ziggy_flow_import_client import AuthenticatedClient, Client, models
from ziggy_flow_import_client.api.auth import auth_login_create
from ziggy_flow_import_client.api.connection import create_connection
from ziggy_flow_import_client.api.flow import list_flows
from ziggy_flow_import_client.api.imports import list_imports, undo_import

address, password = sys.argv[1:]
with Client(base_url=address) as client:
    body = models.LoginRequest(username="ada", password=password)
    login = auth_login_create.sync(client=client, body=body)
with AuthenticatedClient(base_url=address, token=login.token) as client:
    flows = list_flows.sync(client=client, search="ord")
    body = models.NewConnection(name="Twilio", dev_value="{ timeout: 30 }")
    made = [
        create_connection.sync(client=client, body=body, idempotency_key="key-1") for _ in "12"
    ]
    page = list_imports.sync(client=client, page_size=5)
    body = models.Undo(dry_run=True, conflicts=models.ConflictDecision.KEEP)
    refused = undo_import.sync_detailed(404, client=client, body=body)
print(json.dumps({
    "role": login.role,
    "flows": [flow.name for flow in flows],
    "made": [str(each.uuid) for each in made],
    "records": page.count,
    "refused": [refused.status_code, refused.parsed.code],
}))
"""


def described() -> Any:
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture(scope="module")
def client_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a generated client lies. Generating must say nothing against the description."""
    directory = tmp_path_factory.mktemp("client")
    (directory / "schema.json").write_text(json.dumps(described()))
    (directory / "configuration.json").write_text(json.dumps(CONFIGURATION))
    tools = Path(sys.executable).parent
    done = subprocess.run(
        [
            *(tools / "openapi-python-client", "generate", "--fail-on-warning"),
            *("--path", "schema.json", "--config", "configuration.json", "--output-path", "made"),
        ],
        cwd=directory,
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "warning" not in told.lower()
    assert "error" not in told.lower()
    return directory / "made"


@pytest.mark.django_db(transaction=True)
def test_it_logs_in_lists_and_writes(client_directory, live_server, transactional_db):
    User.objects.create_superuser("ada", password=PASSWORD)
    FlowFactory(name="Orders")
    FlowFactory(name="Invoices")
    done = subprocess.run(
        [sys.executable, "-c", CALLS, live_server.url, PASSWORD],
        cwd=client_directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    made = Connection.objects.get()
    assert (made.name, made.dev_value) == ("Twilio", "{ timeout: 30 }")
    assert json.loads(done.stdout) == {
        "role": "ADMIN",
        "flows": ["Orders"],
        "made": [str(made.uuid)] * 2,
        "records": 0,
        "refused": [404, "no-such-record"],
    }


def test_no_two_words_of_an_enum_differ_by_case_alone():
    enums = list(enums_in(described()))
    assert len(enums) > 10
    for words in enums:
        texts = [str(word).lower() for word in words]
        assert len(set(texts)) == len(texts), words


def enums_in(schema: Any) -> Iterator[list[Any]]:
    """Every list of words, wherever it stands."""
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield schema["enum"]
        for each in schema.values():
            yield from enums_in(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from enums_in(each)
