"""The first page of the admin: the figures of the server, each for who may see it."""

import re

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flows.models import Flow, Secret
from imports.database.backup import find_newest_backup, make_backup
from imports.database.lock import hold_import_lock
from imports.importing.service import run_import
from imports.models import Door, ImportRecord, Status
from imports.plans.plan import Mode
from imports.runs.progress import follow_progress
from imports.uploads import pending as uploads
from imports.uploads.progress import read_run_progress
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
)
from tests.support.pages import text_of
from tests.support.users import client_in, logged_in

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
READER = ("view_flow", "view_connection", "view_secret", "view_importrecord")


def cards_of(response):
    """The texts and links of the cards of the page, by the figure."""
    assert response.status_code == 200
    found = re.findall(
        r'id="overview-(\w+)">\s*<a href="([^"]*)">(.*?)</a>', response.content.decode(), re.DOTALL
    )
    words = {each: " ".join(re.sub(r"<[^>]*>", " ", text).split()) for each, _, text in found}
    return words, {each: url for each, url, _ in found}


def changed_server():
    """An import of a flow that uses a secret, after which the flow was edited."""
    run = import_items(flow(1, "Sync", nodes=[{"code": "secrets.KEY"}]), secret(1, "KEY"))
    row = Flow.objects.get()
    row.timeout = 7
    row.save()
    return run.record


class TestCards:
    def test_each_has_its_number_and_its_link(self, client):
        record = changed_server()
        words, urls = cards_of(client_in("superuser").get("/admin/"))
        assert words == {
            "uploads": "Your uploads that wait 0 nothing waits for you",
            "secrets": "Secrets without a value 1 that something uses",
            "drift": "Changed here since the last import 1 1 flow",
            "backup": "Last verified backup none no backup was made and verified yet",
        }
        browser = client_in("Editor")
        for url in urls.values():
            assert browser.get(url).status_code == 200, url
        assert urls["drift"] == "/admin/imports/importrecord/drift/"
        assert f"/admin/imports/importrecord/{record.pk}/change/" not in urls.values()

    @pytest.mark.parametrize(
        ("rights", "figures"),
        [
            ((), set()),
            (("view_flow",), set()),
            (("view_secret",), {"secrets"}),
            (("view_importrecord",), {"backup"}),
            (("view_importrecord", "view_flow"), {"drift", "backup"}),
            (("run_import",), {"uploads"}),
        ],
    )
    def test_a_user_sees_those_of_their_rights(self, rights, figures, staff):
        changed_server()
        response = staff(*rights).get("/admin/")
        assert set(cards_of(response)[0]) == figures
        assert ("Last imports" in text_of(response)) is ("view_importrecord" in rights)

    def test_drift_counts_the_kinds_that_the_user_may_see(self, staff):
        import_items(flow(1, "Sync"), connection(1, "Mail"))
        for row in (Flow.objects.get(), ConnectionFactory._meta.model.objects.get()):
            row.name = "Renamed"
            row.save()
        words, _ = cards_of(staff("view_importrecord", "view_connection").get("/admin/"))
        assert words["drift"] == "Changed here since the last import 1 1 connection"

    def test_the_backup_links_to_the_run_that_made_it(self):
        record = run_import(request_for(export_file(flow(1, "Sync")), with_backup=True)).record
        assert find_newest_backup().name == record.backup_path.rpartition("/")[2]
        words, urls = cards_of(client_in("Operator").get("/admin/"))
        assert words["backup"].startswith("Last verified backup just now ")
        assert urls["backup"] == f"/admin/imports/importrecord/{record.pk}/change/"

    def test_a_backup_that_is_not_whole_or_noted_does_not_count(self, backup_directory):
        assert find_newest_backup() is None
        first, second, third = (make_backup().path for _ in range(3))
        assert find_newest_backup().name == third.name
        third.with_name(f"{third.name}.json").unlink()
        assert find_newest_backup().name == second.name
        second.write_bytes(b"cut")
        assert find_newest_backup().name == first.name


