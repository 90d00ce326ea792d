"""Pruning through the command, the API and the admin: asked for, shown, done and recorded."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from flows.models import Flow
from imports.models import ImportRecord, PendingImport
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.pending import Options
from imports.uploads.planning import read_page
from tests.support.directories import DIRECTORY_ID, a_directory
from tests.support.importing import confirmed, export_file, flow, request_for, run_import, uuid_of
from tests.support.uploading import caller, upload

pytestmark = pytest.mark.django_db

STAYS = flow(1, "Stays")
BEFORE = a_directory(STAYS, flow(2, "Leaves"), flow(3, "Leaves too"))
NOW = a_directory(STAYS)
PRUNED = [
    {
        "kind": "flow",
        "uuid": uuid_of("f", number),
        "name": name,
        "result": "PRUNE",
        "matchMethod": "uuid",
        "isProcessed": False,
    }
    for number, name in ((2, "Leaves"), (3, "Leaves too"))
]
DONE = [{**each, "isProcessed": True} for each in PRUNED]
HINT = "2 rows that came from this directory are not in it any more"
ELSEWHERE = (
    "2 rows that the directory lacks stay: their last import was from elsewhere, and only what "
    "came from this directory is pruned. To prune them, first import the directory as it was when "
    "it had them; or delete them by hand."
)


@pytest.fixture(autouse=True)
def server():
    run_import(request_for(BEFORE))


def live():
    return sorted(Flow.objects.filter(is_deleted=False).values_list("name", flat=True))


class TestTheCommand:
    @pytest.fixture
    def run(self, tmp_path, run_command):
        path = tmp_path / "flows.json"
        path.write_bytes(NOW)

        def run(*options, mode=("--overwrite",)):
            given = ("-s", "local", *mode, "-fp", str(path), "--no-backup", *options)
            return run_command("flow_import", *given)

        return run

    def test_without_the_option_it_says_how_many_there_are(self, run):
        result = run("--dry-run")
        assert HINT in result.err
        data = json.loads(result.out)["data"]
        assert (data["prunable"], "pruned" in data) == (2, False)
        run("--no-prompt")
        assert live() == ["Leaves", "Leaves too", "Stays"]

    def test_with_it_the_rows_are_listed_counted_and_pruned(self, run):
        result = run("--dry-run", "--prune")
        assert f'- prune flow "Leaves" ({uuid_of("f", 2)})' in result.err
        assert "2 to prune" in result.err
        assert HINT not in result.err
        data = json.loads(result.out)["data"]
        assert (data["pruned"], "prunable" in data) == (PRUNED, False)
        assert len(data["flowsProcessed"]) == 1
        result = run("--no-prompt", "--prune", "--detailed-exitcode")
        assert result.code == 0
        assert json.loads(result.out)["data"]["pruned"] == DONE
        assert live() == ["Stays"]
        assert run("--no-prompt", "--prune", "--detailed-exitcode").code == 10

    def test_it_says_why_it_leaves_what_was_imported_from_elsewhere(self, run):
        run_import(request_for(export_file(flow(2, "Leaves"), flow(3, "Leaves too"))))
        result = run("--dry-run", "--prune")
        assert ELSEWHERE in " ".join(result.err.split())
        assert ELSEWHERE in run("--dry-run", "--prune", "--plan-format", "markdown").out
        assert "elsewhere" not in run("--dry-run").err
        run_import(request_for(BEFORE))  # what the sentence says to do
        result = run("--dry-run", "--prune")
        assert ("2 to prune" in result.err, "elsewhere" in result.err) == (True, False)

    def test_the_limit_is_told_and_can_be_raised(self, run):
        result = run("--no-prompt", "--prune", "--prune-limit", "1")
        assert (result.code, live()) == (3, ["Leaves", "Leaves too", "Stays"])
        assert "give --prune-limit 2" in result.err
        assert run("--no-prompt", "--prune", "--prune-limit", "2").code == 0

    @pytest.mark.parametrize(
        "options",
        [
            ("--prune-limit", "3"),
            ("--prune", "--only", "Stays"),
        ],
    )
    def test_options_that_contradict_each_other_are_refused(self, run, options):
        assert run("--dry-run", *options).code == 2

    def test_a_saved_plan_prunes_exactly_what_it_says(self, run, tmp_path):
        plan = str(tmp_path / "plan.json")
        assert run("--prune", "--plan-out", plan).code == 0
        kept = json.loads((tmp_path / "plan.json").read_text())
        assert (kept["prune"], "pruneLimit" in kept) == (True, False)
        apply = ("--apply-plan", plan)
        assert run("--no-prompt", "--prune", mode=apply).code == 2
        assert run("--no-prompt", mode=apply).code == 0
        assert live() == ["Stays"]
        assert run("--no-prompt", mode=apply).code == 5

    @pytest.mark.parametrize("column", ["info", "is_deleted", "is_locked"])
    def test_a_saved_plan_is_stale_where_a_pruned_row_changed(self, run, tmp_path, column):
        plan = str(tmp_path / "plan.json")
        run("--prune", "--plan-out", plan)
        Flow.objects.filter(name="Leaves").update(**{column: True})
        result = run("--no-prompt", mode=("--apply-plan", plan))
        assert result.code == 5
        assert "Leaves" in result.err

    def test_a_saved_plan_is_stale_where_one_more_would_be_pruned(self, run, tmp_path):
        plan = str(tmp_path / "plan.json")
        run("--prune", "--plan-out", plan)
        run_import(request_for(a_directory(STAYS, flow(4, "One more"))))
        result = run("--no-prompt", mode=("--apply-plan", plan))
        assert result.code == 5
        assert 'The flow "One more" would be pruned now' in result.err

    def test_a_saved_plan_without_pruning_has_no_word_of_it(self, run, tmp_path):
        run("--plan-out", str(tmp_path / "plan.json"))
        assert "prune" not in (tmp_path / "plan.json").read_text().lower()


class TestTheApi:
    @pytest.fixture
    def ada(self):
        return caller("ada", admin=True)

    def test_a_dry_run_says_how_many_there_are(self, ada):
        assert upload(ada, NOW, dryRun="true").json()["prunable"] == 2
        assert "prunable" not in upload(ada, export_file(STAYS), dryRun="true").json()

    def test_pruned_rows_are_listed_and_again_for_a_repeated_request(self, ada):
        assert upload(ada, NOW, dryRun="true", prune="true").json()["pruned"] == PRUNED
        answer = upload(ada, NOW, prune="true", key="once")
        assert (answer.status_code, answer.json()["pruned"]) == (201, DONE)
        assert upload(ada, NOW, prune="true", key="once").json() == answer.json()
        assert live() == ["Stays"]

    def test_the_limit_is_a_number(self, ada):
        answer = upload(ada, NOW, prune="true", pruneLimit="1")
        assert (answer.status_code, answer.json()["code"]) == (422, "prune-limit")
        answer = upload(ada, NOW, prune="true", pruneLimit="1.5")
        assert [issue["path"] for issue in answer.json()["issues"]] == ["pruneLimit"]

    def test_the_record_tells_of_it(self, ada):
        upload(ada, NOW, prune="true")
        record = ImportRecord.objects.order_by("-pk").first()
        body = ada.get(f"/api/imports/{record.pk}").json()
        assert (body["directoryId"], body["prune"]) == (DIRECTORY_ID, True)
        assert body["counts"] == {"UNCHANGED": 1, "PRUNE": 2}
        results = [item["result"] for item in body["items"]["results"]]
        assert sorted(results) == ["PRUNE", "PRUNE", "UNCHANGED"]


class TestTheAdmin:
    @pytest.fixture
    def ada(self, client):
        client.user = get_user_model().objects.create_superuser("ada", password=None)
        client.force_login(client.user)
        return client

    def stage(self, ada, **options):
        chosen = Options(mode=Mode.OVERWRITE, **options)
        return uploads.stage(ada.user, payload=NOW, file_name="a.json", options=chosen)

    def page(self, ada, pending, query=""):
        return ada.get(reverse("admin:imports_preview", args=[pending.pk]) + query)

    def test_the_preview_says_how_many_there_are_and_has_a_tick(self, ada):
        text = self.page(ada, self.stage(ada)).content.decode()
        assert HINT in text
        assert 'name="prune"' in text

    def test_the_preview_says_why_it_leaves_what_was_imported_from_elsewhere(self, ada):
        run_import(request_for(export_file(flow(2, "Leaves"), flow(3, "Leaves too"))))
        assert ELSEWHERE in self.page(ada, self.stage(ada, prune=True)).content.decode()
        assert "elsewhere" not in self.page(ada, self.stage(ada)).content.decode()

    def test_the_tick_is_only_for_those_who_have_the_right(self, client):
        user = get_user_model().objects.create_user("ed", password=None, is_staff=True)
        rights = ["run_import", "view_flow", "view_connection", "view_secret"]
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client.force_login(user)
        client.user = user
        text = self.page(client, self.stage(client)).content.decode()
        assert HINT in text
        assert 'name="prune"' not in text
        data = {"mode": "overwrite", "prune": "on"}
        pending = PendingImport.objects.get()
        client.post(reverse("admin:imports_decide", args=[pending.pk]), data)
        assert not PendingImport.objects.get().prune

    def test_ticked_the_rows_are_a_group_of_their_own_and_are_pruned(self, ada):
        pending = self.stage(ada)
        data = {"mode": "overwrite", "prune": "on"}
        ada.post(reverse("admin:imports_decide", args=[pending.pk]), data)
        answer = self.page(ada, pending)
        groups = [
            (group.title, [one.item.name for one in group.items])
            for group in answer.context["groups"]
        ]
        assert groups == [("To prune: not in the directory any more", ["Leaves", "Leaves too"])]
        assert HINT not in answer.content.decode()
        pending.refresh_from_db()
        assert [item.difference for item in read_page(pending).items] == ["", "", ""]
        record = confirmed(pending)
        assert live() == ["Stays"]
        text = ada.get(reverse("admin:imports_importrecord_change", args=[record.pk]))
        assert "Pruning what left the directory" in text.content.decode()
        assert "pruned" in text.content.decode()
        assert DIRECTORY_ID in text.content.decode()

    def test_the_page_of_a_pruned_row_shows_what_it_is(self, ada):
        pending = self.stage(ada, prune=True)
        answer = ada.get(
            reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 2)])
        )
        assert answer.status_code == 200
        assert "it is soft-deleted" in answer.content.decode()
        assert answer.context["preview"].is_same_plan

    def test_the_page_of_an_item_is_there_beside_pruned_rows(self, ada):
        pending = self.stage(ada, prune=True)
        answer = ada.get(
            reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
        )
        assert answer.status_code == 200

    def test_nothing_is_decided_of_a_pruned_row(self, ada):
        pending = self.stage(ada, prune=True)
        text = self.page(ada, pending).content.decode()
        assert f'name="mode:flow:{uuid_of("f", 2)}"' not in text
        data = {"mode": "overwrite", "prune": "on", "mode_of_all": "skip"}
        ada.post(reverse("admin:imports_decide", args=[pending.pk]) + "?show=all", data)
        pending.refresh_from_db()
        assert [each["uuid"] for each in pending.decisions] == [uuid_of("f", 1)]

    def test_what_stands_against_a_pruned_row_is_told_at_the_row(self, ada):
        Flow.objects.filter(name="Leaves").update(info="edited here")
        pending = self.stage(ada, prune=True)
        text = self.page(ada, pending).content.decode()
        assert "was edited here since import" in text
        assert "1 problem left" in text

    def test_the_history_of_the_row_has_the_word(self, ada):
        confirmed(self.stage(ada, prune=True))
        row = Flow.objects.get(name="Leaves")
        text = ada.get(reverse("admin:flows_flow_imports", args=[row.pk])).content.decode()
        assert "pruned" in text
