"""Every door takes an archive of a directory as the export that it is; a bad one is refused."""

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from flows.models import Flow
from imports.errors import FileInvalid
from imports.importing.service import make_plan_to_save, preview_import, run_import
from imports.models import ImportRecord, PendingImport
from imports.planfile.file import read_plan, write_plan
from imports.status.service import read_status
from tests.conftest import CommandResult
from tests.support.directories import read_files, split_document, write_files, zip_files
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import export_file, flow, request_for, results, uuid_of
from tests.support.rows import exported
from tests.support.uploading import caller, upload

pytestmark = pytest.mark.django_db

RunCommand = Callable[..., CommandResult]

FILE = export_file(flow(1, "Orders", info="# From\n\nthe file\n"), flow(2, "New"))
FILES = split_document(json.loads(FILE))
BAD = {**FILES, "flows/new/flow.json": b"<<<<<<< HEAD\n{}\n=======\n[]\n>>>>>>> b\n"}


def tar_files(files: dict[str, bytes], mode: Any = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"repository/flows/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


ARCHIVES = {
    "zip": zip_files(FILES),
    "tar": tar_files(FILES),
    "tar.gz": tar_files(FILES, "w:gz"),
}
every_archive = pytest.mark.parametrize("payload", ARCHIVES.values(), ids=ARCHIVES)
DONE = [("New", "CREATE"), ("Orders", "OVERWRITE")]


@pytest.fixture(autouse=True)
def server() -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="here")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada"))
    return client


class TestTheService:
    @every_archive
    def test_does_what_it_does_with_the_file(self, payload: bytes) -> None:
        assert results(preview_import(request_for(payload))) == DONE
        assert results(run_import(request_for(payload))) == DONE
        assert Flow.objects.get(name="Orders").info == "# From\n\nthe file\n"
        assert {result for _, result in results(run_import(request_for(FILE)))} == {"UNCHANGED"}

    def test_a_plan_of_one_archive_is_good_for_each(self) -> None:
        _, saved = make_plan_to_save(request_for(ARCHIVES["zip"], file_name="x"))
        plan = read_plan(write_plan(saved), max_bytes=10**6)
        run_import(request_for(ARCHIVES["tar.gz"], saved_plan=plan))
        assert Flow.objects.get(name="Orders").info.startswith("# From")

    @every_archive
    def test_the_record_is_of_the_content(self, payload: bytes) -> None:
        run_import(request_for(payload, file_name="flows.tar"))
        record = ImportRecord.objects.get()
        document = preview_import(request_for(ARCHIVES["zip"])).document
        assert (record.file_sha256, record.file_size) == (document.sha256, document.size)
        assert record.file_name == "flows.tar"

    def test_a_bad_directory_is_refused_with_file_and_line_and_with_its_record(self) -> None:
        with pytest.raises(FileInvalid) as refused:
            run_import(request_for(zip_files(BAD)))
        (issue,) = refused.value.issues
        assert (issue.code, issue.path) == ("merge-conflict", "flows/new/flow.json:1")
        record = ImportRecord.objects.get()
        assert (record.status, record.code) == ("failed", "merge-conflict")
        assert record.issues[0]["path"] == "flows/new/flow.json:1"

    def test_a_bad_item_is_refused_with_file_and_line(self) -> None:
        content = FILES["flows/new/flow.json"].replace(b'"New"', b'"New",\n  "timeout": "soon"')
        with pytest.raises(FileInvalid) as refused:
            run_import(request_for(zip_files({**FILES, "flows/new/flow.json": content})))
        (issue,) = refused.value.issues
        assert (issue.code, issue.path) == ("wrong-type", "flows/new/flow.json:4: timeout")
        assert ImportRecord.objects.get().issues[0]["path"] == issue.path

    def test_a_status_is_that_of_the_file(self) -> None:
        first, second = (read_status(request_for(each)).items for each in (FILE, ARCHIVES["tar"]))
        assert sorted(first, key=str) == sorted(second, key=str)


