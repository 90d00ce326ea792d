"""The import pages of the admin: upload, preview, choices, one item, confirmation, progress."""

import json
import zlib
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flows.models import Connection, Flow, Secret
from flows.roles import ROLES, Role
from imports.models import ImportRecord, PendingImport, Status
from imports.runs import progress
from imports.uploads import pending as uploads
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import ALL_CODES, export_file, flow, import_items, secret, uuid_of
from tests.support.importing import connection as a_connection

pytestmark = pytest.mark.django_db

VALUE = "CANARY-pending-value"


SYNC = f'The flow "Sync" ({uuid_of("f", 1)})'


def user_in(role, name="ada"):
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=ROLES[role].group))
    return user


@pytest.fixture
def ada(client):
    """A client of an administrator."""
    client.force_login(user_in(Role.ADMIN))
    return client


def upload(client, payload, mode="overwrite", name="zexport.json", **options):
    file = SimpleUploadedFile(name, payload, content_type="application/json")
    return client.post(reverse("admin:imports_upload"), {"file": file, "mode": mode, **options})


def staged(client, *items, mode="overwrite", **options):
    """The upload that waits after these items were sent."""
    answer = upload(client, export_file(*items), mode, **options)
    assert answer.status_code == 302, answer.content.decode()
    return PendingImport.objects.latest("pk")


def page(client, name, pending, *args, **query):
    return client.get(reverse(f"admin:imports_{name}", args=[pending.pk, *args]), query)


def post(client, name, pending, data=None, query=""):
    url = reverse(f"admin:imports_{name}", args=[pending.pk])
    return client.post(url + query, data or {})


def confirm(client, pending, **data):
    """Press the button of the page, whose choices are those of the plan, with every tick."""
    pending.refresh_from_db()
    shown = get_token(pending, read_page(pending)) if pending.plan else ""
    return post(client, "confirm", pending, {"shown": shown, "accept": ALL_CODES, **data})


def shown(client, pending, **query):
    """Name and result of the items that the preview shows."""
    items = page(client, "preview", pending, **query).context["page"]
    return [(item.name, item.result.value) for item in items]


def told(client, answer):
    """The messages of the page that an answer leads to."""
    assert answer.status_code == 302, answer.content.decode()
    page = client.get(answer.url, follow=True)
    return [str(message) for message in page.context["messages"]]


class TestUpload:
    def test_a_file_is_kept_with_its_plan_and_nothing_is_written(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        payload = export_file(flow(1, "Sync", info="new"), flow(2, "More"))
        answer = upload(ada, payload, name="../../of dev.json")
        pending = PendingImport.objects.get()
        assert answer.url == reverse("admin:imports_preview", args=[pending.pk])
        assert uploads.make_request(pending).payload == payload
        assert pending.file_name == "of dev.json"
        assert shown(ada, pending) == [("Sync", "OVERWRITE"), ("More", "CREATE")]
        assert list(Flow.objects.values_list("info", flat=True)) == ["old"]
        assert not ImportRecord.objects.exists()

    def test_the_page_names_the_server_and_what_is_largest(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "production"}
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 5 * 1024 * 1024}
        text = ada.get(reverse("admin:imports_upload")).content.decode()
        assert '<span class="server-name">production</span>' in text
        assert "at most 5.0\xa0MB" in text

    @pytest.mark.parametrize(
        ("payload", "status", "why"),
        [
            (b"{", 400, "Nothing was imported of <bdi>zexport.json</bdi>."),
            (b'{"flows": [{"name": "x"}]}', 422, "flows[0].uuid"),
            (b"{}", 422, "This is no export"),
        ],
        ids=["no JSON", "no uuid", "no export"],
    )
    def test_a_bad_file_is_told_and_recorded_and_not_kept(self, ada, payload, status, why):
        answer = upload(ada, payload)
        assert answer.status_code == status
        assert why in answer.content.decode()
        assert not PendingImport.objects.exists()
        record = ImportRecord.objects.get()
        assert (record.status, record.door, record.user_name) == ("failed", "admin", "ada")

    def test_after_a_bad_file_the_options_are_still_those_that_were_chosen(self, ada):
        answer = upload(ada, b"{", "duplicate", no_backup="on")
        form = answer.context["form"]
        assert (form["mode"].value(), form["no_backup"].value()) == ("duplicate", True)

    def test_a_file_that_is_too_large_is_refused_while_it_comes(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 1000}
        answer = upload(ada, export_file(flow(1, "x" * 200, info="x" * 1000)))
        assert answer.status_code == 413
        assert "larger than the 1,000 bytes" in answer.content.decode()
        assert not PendingImport.objects.exists()

    def test_so_is_one_whose_length_says_so_before_it_is_read(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 1000}
        answer = upload(ada, export_file(flow(1, "x", info="x" * 100_000)))
        assert answer.status_code == 413

    def test_no_file_and_no_mode_are_told(self, ada):
        answer = ada.post(reverse("admin:imports_upload"), {"mode": "perhaps"})
        text = answer.content.decode()
        assert "Choose the export file to import." in text
        assert "perhaps is not one of the available choices" in text
        assert not PendingImport.objects.exists()

    def test_two_files_are_one_too_many(self, ada):
        files = [SimpleUploadedFile(f"{n}.json", b"{}") for n in range(2)]
        answer = ada.post(reverse("admin:imports_upload"), {"file": files, "mode": "skip"})
        assert "Choose one file, not 2." in answer.content.decode()

    def test_what_waits_is_listed_for_its_user_only(self, ada, client):
        staged(ada, flow(1, "Sync"))
        assert "zexport.json" in ada.get(reverse("admin:imports_upload")).content.decode()
        client.force_login(user_in(Role.ADMIN, "bob"))
        assert "zexport.json" not in client.get(reverse("admin:imports_upload")).content.decode()

    def test_a_post_without_a_token_is_refused(self, ada):
        ada.handler.enforce_csrf_checks = True
        assert upload(ada, export_file(flow(1, "Sync"))).status_code == 403
        assert not PendingImport.objects.exists()

    def test_after_a_day_it_is_not_there_and_the_next_upload_drops_it(self, ada):
        pending = staged(ada, flow(1, "Sync"))
        PendingImport.objects.update(created_at=timezone.now() - timedelta(hours=25))
        answer = page(ada, "preview", pending)
        assert told(ada, answer) == [
            "This upload is not there any more: it was imported or cancelled, or is more than a "
            "day old. See the records, or upload the file again."
        ]
        staged(ada, flow(2, "Other"))
        assert not PendingImport.objects.filter(pk=pending.pk).exists()