class TestRuns:
    def test_the_last_five_are_listed_with_their_undo(self):
        records = [import_items(flow(1, "Sync", info=f"{each}")).record for each in range(6)]
        page = client_in("superuser").get("/admin/").content.decode()
        assert [f"Import {record.pk}" in page for record in records] == [False, *[True] * 5]
        assert page.count("/undo/") == 5

    def test_no_undo_for_who_may_not_or_where_nothing_was_written(self, staff):
        record = import_items(flow(1, "Sync")).record
        import_items(flow(1, "Sync"))  # unchanged
        undo = f"/admin/imports/importrecord/{record.pk}/undo/"
        page = client_in("superuser").get("/admin/").content.decode()
        assert (undo in page, page.count("/undo/")) == (True, 1)
        assert undo not in client_in("Operator").get("/admin/").content.decode()
        page = staff(*READER[1:], "undo_import").get("/admin/").content.decode()
        assert undo not in page  # flows are hidden from them

    def test_names_are_texts(self):
        import_items(flow(1, "Sync"), file_name=SCRIPT, user_name=SCRIPT)
        page = client_in("superuser").get("/admin/").content.decode()
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page

    def test_a_run_whose_process_died_is_told(self):
        import_items(flow(1, "Sync"))
        ImportRecord.objects.update(status=Status.RUNNING, finished_at=None)
        text = text_of(client_in("superuser").get("/admin/"))
        assert "has not ended, and nothing runs: its process has died" in text

    def test_its_own_page_tells_it_too(self):
        record = import_items(flow(1, "Sync")).record
        ImportRecord.objects.update(status=Status.RUNNING, finished_at=None)
        page = reverse("admin:imports_importrecord_change", args=[record.pk])
        told = "The process of this run has died. Nothing of it was written."
        browser = client_in("superuser")
        assert told in text_of(browser.get(page))
        with hold_import_lock(wait=0):
            text = text_of(browser.get(page))
        assert told not in text
        assert "This run has not ended." in text

    def test_one_that_has_just_ended_did_not_die(self, monkeypatch):
        """It ends, and lets its lock go, after its record was read as one under way."""
        record = import_items(flow(1, "Sync")).record
        ImportRecord.objects.update(status=Status.RUNNING, finished_at=None)

        def end_and_look() -> bool:
            ImportRecord.objects.update(status=Status.SUCCEEDED)
            return False

        monkeypatch.setattr("imports.uploads.progress.is_lock_held", end_and_look)
        page = reverse("admin:imports_importrecord_change", args=[record.pk])
        assert "has died" not in text_of(client_in("superuser").get(page))

    def test_a_run_has_its_progress(self, monkeypatch):
        user = User.objects.create_superuser("ada", "ada@example.org", "x")
        pending = uploads.stage(
            user,
            payload=export_file(flow(1, "Sync")),
            file_name="file.json",
            options=uploads.Options(mode=Mode.OVERWRITE, with_backup=False),
        )
        record = ImportRecord.objects.create(
            started_at=timezone.now(),
            status=Status.RUNNING,
            door=Door.ADMIN,
            user=user,
            user_name="ada",
            server="local",
            file_name="file.json",
            file_size=1,
            mode="overwrite",
            with_backup=False,
            override_locks=False,
            idempotency_key=f"upload-{pending.pk}",
        )
        monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
        monkeypatch.setattr("imports.runs.progress._EVERY", 0)
        with follow_progress(record, lambda _done, _total: None) as follow:
            follow(3, 10)
            assert (read_run_progress(record).done, read_run_progress(record).total) == (3, 10)
            text = text_of(logged_in(user).get("/admin/"))
        assert "Writing : 3 of 10 items" in text.replace("Writing:", "Writing :")
        assert "Your uploads that wait file.json" in text
        other = User.objects.create_superuser("eve", "eve@example.org", "x")
        assert "Your uploads that wait file.json" not in text_of(logged_in(other).get("/admin/"))


class TestSecrets:
    """Those without a value that something uses: the number, and the list behind it."""

    def test_only_used_ones_without_a_value_count(self):
        FlowFactory(nodes='[{"code":"secrets.IN_CODE"}]')
        FlowFactory(nodes='[{"code":"secrets.OF_DELETED"}]', is_deleted=True)
        ConnectionFactory(dev_value="{ token: secrets.OF_CONNECTION }")
        by_uuid = SecretFactory(name="BY_UUID")
        listed = SecretFactory(name="LISTED")
        FlowFactory(nodes=f'[{{"secretUuid":"{by_uuid.uuid}"}}]')
        FlowFactory(used_secrets=f'["{listed.uuid}"]')
        for name in ("IN_CODE", "OF_DELETED", "OF_CONNECTION", "UNUSED", "IN_COD"):
            SecretFactory(name=name)
        SecretFactory(name="FILLED", dev_value="CANARY-91")
        ConnectionFactory(dev_value="{ token: secrets.FILLED }")
        browser = client_in("Operator")
        words, urls = cards_of(browser.get("/admin/"))
        assert words["secrets"] == "Secrets without a value 4 that something uses"
        page = browser.get(urls["secrets"])
        shown = {row.name for row in page.context["cl"].result_list}
        assert shown == {"IN_CODE", "OF_CONNECTION", "BY_UUID", "LISTED"}
        stored = browser.get("/admin/flows/secret/?value=stored").context["cl"].result_list
        assert [row.name for row in stored] == ["FILLED"]
        none = browser.get("/admin/flows/secret/?value=none").context["cl"].result_list
        assert len(none) == Secret.objects.count() - 1


def test_the_queries_of_the_page_do_not_grow():
    browser = client_in("superuser")

    def count(number):
        import_items(
            *(flow(each, f"Flow {each}", nodes=[{"code": "secrets.KEY"}]) for each in number),
            *(secret(each, f"KEY_{each}") for each in number),
        )
        for row in Flow.objects.all():
            row.timeout = len(number)
            row.save()
        browser.get("/admin/")
        with CaptureQueriesContext(database) as queries:
            assert browser.get("/admin/").status_code == 200
        return len(queries)

    assert count(range(1, 3)) == count(range(1, 40))
