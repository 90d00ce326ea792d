"""An import that was asked for with the promised options alone is done: no ordinary file is asked
about, by any door.
"""

import json
import random
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from flows.models import Secret
from imports.importing.service import run_import
from imports.models import ImportItem, ImportRecord, PendingImport, Status
from imports.plans.plan import Result
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.directories import split_document, write_files, zip_files
from tests.support.importing import request_for
from tests.support.queue_fixtures import _may_queue, _queue_tables, queue  # noqa: F401
from tests.support.queueing import work
from tests.support.texts_in_values import change_text, find_texts
from tests.support.uploading import client_of, file_part, form, send, words

pytestmark = pytest.mark.django_db

Door = Callable[[bytes], None]

FILES = ("real-small", "real-medium", "real-odd")
SAID = (
    "See the secrets of the vault, secrets.yaml and /v1/secrets/db.",
    "10\u00a0000 \u2028of \u00adthem \u3000here",
    "\ufeff👷\u200d♂️ 🏳️\u200d🌈 می\u200cخواهم",
    "zero\u200b width",
    '{"secrets": []} // rotate secrets monthly',
)
"""What people write into texts."""


def edit(payload: bytes) -> bytes:
    """The export after 40 edits of the texts in its flows' nodes."""
    chance, document = random.Random(33), json.loads(payload)
    flows = [each for each in document["flows"] if list(_list_texts(each))]
    for number in range(40):
        nodes = (flow := chance.choice(flows))["nodes"]
        place = chance.choice(list(_list_texts(flow)))
        said = SAID[number % len(SAID)]
        flow["nodes"] = change_text(nodes, place, lambda text, said=said: f"{text}\n{said}")
    return json.dumps(document).encode()


def _list_texts(flow: dict[str, Any]) -> Iterator[Any]:
    return (at for at in find_texts(flow["nodes"]) if at[-1] not in {"id", "type"})


@pytest.mark.usefixtures("_queue_tables")  # made before the transaction of a test begins
class TestEveryDoor:
    @pytest.fixture
    def ada(self) -> User:
        return User.objects.create_superuser("ada")

    @pytest.fixture
    def command(self, run_command, tmp_path: Path) -> Door:
        def run(payload: bytes) -> None:
            (tmp_path / "zexport.json").write_bytes(payload)
            self.run_promised(run_command, "--file-path", tmp_path / "zexport.json")

        return run

    @pytest.fixture
    def directory(self, run_command, tmp_path: Path) -> Door:
        def run(payload: bytes) -> None:
            write_files(tmp_path / "flows", split_document(json.loads(payload)))
            self.run_promised(run_command, "--from-dir", tmp_path / "flows")

        return run

    @pytest.fixture
    def archive(self, run_command, tmp_path: Path) -> Door:
        def run(payload: bytes) -> None:
            path = tmp_path / "flows.zip"
            path.write_bytes(zip_files(split_document(json.loads(payload))))
            self.run_promised(run_command, "--file-path", path)

        return run

    def run_promised(self, run_command: Any, option: str, path: Path) -> None:
        promised = ("--no-prompt", "--server", "local", "--overwrite", "--no-backup")
        result = run_command("flow_import", *promised, option, str(path))
        assert result.code == 0, result.err

    @pytest.fixture
    def api(self, ada: User) -> Door:
        """With the vendor's parts of the form only."""
        client = client_of(ada)

        def post(payload: bytes) -> None:
            parts = words(duplicatesMode="OVERWRITE", noBackup="true")
            answer = send(client, form(file_part(payload), *parts))
            assert answer.status_code == 201, answer.content

        return post

    @pytest.fixture
    def background(self, queue: None, ada: User) -> Door:  # noqa: F811 - a fixture
        client = client_of(ada)

        def post(payload: bytes) -> None:
            parts = words(duplicatesMode="OVERWRITE", noBackup="true")
            answer = send(client, form(file_part(payload), *parts), HTTP_PREFER="respond-async")
            assert answer.status_code == 202, answer.content
            work()

        return post

    @pytest.fixture
    def admin(self, ada: User, client: Client) -> Door:
        """By one confirmation, without a tick."""
        client.force_login(ada)

        def confirm(payload: bytes) -> None:
            file = SimpleUploadedFile("zexport.json", payload, content_type="application/json")
            data = {"file": file, "mode": "overwrite", "no_backup": "on"}
            client.post(reverse("admin:imports_upload"), data)
            pending = PendingImport.objects.latest("pk")
            shown = get_token(pending, read_page(pending))
            answer = client.post(
                reverse("admin:imports_confirm", args=[pending.pk]), {"shown": shown}
            )
            assert answer.status_code == 302, answer.content.decode()

        return confirm

    @pytest.mark.parametrize("name", FILES)
    @pytest.mark.parametrize(
        "door", ["command", "directory", "archive", "api", "admin", "background"]
    )
    def test_imports_every_real_file_anew_again_and_edited(
        self, door: str, name: str, shared_data: Path, request: pytest.FixtureRequest
    ) -> None:
        run = request.getfixturevalue(door)
        payload = (shared_data / f"{name}.json").read_bytes()
        for number, sent in enumerate((payload, payload, edit(payload))):
            run(sent)
            record = ImportRecord.objects.latest("pk")
            assert (record.status, record.acknowledged) == (Status.SUCCEEDED, []), record.message
            found = set(ImportItem.objects.filter(record=record).values_list("result", flat=True))
            if number == 0:
                assert found == {Result.CREATE}
                # From now on every secret has a value, which the guards are there for.
                Secret.objects.update(dev_value="CANARY-dev", prod_value="CANARY-prod")
            else:
                changed = {Result.OVERWRITE} if number == 2 else set()
                assert found == {Result.UNCHANGED} | changed


@pytest.mark.parametrize("name", FILES)
def test_few_items_of_a_real_file_are_warned_of(name: str, shared_data: Path) -> None:
    """One in twenty at most: more would not be read."""
    run_import(request_for((shared_data / f"{name}.json").read_bytes(), accept=()))
    items = ImportItem.objects.all()
    warned = [item for item in items if item.warnings]
    assert len(warned) <= len(items) / 20, warned


SAMPLE = Path(__file__).parents[2] / "samples" / "zexport.json"


def test_the_sample_of_the_demo_has_what_people_write_and_is_imported_unasked(
    run_command, monkeypatch
):
    text = SAMPLE.read_text()
    for written in ("70\u00a0°C", "👩\u200d💻", '"\ufeffWhere'):
        assert written in text
    monkeypatch.setattr("sys.stdin", StringIO())
    promised = ("--no-prompt", "--server", "local", "--overwrite", "--no-backup")
    for result in (Result.CREATE, Result.UNCHANGED):
        done = run_command("flow_import", *promised, "--file-path", str(SAMPLE))
        assert (done.code, "[y/N]" in done.err) == (0, False), done.err
        record = ImportRecord.objects.latest("pk")
        assert (record.status, record.acknowledged) == (Status.SUCCEEDED, [])
        assert set(record.items.values_list("result", flat=True)) == {result}