class TestPreview:
    def test_items_are_filtered_by_result_attention_and_text(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync")
        pending = staged(
            ada,
            flow(1, "Sync", info="new"),
            flow(2, "Send mail", nodes=[{"id": "1", "data": {"connectionUuid": uuid_of("c", 9)}}]),
            secret(1, "KEY"),
        )
        everything = [("Sync", "OVERWRITE"), ("Send mail", "CREATE"), ("KEY", "CREATE")]
        assert shown(ada, pending) == everything
        assert shown(ada, pending, result="OVERWRITE") == everything[:1]
        assert shown(ada, pending, show="attention") == everything[1:2]
        assert shown(ada, pending, show="refused") == []
        assert shown(ada, pending, q="send") == everything[1:2]
        assert shown(ada, pending, q=uuid_of("5", 1)) == everything[2:]
        assert shown(ada, pending, result="nonsense", show="nonsense") == everything

    def test_many_items_are_paged_with_the_same_number_of_queries(self, ada):
        def queries(pending):
            with CaptureQueriesContext(connection) as captured:
                assert page(ada, "preview", pending).status_code == 200
            return len(captured)

        few = staged(ada, flow(1, "F1"))
        many = staged(ada, *(flow(number, f"F{number}") for number in range(250)))
        assert queries(few) == queries(many)
        assert len(shown(ada, many)) == 100
        assert [name for name, _ in shown(ada, many, page=3)][-1] == "F249"

    def test_counts_are_told_by_kind_and_result(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), flow(2, "A"), secret(1, "KEY"))
        counts = page(ada, "preview", pending).context["counts"]
        assert {
            row["kind"].value: {str(k): n for k, n in row["results"] if n} for row in counts
        } == {
            "flow": {"OVERWRITE": 1, "CREATE": 1},
            "connection": {},
            "secret": {"CREATE": 1},
        }

    def test_a_retargeted_connection_is_a_problem_in_red(self, ada):
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", prod_value=VALUE)
        before = "{ host: 'old.example', key: secrets.KEY }"
        ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=before)
        after = before.replace("old", "new")
        pending = staged(ada, a_connection(1, "Mail", devValue=after))
        text = page(ada, "preview", pending).content.decode()
        assert (
            '<li class="problem">sends the stored secret to another destination: '
            "secrets.KEY -&gt; old.example -&gt; new.example</li>"
        ) in text
        assert VALUE not in text

    def test_it_is_its_users_own(self, ada, client):
        pending = staged(ada, flow(1, "Sync"))
        client.force_login(user_in(Role.ADMIN, "bob"))
        for name in ("preview", "progress"):
            assert page(client, name, pending).status_code in (302, 404)
        for name in ("decide", "again", "confirm", "cancel"):
            assert post(client, name, pending, {"mode": "skip"}).url == reverse(
                "admin:imports_upload"
            )
        assert PendingImport.objects.exists()
        assert not Flow.objects.exists()