class TestTheCommand:
    @every_archive
    def test_imports_it_from_standard_input(
        self, run_command: RunCommand, monkeypatch: pytest.MonkeyPatch, payload: bytes
    ) -> None:
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(payload)))
        given = ("-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", "-")
        assert run_command("flow_import", *given).code == 0
        assert Flow.objects.filter(name="New").exists()

    def test_imports_compares_and_plans_a_directory(
        self, run_command: RunCommand, tmp_path: Path
    ) -> None:
        root, plan = tmp_path / "flows", tmp_path / "plan.json"
        write_files(root, {**FILES, ".git/HEAD": b"x", "README.md": b"x", "more/a.txt": b"x"})
        assert run_command("flow_status", "-s", "local", "--from-dir", str(root)).code == 2
        given = ("-s", "local", "--overwrite", "--from-dir", str(root), "--plan-out", str(plan))
        done = run_command("flow_import", *given)
        assert done.code == 0, done.err
        assert f"--from-dir {root} --apply-plan {plan}" in done.err
        given = ("--no-prompt", "--no-backup", "--from-dir", str(root), "--apply-plan", str(plan))
        assert run_command("flow_import", "-s", "local", *given).code == 0
        assert ImportRecord.objects.get().file_name == "flows/"
        assert run_command("flow_status", "-s", "local", "--from-dir", str(root)).code == 0

    def test_what_is_exported_is_unchanged(self, run_command: RunCommand, tmp_path: Path) -> None:
        ConnectionFactory()
        SecretFactory(name="TOKEN")
        root = str(tmp_path / "flows")
        run_command("flow_export", "--to-dir", root)
        given = ("-s", "local", "--overwrite", "--dry-run", "--detailed-exitcode")
        assert run_command("flow_import", *given, "--from-dir", root).code == 10

    def test_prunes_what_left_a_directory_and_brings_it_back(
        self, run_command: RunCommand, tmp_path: Path
    ) -> None:
        root = tmp_path / "flows"
        write_files(root, FILES)
        given = ("-s", "local", "--overwrite", "--no-backup", "--from-dir", str(root))
        assert run_command("flow_import", *given, "--no-prompt").code == 0
        before = exported()
        shutil.rmtree(root / "flows/new")
        seen = run_command("flow_import", *given, "--dry-run")
        assert "1 row that came from this directory is not in it any more: --prune" in seen.err
        done = run_command("flow_import", *given, "--no-prompt", "--prune")
        assert done.code == 0, done.err
        assert [each["name"] for each in json.loads(done.out)["data"]["pruned"]] == ["New"]
        assert Flow.objects.get(name="New").is_deleted
        record = str(ImportRecord.objects.latest("pk").pk)
        undo = run_command("import_undo", record, "--no-prompt", "--no-backup", "-s", "local")
        assert undo.code == 0, undo.err
        assert exported() == before

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda root: None, "there is no such directory"),
            (lambda root: root.mkdir(), "it has no ziggy.json"),
            (lambda root: root.write_text("x"), "it is a file, which --file-path takes"),
        ],
        ids=["missing", "empty", "a file"],
    )
    def test_what_is_no_directory_is_a_usage_error(
        self, run_command: RunCommand, tmp_path: Path, make: Callable[[Path], Any], message: str
    ) -> None:
        make(tmp_path / "flows")
        given = ("-s", "local", "--overwrite", "--dry-run", "--from-dir", str(tmp_path / "flows"))
        done = run_command("flow_import", *given)
        assert done.code == 2
        assert message in done.err

    @pytest.mark.parametrize("link", ["flows/new/flow.json", "flows/new", "flows", "secrets"])
    def test_a_link_in_a_directory_is_refused_and_not_followed(
        self, run_command: RunCommand, tmp_path: Path, link: str
    ) -> None:
        root, target = tmp_path / "flows", tmp_path / "target"
        write_files(root, {**FILES, "secrets/other.txt": b""})
        (root / link).rename(target)
        (root / link).symlink_to(target)
        given = ("-s", "local", "--overwrite", "--no-prompt", "--no-backup", "--from-dir")
        done = run_command("flow_import", *given, str(root))
        assert done.code == 3
        assert json.loads(done.out)["data"]["code"] == "link-in-directory"
        assert ImportRecord.objects.get().code == "link-in-directory"

    def test_two_sources_are_a_usage_error(self, run_command: RunCommand) -> None:
        done = run_command(*("flow_import", "-s", "local", "--skip", "-fp", "x", "--from-dir", "y"))
        assert "not allowed with argument" in done.err


