"""Kept plans through the API: what is applied is exactly what the plan says, or nothing."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from flows.models import Connection, Flow, Secret
from imports.database.backup import Backup
from imports.expiry import drop_expired
from imports.models import ImportRecord, PendingImport
from imports.uploads import keeping
from imports.uploads import pending as uploads
from tests.support.digest import all_rows, data_rows
from tests.support.directories import split_document, zip_files
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, secret, uuid_of
from tests.support.keeping import apply, keep, kept
from tests.support.uploading import caller, client_of, upload

pytestmark = pytest.mark.django_db

HERE = "{ host: 'a.example.com', token: secrets.KEY }"
ELSEWHERE = "{ host: 'b.example.com', token: secrets.KEY }"
NEWER = export_file(flow(1, "Orders", timeout=2), flow(2, "New"))


@pytest.fixture(autouse=True)
def quick_backups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backup = Backup(path=tmp_path / "copy", size=1, sha256="0" * 64)
    monkeypatch.setattr("imports.runs.carrying_out.make_backup", lambda **_: backup)


@pytest.fixture
def orders() -> Flow:
    return FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=1)


@pytest.fixture
def planner() -> Any:
    return caller("ci", role="Planner")


@pytest.fixture
def editor() -> Any:
    return caller("ed", role="Editor")


@pytest.fixture
def ada() -> Any:
    return caller("ada", admin=True)


def rows() -> Any:
    return {name: found for name, found in data_rows().items() if name != "imports_pendingimport"}


class TestKeeping:
    def test_a_plan_is_kept_as_a_dry_run_answers_it(
        self, orders: Flow, planner: Any, ada: Any
    ) -> None:
        dry_run = upload(ada, NEWER, dryRun="true").json()
        before = rows()
        plan = kept(
            planner,
            NEWER,
            key="repo#42",
            link="https://git.example.com/repo/pull/42",
            title="Shorter <b>timeout</b>",
            commit="1f0c2b9",
        )
        assert {name: plan[name] for name in dry_run} == dry_run
        assert plan["key"] == "repo#42"
        assert plan["link"] == "https://git.example.com/repo/pull/42"
        assert (plan["title"], plan["commit"]) == ("Shorter <b>timeout</b>", "1f0c2b9")
        assert (plan["madeBy"], plan["record"], plan["refusal"]) == ("ci", None, None)
        assert plan["counts"] == {"CREATE": 1, "OVERWRITE": 1}
        assert plan["url"].endswith(f"/admin/imports/importrecord/import/{plan['id']}/")
        assert rows() == before
        assert not ImportRecord.objects.exists()

    def test_it_is_answered_as_it_is_kept_whatever_happens_to_the_rows(
        self, orders: Flow, planner: Any
    ) -> None:
        plan = kept(planner, NEWER)
        Flow.objects.update(timeout=77)
        before = all_rows()
        answer = planner.get(f"/api/plans/{plan['id']}")
        assert answer.json() == plan
        assert all_rows() == before

    def test_the_file_is_stored_encrypted(self, planner: Any) -> None:
        kept(planner, export_file(flow(1, "Findable-by-nobody")))
        assert b"Findable-by-nobody" not in bytes(PendingImport.objects.get().content)

    @pytest.mark.parametrize("role", ["Admin", "Editor", "Service Account", "Planner"])
    def test_every_role_that_imports_may_plan(self, role: str) -> None:
        assert keep(caller("x", role=role), NEWER).status_code == 201

    def test_who_may_not_plan_keeps_none(self) -> None:
        answer = keep(caller("op", role="Operator"), NEWER)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")
        assert "imports.plan_import" in answer.json()["issues"][0]["message"]
        assert not PendingImport.objects.exists()
        assert not ImportRecord.objects.exists()

    def test_a_file_that_cannot_be_read_leaves_no_plan_and_no_record(self, planner: Any) -> None:
        answer = keep(planner, b"no JSON")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-json")
        assert not PendingImport.objects.exists()
        assert not ImportRecord.objects.exists()

    def test_a_plan_that_is_refused_is_kept_with_its_refusal(
        self, planner: Any, editor: Any
    ) -> None:
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", is_locked=True)
        plan = kept(planner, NEWER)
        assert plan["refusal"]["code"] == plan["refusalCode"] == "locked"
        answer = apply(editor, plan)
        assert (answer.status_code, answer.json()["code"]) == (422, "locked")
        assert Flow.objects.count() == 1

    def test_what_two_rows_could_be_is_kept_and_applied_once_it_is_decided(
        self, planner: Any, editor: Any
    ) -> None:
        for number in (7, 8):
            FlowFactory(uuid=uuid_of("f", number), name="Orders", timeout=1)
        plan = kept(planner, NEWER)
        assert plan["refusal"]["code"] == "ambiguous-name"
        assert apply(editor, plan).status_code == 422
        decided = f'{{"decisions": {{"{uuid_of("f", 1)}": "{uuid_of("f", 8)}"}}}}'
        plan = kept(planner, NEWER, decisions=decided)
        assert plan["refusal"] is None
        assert apply(editor, plan).status_code == 201
        assert Flow.objects.get(uuid=uuid_of("f", 8)).timeout == 2
        assert Flow.objects.get(uuid=uuid_of("f", 7)).timeout == 1

    def test_only_these_are_planned_and_applied(self, orders: Flow, planner: Any, ada: Any) -> None:
        plan = kept(planner, NEWER, only="New")
        assert plan["counts"] == {"CREATE": 1, "SKIP": 1}
        assert apply(ada, plan).status_code == 201
        assert Flow.objects.get(name="Orders").timeout == 1

    def test_an_archive_of_a_directory_is_planned_kept_and_applied(
        self, orders: Flow, planner: Any, editor: Any
    ) -> None:
        archive = zip_files(split_document(json.loads(NEWER)))
        plan = kept(planner, archive)
        assert plan["counts"] == kept(planner, NEWER)["counts"]
        assert apply(editor, plan).status_code == 201
        assert Flow.objects.get(uuid=uuid_of("f", 1)).timeout == 2

    @pytest.mark.parametrize(
        "link",
        [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "//git.example.com",
            "https:git.example.com",
            "https://",
            "ftp://git.example.com",
            "https://user:word@git.example.com",
            "https://git.example.com/\\..",
            "https://git.example.com/a b",
            'https://git.example.com/"onmouseover=',
            "https://git.example.com:port/",
            "/admin/",
        ],
    )
    def test_a_link_leads_to_the_web_and_nowhere_else(self, planner: Any, link: str) -> None:
        answer = keep(planner, NEWER, link=link)
        assert answer.status_code == 422
        assert [issue["path"] for issue in answer.json()["issues"]] == ["link"]
        assert not PendingImport.objects.exists()

    @pytest.mark.parametrize("part", ["key", "title", "commit"])
    def test_texts_have_a_length_and_nothing_that_is_not_seen(
        self, planner: Any, part: str
    ) -> None:
        for text in ("x" * 3000, "a\u202eb", "a\nb"):
            answer = keep(planner, NEWER, **{part: text})
            assert answer.status_code == 422
            assert [issue["path"] for issue in answer.json()["issues"]] == [part]

    @pytest.mark.parametrize("part", ["dryRun", "noBackup", "withPlan", "misspelt"])
    def test_parts_that_a_plan_has_not_are_refused(self, planner: Any, part: str) -> None:
        answer = keep(planner, NEWER, **{part: "true"})
        assert (answer.status_code, answer.json()["issues"][0]["path"]) == (422, part)

    def test_a_repeated_request_is_answered_as_the_first_time(self, planner: Any) -> None:
        first = kept(planner, NEWER, idempotency="a-key")
        assert kept(planner, NEWER, idempotency="a-key") == first
        assert PendingImport.objects.count() == 1
        others: list[tuple[bytes, dict[str, Any]]] = [
            (export_file(flow(3, "Other")), {}),
            (b"no JSON", {}),
            (NEWER, {"key": "repo#42"}),
            (NEWER, {"only": "New"}),
        ]
        for file, parts in others:
            other = keep(planner, file, idempotency="a-key", **parts)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency-mismatch")

    def test_a_refused_request_leaves_its_idempotency_key_free(self, planner: Any) -> None:
        assert keep(planner, b"no JSON", idempotency="a-key").status_code == 400
        assert kept(planner, NEWER, idempotency="a-key")["counts"] == {"CREATE": 2}

    def test_too_many_plans_of_a_user_are_refused(
        self, planner: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping, "MOST_KEPT", 2)
        kept(planner, NEWER, key="a")
        kept(planner, NEWER, key="b")
        answer = keep(planner, NEWER)
        assert (answer.status_code, answer.json()["code"]) == (409, "too-many-plans")
        assert keep(planner, NEWER, key="a").status_code == 201

    def test_kept_plans_are_none_of_the_uploads_that_may_wait(self, ada: Any) -> None:
        for _ in range(uploads.MOST_WAITING + 1):
            kept(ada, NEWER)
        user = User.objects.get(username="ada")
        assert uploads.list_waiting_uploads(user) == []


class TestKeys:
    def test_the_same_key_replaces_the_former_plan(self, planner: Any) -> None:
        former = kept(planner, NEWER, key="repo#1")
        plan = kept(planner, export_file(flow(3, "Third")), key="repo#1")
        assert planner.get(f"/api/plans/{former['id']}").status_code == 404
        assert planner.get("/api/plans?key=repo%231").json()["results"][0]["id"] == plan["id"]
        assert PendingImport.objects.count() == 1

    def test_without_a_key_and_with_another_one_nothing_is_replaced(self, planner: Any) -> None:
        for fields in ({}, {}, {"key": "a"}, {"key": "b"}):
            kept(planner, NEWER, **fields)
        assert PendingImport.objects.count() == 4

    def test_a_plan_that_cannot_be_made_replaces_nothing(self, planner: Any) -> None:
        former = kept(planner, NEWER, key="a")
        assert keep(planner, b"{", key="a").status_code == 400
        assert planner.get(f"/api/plans/{former['id']}").json() == former

    def test_a_key_is_its_users_own(self, planner: Any, editor: Any) -> None:
        plan = kept(planner, NEWER, key="a")
        answer = keep(editor, NEWER, key="a")
        assert (answer.status_code, answer.json()["code"]) == (409, "key-taken")
        planner.delete(f"/api/plans/{plan['id']}")
        assert keep(editor, NEWER, key="a").status_code == 201


class TestApplying:
    def test_exactly_the_plan_is_applied_and_the_record_says_whose(
        self, orders: Flow, planner: Any, editor: Any
    ) -> None:
        link = "https://git.example.com/repo/pull/42"
        plan = kept(planner, NEWER, key="repo#42", link=link, title="T", commit="c0ffee")
        answer = apply(editor, plan, token=plan["token"])
        assert answer.status_code == 201
        assert [item["result"] for item in answer.json()["flowsProcessed"]] == [
            "OVERWRITE", "CREATE",
        ]  # fmt: skip
        assert {each.name: each.timeout for each in Flow.objects.all()}["Orders"] == 2
        record = editor.get(answer["Location"]).json()
        assert (record["user"], record["door"], record["status"]) == ("ed", "api", "succeeded")
        assert record["origin"] == {
            "plan": plan["id"], "key": "repo#42", "link": link, "title": "T", "commit": "c0ffee",
        }  # fmt: skip
        assert record["plan"]["createdBy"] == "ci"
        assert editor.get(f"/api/plans/{plan['id']}").json()["record"] == record["id"]
        assert PendingImport.objects.get().content is None

    def test_applied_again_it_answers_the_same_record(
        self, orders: Flow, planner: Any, editor: Any, ada: Any
    ) -> None:
        plan = kept(planner, NEWER)
        first = apply(editor, plan)
        Flow.objects.update(timeout=5)
        before = all_rows()
        for client, headers in ((editor, {}), (ada, {}), (ada, {"HTTP_IDEMPOTENCY_KEY": "k"})):
            again = client.post(f"/api/plans/{plan['id']}/apply", {}, format="json", **headers)
            assert (again.status_code, again["Location"]) == (201, first["Location"])
        assert all_rows(without={"accounts_apitoken"}) == {
            table: rows for table, rows in before.items() if table != "accounts_apitoken"
        }

    def test_so_it_does_where_the_process_died_before_the_plan_knew(
        self, orders: Flow, planner: Any, editor: Any
    ) -> None:
        plan = kept(planner, NEWER)
        content = PendingImport.objects.get().content
        first = apply(editor, plan)
        PendingImport.objects.update(record=None, content=content)
        again = apply(editor, plan)
        assert (again.status_code, again["Location"]) == (201, first["Location"])
        assert ImportRecord.objects.count() == 1
        assert PendingImport.objects.get().content is None

    @pytest.mark.parametrize("change", ["edited", "deleted", "renamed", "namesake", "locked"])
    def test_where_a_row_was_changed_between_nothing_is_applied(
        self, orders: Flow, planner: Any, editor: Any, change: str
    ) -> None:
        plan = kept(planner, NEWER)
        if change == "edited":
            Flow.objects.update(info="by hand")
        elif change == "deleted":
            Flow.objects.update(is_deleted=True)
        elif change == "renamed":
            Flow.objects.update(name="Other")
        elif change == "namesake":
            FlowFactory(uuid=uuid_of("f", 2), name="Came between")
        else:
            Flow.objects.update(is_locked=True)
        before = data_rows()
        answer = apply(editor, plan)
        assert (answer.status_code, answer.json()["code"]) == (409, "stale-plan")
        assert answer.json()["issues"]
        assert data_rows() == before
        assert ImportRecord.objects.get().origin["plan"] == plan["id"]
        assert editor.get(f"/api/plans/{plan['id']}").json() == plan

    def test_a_plan_that_was_decided_otherwise_is_not_the_one_of_the_token(
        self, orders: Flow, planner: Any, editor: Any
    ) -> None:
        plan = kept(planner, NEWER)
        pending = uploads.find_pending(User.objects.get(username="ci"), plan["id"])
        uploads.decide(pending, uploads.Options(mode="skip", with_backup=False), {})
        before = data_rows()
        answer = apply(editor, plan, token=plan["token"])
        assert (answer.status_code, answer.json()["code"]) == (409, "other-plan")
        assert data_rows() == before
        now = editor.get(f"/api/plans/{plan['id']}").json()
        assert now["token"] != plan["token"]
        assert apply(editor, plan, token=now["token"]).status_code == 201
        assert Flow.objects.get(name="Orders").timeout == 1

    def test_a_plan_that_was_deleted_is_applied_by_nobody(
        self, orders: Flow, planner: Any, editor: Any
    ) -> None:
        plan = kept(planner, NEWER)
        assert planner.delete(f"/api/plans/{plan['id']}").status_code == 204
        before = all_rows(without={"accounts_apitoken"})
        answer = apply(editor, plan)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert all_rows(without={"accounts_apitoken"}) == before

    def test_a_warning_is_acknowledged_by_who_applies_or_by_who_planned_and_may_import(
        self, planner: Any, editor: Any, ada: Any
    ) -> None:
        ConnectionFactory(uuid=uuid_of("c", 1), name="Twilio", dev_value=HERE)
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="a value")
        payload = export_file(connection(1, "Twilio", devValue=ELSEWHERE))
        code = "secret-to-new-destination"
        plan = kept(planner, payload)
        assert plan["needsAcknowledgement"] == [{"code": code, "items": 1}]
        answer = apply(editor, plan)
        assert (answer.status_code, answer.json()["code"]) == (422, "needs-acknowledgement")
        assert Connection.objects.get().dev_value == HERE
        refused = keep(planner, payload, accept=code)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-permitted")
        assert "whoever applies the plan is asked" in refused.json()["message"]
        accepted = kept(ada, payload, accept=code)
        assert "needsAcknowledgement" not in accepted
        answer = apply(editor, accepted)
        assert answer.status_code == 201
        assert answer.json()["acknowledged"] == [{"code": code, "by": "ada", "items": 1}]
        Connection.objects.update(dev_value=HERE)
        plan = kept(planner, payload)
        answer = apply(editor, plan, accept=[code])
        assert answer.json()["acknowledged"] == [{"code": code, "by": "ed", "items": 1}]

    def test_a_destination_that_came_between_makes_it_stale(
        self, planner: Any, editor: Any
    ) -> None:
        ConnectionFactory(uuid=uuid_of("c", 1), name="Twilio", dev_value=HERE)
        SecretFactory(uuid=uuid_of("5", 1), name="KEY")  # without a value: nothing is sent
        payload = export_file(connection(1, "Twilio", devValue=ELSEWHERE))
        plan = kept(planner, payload)
        stored = Secret.objects.get()
        stored.dev_value = "a value"
        stored.save()
        answer = apply(editor, plan, accept=["secret-to-new-destination"])
        assert (answer.status_code, answer.json()["code"]) in {
            (409, "stale-plan"), (422, "needs-acknowledgement"),
        }  # fmt: skip
        assert Connection.objects.get().dev_value == HERE

    @pytest.mark.parametrize("lacking", ["run_import", "overwrite_items", "change_flow"])
    def test_who_lacks_a_right_of_the_import_applies_nothing(
        self, orders: Flow, planner: Any, lacking: str
    ) -> None:
        rights = {
            *("run_import", "overwrite_items", "add_flow", "change_flow", "view_flow"),
            "view_importrecord",
        }
        plan = kept(planner, NEWER)
        client = caller("x", may=tuple(rights - {lacking}))
        before = data_rows()
        answer = apply(client, plan)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")
        assert data_rows() == before

    def test_an_import_whose_rights_are_all_there_needs_no_right_to_plan(
        self, orders: Flow, planner: Any
    ) -> None:
        plan = kept(planner, NEWER)
        rights = ("run_import", "overwrite_items", "add_flow", "change_flow", "view_flow")
        client = caller("x", may=(*rights, "view_importrecord"))
        assert apply(client, plan).status_code == 201

    def test_locks_are_overridden_only_by_who_may(
        self, planner: Any, editor: Any, ada: Any
    ) -> None:
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=1, is_locked=True)
        plan = kept(planner, NEWER, overrideLocks="true")
        assert plan["refusal"] is None
        assert apply(editor, plan).status_code == 403
        assert apply(ada, plan).status_code == 201


class TestSight:
    KINDS = (
        ("flow", flow(1, "SEEN_BY_FEW")),
        ("connection", connection(1, "SEEN_BY_FEW")),
        ("secret", secret(1, "SEEN_BY_FEW")),
    )

    @pytest.mark.parametrize(("kind", "item"), KINDS)
    def test_nobody_sees_a_plan_of_kinds_they_may_not_see(
        self, ada: Any, kind: str, item: dict[str, Any]
    ) -> None:
        plan = kept(ada, export_file(item), key="a")
        may = {"view_importrecord", "plan_import", "run_import"}
        others = {f"view_{each}" for each, _ in self.KINDS if each != kind}
        for name, rights in {"none": may, "others": may | others}.items():
            client = caller(name, may=tuple(rights))
            address = f"/api/plans/{plan['id']}"
            for answer in (
                client.get(address),
                client.get(address, HTTP_ACCEPT="text/markdown"),
                client.delete(address),
                apply(client, plan),
            ):
                assert answer.status_code == 403
                assert b"SEEN_BY_FEW" not in answer.content
            assert client.get("/api/plans").json()["results"] == []
            assert client.get("/api/plans?key=a").json()["count"] == 0
        seeing = caller("seeing", may=("view_importrecord", f"view_{kind}"))
        assert seeing.get(address).json()["id"] == plan["id"]
        assert seeing.get("/api/plans").json()["count"] == 1

    def test_nor_one_that_says_what_of_these_kinds_is_missing(self, ada: Any) -> None:
        uses = connection(1, "Twilio", devValue="{ token: secrets.NOWHERE }")
        plan = kept(ada, export_file(uses))
        assert "NOWHERE" in str(plan["connectionsProcessed"])
        client = caller("x", may=("view_importrecord", "view_connection"))
        assert client.get(f"/api/plans/{plan['id']}").status_code == 403

    def test_nobody_sees_any_without_the_right_to_see_records(self, ada: Any) -> None:
        plan = kept(ada, NEWER)
        client = caller("x", may=("view_flow", "plan_import", "run_import"))
        for address in ("/api/plans", f"/api/plans/{plan['id']}"):
            assert client.get(address).status_code == 403

    def test_a_plan_describes_no_rows_that_its_maker_may_not_see(self, orders: Flow) -> None:
        client = caller("x", may=("plan_import",))
        answer = keep(client, NEWER)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")
        assert "flows.view_flow" in answer.json()["issues"][0]["message"]
        assert not PendingImport.objects.exists()


class TestExpiry:
    def test_a_plan_is_kept_for_as_long_as_the_setting_says(
        self, planner: Any, settings: Any
    ) -> None:
        settings.ZIGGY = {**settings.ZIGGY, "KEPT_PLAN_DAYS": 3}
        kept(planner, NEWER)
        pending = PendingImport.objects.get()
        assert pending.expires_at == pending.created_at + timedelta(days=3)
        PendingImport.objects.update(created_at=timezone.now() - timedelta(days=2))
        drop_expired()
        assert PendingImport.objects.exists()

    def test_one_that_has_expired_is_gone_from_every_door(
        self, orders: Flow, planner: Any, ada: Any
    ) -> None:
        plan = kept(planner, NEWER, key="a")
        past = timezone.now() - timedelta(seconds=1)
        PendingImport.objects.update(expires_at=past)
        address = f"/api/plans/{plan['id']}"
        assert ada.get("/api/plans").json()["count"] == 0
        assert ada.get(address).status_code == 404
        assert ada.delete(address).status_code == 404
        assert apply(ada, plan).status_code == 404
        assert Flow.objects.get().timeout == 1
        assert keep(ada, NEWER, key="a").status_code == 201  # the key is free again
        assert PendingImport.objects.count() == 1
        PendingImport.objects.update(expires_at=past)
        drop_expired()
        assert not PendingImport.objects.exists()


class TestAnswers:
    def test_the_list_has_the_newest_first_in_pages(self, planner: Any) -> None:
        plans = [kept(planner, NEWER) for _ in range(3)]
        first = planner.get("/api/plans?pageSize=2").json()
        assert [plan["id"] for plan in first["results"]] == [plans[2]["id"], plans[1]["id"]]
        assert first["count"] == 3
        assert planner.get(first["next"]).json()["results"][0]["id"] == plans[0]["id"]
        listed = set(first["results"][0])
        assert listed == set(plans[0]) - {
            "token", "refusal", "flowsProcessed", "connectionsProcessed", "secretsProcessed",
        }  # fmt: skip

    def test_in_markdown_for_who_asks_for_it_and_errors_in_json(self, planner: Any) -> None:
        plan = kept(planner, NEWER)
        address = f"/api/plans/{plan['id']}"
        answer = planner.get(address, HTTP_ACCEPT="text/markdown")
        assert answer["Content-Type"] == "text/markdown; charset=utf-8"
        marker, _, text = answer.content.decode().partition("\n")
        assert marker.startswith("<!-- ziggy-plan ")
        assert "to create" in text
        assert planner.get(address, HTTP_ACCEPT="*/*").json() == plan
        missing = planner.get("/api/plans/999", HTTP_ACCEPT="text/markdown")
        assert missing["Content-Type"] == "application/json"
        assert missing.json()["code"] == "not-found"

    def test_a_plan_of_another_is_deleted_by_who_may_undo_what_others_did(
        self, planner: Any, editor: Any
    ) -> None:
        plan = kept(planner, NEWER)
        address = f"/api/plans/{plan['id']}"
        for role in ("Operator", "Service Account", "Planner"):
            client = caller(role[:2], role=role)
            assert client.get(address).json() == plan, role
            assert client.delete(address).status_code == 403, role
        assert PendingImport.objects.exists()
        assert editor.delete(address).status_code == 204


class TestDryRuns:
    def test_who_may_plan_alone_gets_the_plan_of_a_dry_run(
        self, orders: Flow, planner: Any, ada: Any
    ) -> None:
        expected = upload(ada, NEWER, dryRun="true").json()
        before = all_rows()
        assert upload(planner, NEWER, dryRun="true").json() == expected
        with_plan = upload(planner, NEWER, dryRun="true", withPlan="true")
        assert with_plan.json()["plan"]["items"]
        assert all_rows() == before

    def test_and_imports_nothing(self, orders: Flow, planner: Any) -> None:
        before = data_rows()
        assert upload(planner, NEWER).status_code == 403
        assert data_rows() == before

    def test_who_may_import_is_told_by_a_dry_run_what_the_import_would_refuse(
        self, orders: Flow
    ) -> None:
        client = caller("x", may=("run_import", "plan_import", "view_flow", "skip_backup"))
        answer = upload(client, NEWER, dryRun="true")
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")


def test_a_user_with_another_token_sees_the_same(planner: Any) -> None:
    plan = kept(planner, NEWER)
    again = client_of(User.objects.get(username="ci"))
    assert again.get(f"/api/plans/{plan['id']}").json() == plan