class TestChoices:
    def test_a_mode_for_one_item_recomputes_the_plan(self, ada):
        for number in (1, 2):
            FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", info="old")
        pending = staged(ada, flow(1, "F1", info="new"), flow(2, "F2", info="new"))
        name = f"mode:flow:{uuid_of('f', 1)}"
        post(ada, "decide", pending, {"mode": "overwrite", name: "duplicate"})
        assert shown(ada, pending) == [("F1", "DUPLICATE"), ("F2", "OVERWRITE")]
        post(ada, "decide", pending, {"mode": "skip"})  # a page that does not show the first item
        assert shown(ada, pending, show="all") == [("F1", "DUPLICATE"), ("F2", "SKIP")]
        post(ada, "decide", pending, {"mode": "skip", name: ""})
        assert shown(ada, pending, show="all") == [("F1", "SKIP"), ("F2", "SKIP")]

    def test_a_mode_for_all_items_of_the_list(self, ada):
        for number in (1, 2, 3):
            FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", info="old")
        pending = staged(ada, *(flow(number, f"F{number}", info="new") for number in (1, 2, 3)))
        data = {"mode": "overwrite", "mode_of_all": "skip"}
        answer = post(ada, "decide", pending, data, "?q=F2")
        assert answer.url.endswith("?q=F2")
        assert [result for _, result in shown(ada, pending)] == ["OVERWRITE", "SKIP", "OVERWRITE"]
        data = {"mode": "overwrite", "mode_of_all": "import"}
        post(ada, "decide", pending, data)
        assert [result for _, result in shown(ada, pending)] == ["OVERWRITE"] * 3

    def test_an_ambiguous_name_offers_its_candidates(self, ada):
        for number in (1, 2):
            FlowFactory(uuid=uuid_of("a", number), name="Sync", info=str(number))
        pending = staged(ada, flow(1, "Sync", info="new"))
        preview = page(ada, "preview", pending)
        assert preview.context["plan"].refusal_code == "ambiguous-name"
        assert b"This cannot be imported as it stands" in preview.content
        assert b"import-confirm" not in preview.content.replace(b'id="import-progress"', b"")
        (item,) = preview.context["page"]
        assert {row.uuid for row in item.candidates} == {uuid_of("a", 1), uuid_of("a", 2)}
        name = f"solve:flow:{uuid_of('f', 1)}"
        post(ada, "decide", pending, {"mode": "overwrite", name: uuid_of("a", 2)})
        assert page(ada, "preview", pending).context["plan"].refusal == ""
        confirm(ada, pending)
        assert dict(Flow.objects.values_list("uuid", "info")) == {
            Flow.objects.get(info="1").uuid: "1",
            Flow.objects.get(info="new").uuid: "new",
        }
        assert str(Flow.objects.get(info="new").uuid) == uuid_of("a", 2)

    @pytest.mark.parametrize(
        ("target", "told_then"),
        [(uuid_of("a", 7), "unknown-target"), ("perhaps", "")],
        ids=["no row", "no uuid"],
    )
    def test_a_row_that_is_not_there_is_not_taken(self, ada, target, told_then):
        pending = staged(ada, flow(1, "Sync"))
        names = {f"solve:flow:{uuid_of('f', 1)}": target}
        answer = post(ada, "decide", pending, {"mode": "overwrite", **names})
        (message,) = told(ada, answer)
        assert message == (
            "Planned again with these choices."
            if told_then
            else "Choose out of the lists. Nothing was changed."
        )
        assert page(ada, "preview", pending).context["plan"].refusal_code == told_then

    def test_a_mode_that_is_none_changes_nothing(self, ada):
        pending = staged(ada, flow(1, "Sync"))
        answer = post(ada, "decide", pending, {"mode": "perhaps"})
        assert told(ada, answer) == ["Choose out of the lists. Nothing was changed."]
        assert PendingImport.objects.get().mode == "overwrite"


