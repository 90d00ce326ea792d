"""No stored value of a secret reaches a host that it did not reach, unless its code is acknowledged.

Over servers and files that hypothesis draws, through all three doors. Where values go is told here
by two regular expressions, and not by the code under test.
"""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import event, given
from hypothesis import strategies as st

from accounts.models import User
from flows.models import MODELS, Connection, Flow, Secret
from imports.models import ImportRecord, PendingImport
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, secret, uuid_of
from tests.support.uploading import client_of, upload
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db

SENDS, USES = "secret-to-new-destination", "code-uses-secret"
HOSTS = ["a.example.com", "b.example.com"]
NAMES = ["K0", "K1"]
NUMBERS = range(2)


Door = Callable[..., None]


def text_of(host: str, names: list[str]) -> str:
    parts = [f"host: '{host}'", *(f"k{n}: secrets.{name}" for n, name in enumerate(names))]
    return f"{{ {', '.join(parts)} }}"


def code_of(names: list[str]) -> list[dict[str, object]]:
    code = "".join(f"use(secrets.{name});" for name in names)
    return [{"id": "1", "type": "code", "data": {"code": code}}]


some_names = st.lists(st.sampled_from(NAMES), unique=True, max_size=2)
texts = st.builds(text_of, st.sampled_from(HOSTS), some_names)
# What there is of each number: nothing, or what its row or item says.
connections = st.lists(st.none() | texts, min_size=2, max_size=2)
codes = st.lists(st.none() | some_names, min_size=2, max_size=2)
names_of_secrets = st.lists(st.none() | st.sampled_from([*NAMES, "K2"]), min_size=2, max_size=2)
values = st.lists(st.booleans(), min_size=2, max_size=2)
servers = st.tuples(connections, codes, values)
files = st.tuples(connections, codes, names_of_secrets)


def store(server) -> None:
    """Make the server hold just this: secrets with and without values, what uses them."""
    texts, used, has_value = server
    PendingImport.objects.all().delete()
    ImportRecord.objects.all().delete()
    for model in MODELS.values():
        model._default_manager.all().delete()
    for number in NUMBERS:
        value = "CANARY" if has_value[number] else None
        SecretFactory(uuid=uuid_of("5", number), name=NAMES[number], dev_value=value)
        if texts[number] is not None:
            ConnectionFactory(uuid=uuid_of("c", number), name=f"C{number}", dev_value=texts[number])
        if used[number] is not None:
            FlowFactory(
                uuid=uuid_of("f", number),
                name=f"F{number}",
                nodes=f'[{{"data":{{"code":"{code_of(used[number])[0]["data"]["code"]}"}},'
                '"id":"1","type":"code"}]',
            )


def file_of(file) -> bytes:
    texts, used, names = file
    items = []
    for number in NUMBERS:
        if texts[number] is not None:
            items.append(connection(number, f"C{number}", devValue=texts[number]))
        if used[number] is not None:
            items.append(flow(number, f"F{number}", nodes=code_of(used[number])))
    named = [name for name in names if name]
    if len(named) == len({*named}):
        items += [secret(number, name) for number, name in enumerate(names) if name]
    return export_file(*items)


def reached() -> tuple[set[tuple[str, str]], set[tuple[UUID, str]]]:
    """The stored values by uuid, each with the hosts that it reaches; those that each flow reads."""
    valued = {
        name: str(uuid)
        for uuid, name, has_value in Secret.objects.values_list("uuid", "name", "dev_value")
        if has_value
    }
    hosts, read = set(), set()
    for text in Connection.objects.values_list("dev_value", flat=True):
        (host,) = re.findall(r"host: '([^']*)'", text)
        found = re.findall(r"secrets\.(\w+)", text)
        hosts |= {(valued[name], host) for name in found if name in valued}
    for each in Flow.objects.all():
        found = re.findall(r"secrets\.(\w+)", str(each.nodes))
        read |= {(each.uuid, valued[name]) for name in found if name in valued}
    return hosts, read


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def door(request, ada, run_command, tmp_path: Path) -> Door:
    """Import the file's bytes by that door, acknowledging these codes."""

    def command(payload: bytes, *codes: str) -> None:
        path = tmp_path / "zexport.json"
        path.write_bytes(payload)
        accept = ["--accept", ",".join(codes)] if codes else []
        run_command(
            *("flow_import", "-s", "local", "--overwrite", "--no-prompt", "--no-backup"),
            *("-fp", str(path), *accept),
        )

    def api(payload: bytes, *codes: str) -> None:
        upload(client_of(ada), payload, **({"accept": ",".join(codes)} if codes else {}))

    def admin(payload: bytes, *codes: str) -> None:
        browser = logged_in(ada)
        file = SimpleUploadedFile("zexport.json", payload, content_type="application/json")
        browser.post(
            reverse("admin:imports_upload"), {"file": file, "mode": "overwrite", "no_backup": "on"}
        )
        if pending := PendingImport.objects.first():
            shown = get_token(pending, read_page(pending))
            url = reverse("admin:imports_confirm", args=[pending.pk])
            browser.post(url, {"shown": shown, "accept": list(codes)})

    return {"command": command, "api": api, "admin": admin}[request.param]


@pytest.mark.parametrize("door", ["command", "api", "admin"], indirect=True)
@given(server=servers, file=files, codes=st.sets(st.sampled_from([SENDS, USES])))
def test_no_value_reaches_a_new_host_unacknowledged(door, settings, server, file, codes):
    settings.ZIGGY = {**settings.ZIGGY, "MUST_ACKNOWLEDGE": [SENDS, USES]}
    store(server)
    hosts, read = reached()
    present = set(Flow.objects.values_list("uuid", flat=True))
    door(file_of(file), *sorted(codes))
    hosts_after, read_after = reached()
    if SENDS not in codes:
        assert hosts_after <= hosts
    if USES not in codes:
        assert {one for one in read_after if one[0] in present} <= read
    done = ImportRecord.objects.filter(status="succeeded").exists()
    event(f"{'done' if done else 'refused'} with {len(codes)} codes")
    if codes == {SENDS, USES}:
        refused = ImportRecord.objects.exclude(status="succeeded")
        assert not refused.filter(code="needs-acknowledgement").exists()