class TestTheApi:
    @every_archive
    def test_imports_it(self, payload: bytes) -> None:
        answer = upload(caller(admin=True), payload, file_name="archive")
        assert answer.status_code == 201
        assert [each["result"] for each in answer.json()["flowsProcessed"]] == [
            "CREATE", "OVERWRITE",
        ]  # fmt: skip

    def test_refuses_a_bad_one_with_file_and_line(self) -> None:
        answer = upload(caller(admin=True), zip_files(BAD))
        assert (answer.status_code, answer.json()["code"]) == (422, "merge-conflict")
        assert answer.json()["issues"][0]["path"] == "flows/new/flow.json:1"

    def test_answers_again_under_one_key_for_each_archive_of_a_directory(self) -> None:
        ada = caller(admin=True)
        answers = [upload(ada, payload, key="k") for payload in ARCHIVES.values()]
        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert ImportRecord.objects.count() == 1


class TestTheAdmin:
    @every_archive
    def test_shows_it_and_one_item_of_it(self, browser: Client, payload: bytes) -> None:
        file = SimpleUploadedFile("flows.bin", payload)
        answer = browser.post(reverse("admin:imports_upload"), {"file": file, "mode": "overwrite"})
        assert answer.status_code == 302, answer.content.decode()
        pending = PendingImport.objects.get()
        rows = browser.get(answer.url).context["page"]
        assert sorted(item.name for item in rows) == ["New", "Orders"]
        url = reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
        item = browser.get(url)
        assert item.status_code == 200
        assert "the file" in item.content.decode()

    def test_refuses_a_bad_one_with_file_and_line(self, browser: Client) -> None:
        file = SimpleUploadedFile("flows.zip", zip_files(BAD))
        answer = browser.post(reverse("admin:imports_upload"), {"file": file, "mode": "overwrite"})
        assert answer.status_code in {400, 422}
        assert "flows/new/flow.json:1" in answer.content.decode()
        assert ImportRecord.objects.get().code == "merge-conflict"


class TestDownloads:
    """The directory as a zip has the same files as the one that the command writes."""

    @pytest.fixture
    def of_command(self, run_command: RunCommand, tmp_path: Path) -> dict[str, bytes]:
        SecretFactory(name="TOKEN")
        FlowFactory(uuid=uuid_of("f", 3), name="orders", tags='["a"]')
        run_command("flow_export", "--to-dir", str(tmp_path / "flows"))
        return read_files(tmp_path / "flows")

    def test_everything(self, of_command: dict[str, bytes]) -> None:
        ada = caller(admin=True)
        first, second = (ada.get("/api/flow/export-all?format=dir") for _ in range(2))
        assert first.headers["Content-Type"] == "application/zip"
        assert first.headers["Content-Disposition"] == 'attachment; filename="zexport.zip"'
        assert first.content == second.content
        assert unzip(first.content) == of_command

    def test_what_was_built(
        self, of_command: dict[str, bytes], run_command: RunCommand, tmp_path: Path
    ) -> None:
        ada = caller(admin=True)
        built = ada.post("/api/flow/export-tagged", {"tags": ["a"]}, format="json")
        assert built.status_code == 201
        answer = ada.get("/api/flow/export-tagged?format=dir")
        run_command("flow_export", "--tags", "a", "--to-dir", str(tmp_path / "tagged"))
        assert unzip(answer.content) == read_files(tmp_path / "tagged")
        ids = (
            json.loads(files["ziggy.json"])["directoryId"]
            for files in (of_command, unzip(answer.content))
        )
        assert len({*ids}) == 2

    @pytest.mark.usefixtures("of_command")
    def test_it_is_imported_as_it_is(self) -> None:
        ada = caller(admin=True)
        payload = ada.get("/api/flow/export-all?format=dir").content
        answer = upload(ada, payload)
        assert {each["result"] for each in answer.json()["flowsProcessed"]} == {"UNCHANGED"}

    def test_any_other_format_has_no_effect_as_before(self) -> None:
        answer = caller(admin=True).get("/api/flow/export-all?format=tar")
        assert answer.headers["Content-Type"] == "application/json"

    def test_who_may_not_see_all_gets_nothing(self) -> None:
        assert caller("eve").get("/api/flow/export-all?format=dir").status_code == 403

    @pytest.mark.usefixtures("of_command")
    def test_from_the_admin(self, browser: Client) -> None:
        answer = browser.get(reverse("admin:imports_export_file"), {"tag": "a", "form": "dir"})
        assert answer.headers["Content-Type"] == "application/zip"
        assert "flows/orders/flow.json" in unzip(answer.content)


def unzip(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