class TestItem:
    def test_what_an_overwrite_changes(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old", timeout=7)
        pending = staged(ada, flow(1, "Sync", info="new"))
        preview = page(ada, "pending_item", pending, "flow", uuid_of("f", 1)).context["preview"]
        assert (preview.before["info"], preview.after["info"]) == ("old", "new")
        assert preview.after["timeout"] == 7
        assert preview.is_same_plan

    def test_what_a_skipped_item_would_change(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), mode="skip")
        answer = page(ada, "pending_item", pending, "flow", uuid_of("f", 1))
        preview = answer.context["preview"]
        assert (preview.before["info"], preview.after["info"]) == ("old", "new")
        assert "If it were overwritten, this would change" in answer.content.decode()

    def test_what_is_new(self, ada):
        pending = staged(ada, flow(1, "Sync", info="new"))
        preview = page(ada, "pending_item", pending, "flow", uuid_of("f", 1)).context["preview"]
        assert preview.before is None
        assert (preview.after["info"], preview.after["timeout"]) == ("new", 60)

    def test_a_row_that_was_edited_meanwhile_is_told(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"))
        Flow.objects.update(info="edited")
        answer = page(ada, "pending_item", pending, "flow", uuid_of("f", 1))
        assert "was changed since this plan was made" in answer.content.decode()

    def test_a_credential_in_a_connection_is_masked(self, ada):
        before = "{ password: 'CANARY-one' }"
        ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=before)
        pending = staged(ada, a_connection(1, "Mail", devValue="{ password: 'CANARY-two' }"))
        answer = page(ada, "pending_item", pending, "connection", uuid_of("c", 1))
        assert answer.status_code == 200
        assert "CANARY" not in answer.content.decode()

    @pytest.mark.parametrize("kind", ["flow", "nonsense"])
    def test_an_item_that_the_file_does_not_have(self, ada, kind):
        pending = staged(ada, secret(1, "KEY"))
        assert page(ada, "pending_item", pending, kind, uuid_of("5", 1)).status_code == 404

    def test_it_needs_the_right_to_see_the_kind(self, client):
        bob = User.objects.create_user("bob", is_staff=True)
        bob.user_permissions.set(Permission.objects.filter(codename__in=["run_import", "add_flow"]))
        client.force_login(bob)
        pending = staged(client, flow(1, "Sync"))
        assert page(client, "pending_item", pending, "flow", uuid_of("f", 1)).status_code == 403


class TestConfirmation:
    def test_it_does_what_was_shown_and_leads_to_the_record(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), no_backup="on")
        answer = confirm(ada, pending)
        record = ImportRecord.objects.get()
        assert answer.url == reverse("admin:imports_importrecord_change", args=[record.pk])
        assert (record.status, record.door, record.user_name) == ("succeeded", "admin", "ada")
        assert Flow.objects.get().info == "new"
        pending.refresh_from_db()
        assert (pending.content, pending.plan, pending.record) == (None, None, record)
        assert page(ada, "preview", pending).url == answer.url
        assert confirm(ada, pending).url == answer.url
        assert ImportRecord.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_the_database_is_backed_up_first(self, admin_client, backup_directory):
        pending = staged(admin_client, flow(1, "Sync"))
        confirm(admin_client, pending)
        assert ImportRecord.objects.get().backup_path.startswith(str(backup_directory))

    def test_a_target_that_was_edited_makes_it_stale_and_is_shown(self, ada):
        for number in (1, 2):
            FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", info="old")
        items = [flow(number, f"F{number}", info="new") for number in (1, 2)]
        pending = staged(ada, *items, no_backup="on")
        Flow.objects.filter(name="F1").update(info="edited")
        answer = confirm(ada, pending)
        assert answer.url == reverse("admin:imports_preview", args=[pending.pk]) + "?show=news"
        assert told(ada, answer) == [
            "What would happen is no longer what was shown. Nothing was written. "
            "This is the new plan: look at it, and confirm it below."
        ]
        assert shown(ada, pending, show="news") == [("F1", "OVERWRITE")]
        (item,) = page(ada, "preview", pending, show="news").context["page"]
        assert item.difference == f'The flow "F1" ({uuid_of("f", 1)}) was edited since.'
        record = ImportRecord.objects.get()
        assert (record.status, record.code) == ("refused", "stale-plan")
        confirm(ada, pending)
        assert set(Flow.objects.values_list("info", flat=True)) == {"new"}

    @pytest.mark.parametrize(
        ("edit", "news"),
        [
            (lambda: Flow.objects.all().delete(), f"{SYNC} is not there any more."),
            (lambda: Flow.objects.update(info="new"), f"{SYNC} was edited since."),
            (lambda: Flow.objects.update(is_locked=True), f"{SYNC} was edited since."),
            (lambda: Flow.objects.update(name="Other"), f'{SYNC} is named "Other" now.'),
        ],
        ids=["deleted", "already the same", "locked", "renamed"],
    )
    def test_what_is_different_is_told(self, ada, edit, news):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), no_backup="on")
        edit()
        post(ada, "again", pending)
        (item,) = page(ada, "preview", pending).context["page"]
        assert item.difference == news

    def test_planning_again_tells_when_nothing_is_different(self, ada):
        pending = staged(ada, flow(1, "Sync"))
        answer = post(ada, "again", pending, query="?q=Sync")
        assert told(ada, answer) == ["Planned again: nothing is different."]

    def test_a_server_that_matters_asks_for_its_name(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "CONFIRM_SERVER_NAME": True}
        pending = staged(ada, flow(1, "Sync"), no_backup="on")
        assert 'name="server_name"' in page(ada, "preview", pending).content.decode()
        for typed in ({}, {"server_name": "Local"}, {"server_name": "other"}):
            answer = confirm(ada, pending, **typed)
            assert told(ada, answer) == [
                "Type the name of this server, local, to import into it. Nothing was written."
            ]
        assert not Flow.objects.exists()
        confirm(ada, pending, server_name="local")
        assert Flow.objects.exists()

    def test_a_refused_plan_cannot_be_confirmed(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", is_locked=True)
        pending = staged(ada, flow(1, "Sync", info="new"))
        answer = confirm(ada, pending)
        assert answer.status_code == 302
        assert Flow.objects.get().info == ""
        assert ImportRecord.objects.get().status == "refused"
        assert PendingImport.objects.get().content is not None

    def test_nothing_to_import_has_no_button(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync")
        pending = staged(ada, flow(1, "Sync"))
        text = page(ada, "preview", pending).content.decode()
        assert "There is nothing to import" in text
        assert 'id="import-confirm"' not in text

    def test_it_can_be_cancelled(self, ada):
        pending = staged(ada, flow(1, "Sync"))
        answer = post(ada, "cancel", pending)
        assert told(ada, answer) == ["The upload of zexport.json is cancelled."]
        assert not PendingImport.objects.exists()

    def test_an_import_whose_answer_was_lost_is_not_done_again(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync")
        pending = staged(ada, flow(1, "Sync"), mode="duplicate", no_backup="on")
        content, plan = bytes(pending.content), bytes(pending.plan)
        confirm(ada, pending)
        PendingImport.objects.update(content=content, plan=plan, record=None)
        answer = confirm(ada, pending)
        record = ImportRecord.objects.get()
        assert answer.url == reverse("admin:imports_importrecord_change", args=[record.pk])
        assert Flow.objects.count() == 2

    @pytest.mark.parametrize("name", ["decide", "again", "confirm", "cancel"])
    def test_a_get_changes_nothing(self, ada, name):
        pending = staged(ada, flow(1, "Sync"))
        assert page(ada, name, pending).status_code == 405
        assert PendingImport.objects.filter(record=None).exists()
        assert not Flow.objects.exists()


def running_record(pending):
    """The record of a run of the upload, as it stands until it ends."""
    return ImportRecord.objects.create(
        started_at=timezone.now(),
        status=Status.RUNNING,
        door="admin",
        user=pending.user,
        user_name="ada",
        server="local",
        file_size=1,
        mode="overwrite",
        with_backup=True,
        override_locks=False,
        idempotency_key=f"upload-{pending.pk}",
    )


class TestProgress:
    def test_a_running_import_is_told(self, ada, monkeypatch):
        monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
        cache.clear()  # a record of another test may have had the same number
        pending = staged(ada, flow(1, "Sync"))
        assert page(ada, "progress", pending).json()["running"] is False
        record = running_record(pending)
        assert page(ada, "progress", pending).json() == {
            "running": True,
            "phase": "Planning again and backing the database up",
            "done": 0,
            "total": 0,
            "bytes": 1,
            "mayCancel": False,
            "record": None,
        }
        assert "data-running" in page(ada, "preview", pending).content.decode()
        record.backup_path = "/somewhere"
        record.save()
        assert page(ada, "progress", pending).json()["phase"] == "Writing"

    def test_what_is_written_is_counted_on_the_way(self, ada, monkeypatch):
        seen = []
        pending = staged(
            ada, *(flow(number, f"F{number}") for number in range(450)), no_backup="on"
        )
        keeper = (
            progress._SharedKeeper if connection.vendor == "postgresql" else progress._CacheKeeper
        )
        monkeypatch.setattr(keeper, "keep", lambda _, done, total: seen.append((done, total)))
        confirm(ada, pending)
        assert seen == [(200, 450), (400, 450), (450, 450)]

    def test_a_run_that_died_is_not_running(self, ada):
        pending = staged(ada, flow(1, "Sync"), no_backup="on")
        running_record(pending)
        assert page(ada, "progress", pending).json()["running"] is False
        confirm(ada, pending)
        assert Flow.objects.exists()

    @pytest.mark.parametrize("name", ["decide", "again", "cancel"])
    def test_meanwhile_nothing_is_decided_and_nothing_cancelled(self, ada, monkeypatch, name):
        pending = staged(ada, flow(1, "Sync"))
        running_record(pending)
        monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
        answer = post(ada, name, pending, {"mode": "skip"})
        assert told(ada, answer) == [
            "This upload is being imported. Its record will say how it ended."
        ]
        assert PendingImport.objects.get().mode == "overwrite"

    def test_afterwards_the_record_is_told(self, ada):
        pending = staged(ada, flow(1, "Sync"), no_backup="on")
        confirm(ada, pending)
        record = ImportRecord.objects.get()
        told = page(ada, "progress", pending).json()
        assert told["record"] == reverse("admin:imports_importrecord_change", args=[record.pk])


class TestRights:
    @pytest.mark.parametrize(
        ("role", "upload_status"),
        [(Role.ADMIN, 200), (Role.EDITOR, 200), (Role.OPERATOR, 403), (Role.SERVICE_ACCOUNT, 302)],
    )
    def test_who_may_open_the_upload_page(self, client, role, upload_status):
        client.force_login(user_in(role))
        assert client.get(reverse("admin:imports_upload")).status_code == upload_status

    def test_nobody_else_may(self, client):
        assert client.get(reverse("admin:imports_upload")).status_code == 302
        client.force_login(User.objects.create_user("staff", is_staff=True))
        assert client.get(reverse("admin:imports_upload")).status_code == 403
        assert upload(client, export_file(flow(1, "Sync"))).status_code == 403

    def test_an_editor_is_not_offered_what_needs_a_right(self, client):
        client.force_login(user_in(Role.EDITOR))
        text = client.get(reverse("admin:imports_upload")).content.decode()
        assert "no_backup" not in text
        assert "override_locks" not in text
        pending = staged(client, flow(1, "Sync"), no_backup="on", override_locks="on")
        assert (pending.with_backup, pending.override_locks) == (True, False)

    def test_what_the_user_may_not_do_is_told_in_the_preview(self, client):
        bob = User.objects.create_user("bob", is_staff=True)
        rights = ["run_import", "add_flow", "view_flow", "view_importrecord"]
        bob.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client.force_login(bob)
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(client, flow(1, "Sync", info="new"), flow(2, "More"))
        plan = page(client, "preview", pending).context["plan"]
        assert plan.refusal_code == "not-permitted"
        assert confirm(client, pending).status_code == 403
        data = {"mode": "skip"}
        post(client, "decide", pending, data)
        assert page(client, "preview", pending).context["plan"].refusal == ""

    def test_the_button_is_there_for_who_may(self, client):
        client.force_login(user_in(Role.OPERATOR))
        records = reverse("admin:imports_importrecord_changelist")
        assert "Import flows" not in client.get(records).content.decode()
        client.force_login(user_in(Role.EDITOR, "eva"))
        assert reverse("admin:imports_upload") in client.get(records).content.decode()

    def test_a_right_that_was_taken_meanwhile_counts(self, client):
        ada = user_in(Role.ADMIN)
        client.force_login(ada)
        pending = staged(client, flow(1, "Sync"))
        ada.groups.clear()
        for name in ("decide", "again", "confirm", "cancel"):
            assert post(client, name, pending, {"mode": "skip"}).status_code == 403
        assert page(client, "preview", pending).status_code == 403
        assert not Flow.objects.exists()


def test_no_secret_value_of_the_server_or_the_file_is_shown_or_kept(ada):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value=VALUE)
    items = [secret(1, "KEY", description="new", devValue="CANARY-in-file"), secret(2, "OTHER")]
    pending = staged(ada, *items)
    pages = [
        page(ada, "preview", pending),
        page(ada, "pending_item", pending, "secret", uuid_of("5", 1)),
    ]
    for answer in pages:
        assert answer.status_code == 200
        assert "CANARY" not in answer.content.decode()
    assert "CANARY" not in json.dumps(zlib.decompress(bytes(pending.plan)).decode())
    confirm(ada, pending)
    assert Secret.objects.get(name="KEY").dev_value.reveal() == VALUE
    assert Connection.objects.count() == 0


class TestWhatThePageShowed:
    """Whatever happens in other windows and meanwhile, what was not shown is not done."""

    def test_a_page_whose_plan_was_made_anew_elsewhere_confirms_nothing(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), flow(2, "More"), mode="skip")
        old_page = get_token(pending, read_page(pending))
        post(ada, "decide", pending, {"mode": "overwrite"})
        answer = post(ada, "confirm", pending, {"shown": old_page})
        assert told(ada, answer)[1:] == [
            "The plan was made anew since it was shown. Nothing was written. Look at it again."
        ]
        assert Flow.objects.get().info == "old"

    @pytest.mark.parametrize("button", ["confirm", "decide", "again"])
    def test_its_choices_take_back_none_of_the_later_ones(self, button, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), flow(2, "More"), mode="overwrite")
        choice = f"mode:flow:{uuid_of('f', 1)}"
        earlier = {"shown": get_token(pending, read_page(pending)), "mode": "overwrite"}
        post(ada, "decide", pending, {**earlier, choice: "skip"})
        answer = post(ada, button, pending, {**earlier, choice: ""})
        assert told(ada, answer)[1:] == [
            "The plan was made anew since it was shown. Nothing was written. Look at it again."
        ]
        assert shown(ada, pending) == [("Sync", "SKIP"), ("More", "CREATE")]
        assert Flow.objects.get().info == "old"

    def test_so_does_one_that_showed_a_backup(self, ada):
        pending = staged(ada, flow(1, "Sync"))
        old_page = get_token(pending, read_page(pending))
        post(ada, "decide", pending, {"mode": "overwrite", "no_backup": "on"})
        post(ada, "confirm", pending, {"shown": old_page})
        assert not Flow.objects.exists()

    def test_choices_that_were_not_planned_yet_are_planned_and_not_done(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"), flow(2, "More"), no_backup="on")
        name = f"mode:flow:{uuid_of('f', 1)}"
        answer = confirm(ada, pending, mode="overwrite", no_backup="on", **{name: "skip"})
        assert told(ada, answer) == [
            "Some choices were not in the plan yet. Look at what they change, and confirm. "
            "Nothing was written."
        ]
        assert shown(ada, pending) == [("Sync", "SKIP"), ("More", "CREATE")]
        assert not Flow.objects.filter(name="More").exists()
        confirm(ada, pending, mode="overwrite", no_backup="on", **{name: "skip"})
        assert dict(Flow.objects.values_list("name", "info")) == {"Sync": "old", "More": ""}

    def test_turning_the_page_and_filtering_keep_the_choices(self, ada):
        for number in range(150):
            FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", info="old")
        pending = staged(ada, *(flow(number, f"F{number}", info="new") for number in range(150)))
        name = f"mode:flow:{uuid_of('f', 3)}"
        data = {"mode": "overwrite", name: "skip"}
        answer = post(ada, "decide", pending, {**data, "page": "2"}, "?q=F")
        assert answer.url.endswith("?q=F&page=2")
        assert ("F3", "SKIP") in shown(ada, pending)
        found = {"filter": "1", "result": "SKIP", "show": "", "q": "F3"}
        answer = post(ada, "decide", pending, {**data, **found}, "?q=F&page=2")
        assert answer.url.endswith("?result=SKIP&show=&q=F3")
        assert ada.get(answer.url).context["page"].paginator.count == 1

    def test_looking_at_the_server_again_keeps_the_choices(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        pending = staged(ada, flow(1, "Sync", info="new"))
        name = f"mode:flow:{uuid_of('f', 1)}"
        answer = post(ada, "again", pending, {"mode": "overwrite", name: "skip"})
        assert told(ada, answer) == ["Planned again with these choices."]
        assert shown(ada, pending) == [("Sync", "SKIP")]

    def test_beside_the_button_is_told_what_the_list_does_not_show(self, ada):
        pending = staged(ada, flow(1, "Sync"), flow(2, "More"), secret(1, "KEY"))
        text = " ".join(page(ada, "preview", pending, q="Sync").content.decode().split())
        assert '3 <span class="result create">CREATE</span>' in text
        assert "The list above shows 1 of 3 items." in text
        text = " ".join(page(ada, "preview", pending).content.decode().split())
        assert "The list above shows" not in text

    def test_a_second_confirmation_is_told_that_it_is_done(self, ada):
        pending = staged(ada, flow(1, "Sync"), no_backup="on")
        confirm(ada, pending)
        answer = confirm(ada, pending)
        assert told(ada, answer)[-1] == "This upload is imported already: see its record."

    def test_nothing_new_is_not_planned_again(self, ada, monkeypatch):
        pending = staged(ada, flow(1, "Sync"))
        monkeypatch.setattr("imports.uploads.planning.examine_import", None)
        answer = post(ada, "decide", pending, {"mode": "overwrite", "page": "1"})
        assert told(ada, answer) == []

    def test_an_edit_on_the_server_is_told_beside_a_choice(self, ada):
        for number in (1, 2):
            FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", info="old")
        pending = staged(ada, *(flow(number, f"F{number}", info="new") for number in (1, 2)))
        Flow.objects.filter(name="F1").update(info="edited")
        name = f"mode:flow:{uuid_of('f', 2)}"
        for mode in ("skip", "duplicate"):
            post(ada, "decide", pending, {"mode": "overwrite", name: mode})
            news = [item.difference for item in page(ada, "preview", pending).context["page"]]
            assert news == [f'The flow "F1" ({uuid_of("f", 1)}) was edited since.', ""]

    def test_a_copy_is_shown_as_it_will_be(self, ada):
        ConnectionFactory(
            uuid=uuid_of("c", 1), name="Mail", description="here", dev_value="{ host: 'x' }"
        )
        pending = staged(
            ada, a_connection(1, "Mail", type="SMTP"), mode="duplicate", no_backup="on"
        )
        preview = page(ada, "pending_item", pending, "connection", uuid_of("c", 1)).context[
            "preview"
        ]
        confirm(ada, pending)
        copy = Connection.objects.values().get(name="Mail (copy)")
        assert {name: copy[name] for name in preview.after} == {
            **preview.after,
            "name": copy["name"],
        }

    @pytest.mark.parametrize("name", ["again", "decide", "confirm", "pending_item"])
    def test_an_upload_that_is_cancelled_meanwhile_is_told(self, ada, monkeypatch, name):
        pending = staged(ada, flow(1, "Sync"))
        token = get_token(pending, read_page(pending))
        found = uploads.find_pending

        def find_and_lose(user, number):
            upload = found(user, number)
            PendingImport.objects.all().delete()
            return upload

        monkeypatch.setattr(uploads, "find_pending", find_and_lose)
        if name == "pending_item":
            answer = page(ada, name, pending, "flow", uuid_of("f", 1))
        else:
            answer = post(
                ada, name, pending, {"mode": "skip"} if name == "decide" else {"shown": token}
            )
        assert answer.url == reverse("admin:imports_upload")
        assert not Flow.objects.exists()
        assert not PendingImport.objects.exists()


class TestWhatIsKept:
    def test_a_value_in_the_file_is_not_kept_in_clear(self, ada):
        staged(ada, secret(1, "KEY", prodValue="CANARY-in-file"))
        content = bytes(PendingImport.objects.get().content)
        with pytest.raises(zlib.error):
            zlib.decompress(content)
        assert b"CANARY" not in content

    def test_after_a_change_of_keys_it_is_told_to_upload_again(self, ada, settings):
        pending = staged(ada, flow(1, "Sync"))
        settings.ZIGGY = {
            **settings.ZIGGY,
            "ENCRYPTION_KEYS": ["bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0="],
        }
        (message,) = told(ada, post(ada, "again", pending))
        assert message.startswith("The encryption keys of this server were changed.")

    def test_ten_uploads_may_wait(self, ada):
        for _ in range(10):
            staged(ada, flow(1, "Sync"))
        answer = upload(ada, export_file(flow(1, "Sync")))
        assert answer.status_code == 409
        assert "10 of your uploads wait already" in answer.content.decode()
        assert PendingImport.objects.count() == 10

    def test_another_import_drops_what_is_expired(self, ada):
        staged(ada, flow(1, "Sync"))
        PendingImport.objects.update(created_at=timezone.now() - timedelta(hours=25))
        import_items(flow(2, "Other"))
        assert not PendingImport.objects.exists()


def test_who_may_not_see_a_kind_is_shown_none_of_it(client):
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(codename__in=["run_import"]))
    client.force_login(bob)
    ConnectionFactory(uuid=uuid_of("c", 1), name="Internal name", description="CANARY")
    answer = upload(client, export_file(a_connection(1, "x", description="y")))
    assert answer.status_code == 403
    assert "Internal name" not in answer.content.decode()
    assert "CANARY" not in answer.content.decode()
    assert not PendingImport.objects.exists()


def test_a_length_that_is_no_number_is_refused_and_no_fault(ada):
    answer = ada.get(reverse("admin:imports_upload"), CONTENT_LENGTH="abc")
    assert answer.status_code == 400
