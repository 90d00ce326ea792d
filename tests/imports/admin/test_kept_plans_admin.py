"""The pages of kept plans: seen by whoever may see them, decided by planners, applied by right."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flows.models import Flow
from imports.database.backup import Backup
from imports.models import ImportRecord, PendingImport
from imports.uploads.keeping import PlanDetails, keep_plan
from imports.uploads.planning import read_page
from imports.uploads.showing import find_items_written_since, get_token
from tests.support.digest import all_rows, data_rows
from tests.support.factories import FlowFactory
from tests.support.importing import export_file, flow, request_for, uuid_of
from tests.support.walking import addresses, stored_things

pytestmark = pytest.mark.django_db

LINK = "https://git.example.com/repo/pull/42"
HOSTILE = '<img src=x onerror="alert(1)">'
NEWER = export_file(flow(1, "Orders", timeout=2), flow(2, "New"))
UUID = uuid_of("f", 1)


@pytest.fixture(autouse=True)
def quick_backups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backup = Backup(path=tmp_path / "copy", size=1, sha256="0" * 64)
    monkeypatch.setattr("imports.runs.carrying_out.make_backup", lambda **_: backup)


@pytest.fixture
def plan() -> PendingImport:
    """A plan that the planner of a build had kept."""
    FlowFactory(uuid=UUID, name="Orders", timeout=1)
    keeper = User.objects.create_user("ci")
    keeper.groups.add(Group.objects.get(name="Planner"))
    details = PlanDetails(key="repo#42", link=LINK, title=HOSTILE, commit="1f0c2b9")
    return keep_plan(keeper, request_for(NEWER, user=keeper, accept=()), details)


def in_role(name: str, role: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return client_of(user)


def with_rights(*rights: str) -> Client:
    user = User.objects.create_user("some", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return client_of(user)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(plan: PendingImport, name: str = "preview") -> str:
    return reverse(f"admin:imports_{name}", args=[plan.pk])


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def confirm(client: Client, plan: PendingImport, **fields: str) -> Any:
    plan.refresh_from_db()
    token = get_token(plan, read_page(plan))
    return client.post(page_of(plan, "confirm"), {"shown": token, **fields}, follow=True)


LIST = "/admin/imports/importrecord/import/plans/"


@pytest.mark.parametrize("role", ["Operator", "Planner", "Editor", "Admin"])
def test_whoever_sees_records_and_items_sees_it_in_the_list_and_on_its_page(
    plan: PendingImport, role: str
) -> None:
    client = in_role("x", role)
    assert page_of(plan) in text_of(client, LIST)
    before = all_rows()
    page = text_of(client, page_of(plan))
    item = text_of(client, f"{page_of(plan)}flow/{UUID}/")
    assert "Orders" in page
    assert "timeout" in item
    assert all_rows() == before


def test_its_texts_are_escaped_and_its_link_gives_nothing_away(plan: PendingImport) -> None:
    client = in_role("op", "Operator")
    for address in (LIST, page_of(plan), f"{page_of(plan)}flow/{UUID}/"):
        page = text_of(client, address)
        assert HOSTILE not in page
        assert "&lt;img src=x onerror=" in page
    assert f'<a href="{LINK}" rel="noopener noreferrer nofollow"' in text_of(client, page_of(plan))


@pytest.mark.parametrize("lacking", ["view_importrecord", "view_flow"])
def test_nobody_else_sees_it(plan: PendingImport, lacking: str) -> None:
    rights = {
        *("view_importrecord", "view_flow", "view_connection", "view_secret"),
        *("plan_import", "run_import", "overwrite_items", "add_flow"),
    } - {lacking}
    client = with_rights(*rights)
    before = all_rows()
    for address in (page_of(plan), f"{page_of(plan)}flow/{UUID}/", page_of(plan, "progress")):
        answer = client.get(address)
        assert answer.status_code == 403
        assert b"Orders" not in answer.content
    for name in ("decide", "again", "confirm", "review", "cancel"):
        assert client.post(page_of(plan, name), {"mode": "skip"}).status_code == 403
    if lacking == "view_flow":
        assert page_of(plan) not in text_of(client, LIST)
    else:
        assert client.get(LIST).status_code == 403
    assert all_rows() == before


def test_an_upload_stays_its_users_own() -> None:
    root = User.objects.create_superuser("root")
    upload = stored_things(root)["upload"]
    assert client_of(root).get(page_of(upload)).status_code == 200
    other = client_of(User.objects.create_superuser("other"))
    assert other.get(page_of(upload)).status_code == 302
    assert page_of(upload) not in text_of(other, LIST)


class TestWhoOnlyLooks:
    @pytest.fixture
    def operator(self) -> Client:
        return in_role("op", "Operator")

    def test_decides_nothing_reviews_nothing_and_deletes_nothing(
        self, plan: PendingImport, operator: Client
    ) -> None:
        before = all_rows()
        for name in ("decide", "again", "confirm", "cancel"):
            answer = operator.post(page_of(plan, name), {"mode": "skip"})
            assert answer.status_code in {302, 403}
            assert PendingImport.objects.get().mode == "overwrite"
        operator.post(page_of(plan, "review"), {"tick": ["x"], "reviewed": ["x"]})
        after = all_rows()
        del before["imports_importrecord"], after["imports_importrecord"]
        assert after == before

    def test_is_shown_no_button_that_would_refuse(
        self, plan: PendingImport, operator: Client
    ) -> None:
        page = text_of(operator, page_of(plan))
        for words in ("Plan again", "Delete the plan", "Look at the server again", "only these"):
            assert words not in page
        assert 'id="import-confirm"' not in page
        assert 'id="lacking-rights"' in page

    def test_may_filter_the_list(self, plan: PendingImport, operator: Client) -> None:
        sent = {"filter": "1", "show": "all", "q": "New", "mode": "overwrite"}
        answer = operator.post(page_of(plan, "decide"), sent, follow=True)
        assert answer.status_code == 200
        assert "q=New" in answer.redirect_chain[0][0]


class TestWhoPlans:
    @pytest.fixture
    def planner(self) -> Client:
        return in_role("pia", "Planner")

    def test_decides_on_it_and_the_plan_is_made_anew(
        self, plan: PendingImport, planner: Client
    ) -> None:
        sent = {"mode": "overwrite", f"mode:flow:{UUID}": "skip"}
        planner.post(page_of(plan, "decide"), sent)
        plan.refresh_from_db()
        assert plan.counts == {"SKIP": 1, "CREATE": 1}
        assert "skip" in str(plan.decisions)
        assert not ImportRecord.objects.exists()

    def test_reviews_its_items(self, plan: PendingImport, planner: Client) -> None:
        page = text_of(planner, page_of(plan))
        mark = page.partition('name="tick" value="')[2].partition('"')[0]
        planner.post(page_of(plan, "review"), {"tick": [mark], "reviewed": [mark]})
        plan.refresh_from_db()
        assert plan.reviewed == [mark]

    def test_deletes_their_own(self, plan: PendingImport) -> None:
        User.objects.filter(pk=plan.user_id).update(is_staff=True)
        own = client_of(User.objects.get(pk=plan.user_id))
        assert "Delete the plan" in text_of(own, page_of(plan))
        answer = own.post(page_of(plan, "cancel"))
        assert answer["Location"] == LIST
        assert not PendingImport.objects.exists()

    def test_deletes_no_plan_of_others(self, plan: PendingImport, planner: Client) -> None:
        assert "Delete the plan" not in text_of(planner, page_of(plan))
        assert planner.post(page_of(plan, "cancel")).status_code == 403
        assert PendingImport.objects.exists()
        editor = in_role("ed", "Editor")
        assert "Delete the plan" in text_of(editor, page_of(plan))
        assert editor.post(page_of(plan, "cancel"))["Location"] == LIST
        assert not PendingImport.objects.exists()

    def test_imports_nothing(self, plan: PendingImport, planner: Client) -> None:
        before = data_rows()
        assert confirm(planner, plan).status_code == 403
        assert data_rows() == before

    def test_writes_no_row_by_any_page(self, planner: Client) -> None:
        user = User.objects.get(username="pia")
        things = stored_things(user)
        kept = {"flows_flow", "flows_connection", "flows_secret", "reversion_version"}
        before = {table: rows for table, rows in all_rows().items() if table in kept}
        planner.raise_request_exception = False
        tried = 0
        for address in addresses(things):
            if "logout" in address or "/api/" in address:
                continue
            answer = planner.post(address, {"mode": "skip", "name": "Changed", "post": "yes"})
            assert answer.status_code < 500, address
            tried += 1
            PendingImport.objects.exists()
        after = {table: rows for table, rows in all_rows().items() if table in kept}
        assert after == before
        assert tried > 50


class TestWhoImports:
    @pytest.fixture
    def editor(self) -> Client:
        return in_role("ed", "Editor")

    def test_confirms_it_and_the_record_says_what_it_was_made_for(
        self, plan: PendingImport, editor: Client
    ) -> None:
        answer = confirm(editor, plan)
        assert answer.status_code == 200
        assert Flow.objects.get(uuid=UUID).timeout == 2
        record = ImportRecord.objects.get()
        assert (record.user_name, record.door) == ("ed", "admin")
        assert record.origin == {
            "plan": plan.pk, "key": "repo#42", "link": LINK, "title": HOSTILE, "commit": "1f0c2b9",
        }  # fmt: skip
        page = answer.content.decode()
        assert "by a kept plan, through the admin" in page
        assert f'href="{LINK}" rel="noopener noreferrer' in page
        assert HOSTILE not in page

    def test_its_address_leads_to_the_record_then(
        self, plan: PendingImport, editor: Client
    ) -> None:
        confirm(editor, plan)
        record = reverse("admin:imports_importrecord_change", args=[ImportRecord.objects.get().pk])
        operator = in_role("op", "Operator")
        assert operator.get(page_of(plan))["Location"] == record
        assert record in text_of(operator, LIST)
        again = editor.post(page_of(plan, "confirm"), {"shown": "x"}, follow=True)
        assert "This plan is imported already" in again.content.decode()
        assert ImportRecord.objects.count() == 1

    def test_a_plan_that_was_decided_otherwise_meanwhile_is_not_confirmed(
        self, plan: PendingImport, editor: Client
    ) -> None:
        shown = get_token(plan, read_page(plan))
        planner = in_role("pia", "Planner")
        planner.post(page_of(plan, "decide"), {"mode": "skip"})
        before = data_rows()
        answer = editor.post(page_of(plan, "confirm"), {"shown": shown}, follow=True)
        assert "The plan was made anew since it was shown" in answer.content.decode()
        assert data_rows() == before

    def test_where_a_row_was_changed_between_the_new_plan_is_shown(
        self, plan: PendingImport, editor: Client
    ) -> None:
        Flow.objects.update(info="by hand")
        answer = confirm(editor, plan)
        assert "Nothing was written. This is the new plan" in answer.content.decode()
        assert Flow.objects.get(uuid=UUID).timeout == 1
        assert confirm(editor, plan).status_code == 200
        assert Flow.objects.get(uuid=UUID).timeout == 2

    def test_that_was_replaced_meanwhile_is_gone(self, plan: PendingImport, editor: Client) -> None:
        shown = get_token(plan, read_page(plan))
        again = PlanDetails(key="repo#42")
        keep_plan(plan.user, request_for(NEWER, user=plan.user, accept=()), again)
        answer = editor.post(page_of(plan, "confirm"), {"shown": shown}, follow=True)
        assert answer.status_code == 200
        assert Flow.objects.get(uuid=UUID).timeout == 1


def test_an_expired_plan_is_gone_from_every_page(plan: PendingImport) -> None:
    client = in_role("op", "Operator")
    PendingImport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert page_of(plan) not in text_of(client, LIST)
    for address in (page_of(plan), f"{page_of(plan)}flow/{UUID}/"):
        assert client.get(address)["Location"] == LIST
    editor = in_role("ed", "Editor")
    for name in ("decide", "again", "confirm", "review", "cancel"):
        assert editor.post(page_of(plan, name), {"shown": "x"}).status_code == 302
    assert Flow.objects.get().timeout == 1


def test_a_kept_plan_is_none_of_ones_own_uploads(plan: PendingImport) -> None:
    keeper = plan.user
    keeper.is_staff = keeper.is_superuser = True
    keeper.save()
    client = client_of(keeper)
    assert page_of(plan) not in text_of(client, reverse("admin:imports_upload"))
    assert page_of(plan) not in text_of(client, reverse("admin:index"))


class TestWrittenSince:
    def notice(self, client: Client, plan: PendingImport) -> str:
        found = re.search(
            r"<strong>This plan may be out of date\.</strong>(.*?)</p>",
            text_of(client, page_of(plan)),
            re.DOTALL,
        )
        return re.sub(r"<[^>]*>", "", found[1]).strip() if found else ""

    def test_a_plan_whose_rows_are_as_they_were_is_not_marked(self, plan):
        FlowFactory(name="Of others")
        assert self.notice(in_role("ada", "Planner"), plan) == ""

    @pytest.mark.parametrize(
        ("role", "remedy"),
        [
            ("Planner", "Look at the server again below plans it anew."),
            ("Operator", "Who may plan imports can plan it anew."),
        ],
    )
    def test_a_row_that_was_written_since_is_named_until_it_is_planned_again(
        self, plan, role, remedy
    ):
        Flow.objects.get(uuid=UUID).save()
        client = in_role("ada", role)
        sentence = "Since it was made, 1 of its items was written on this server: flow Orders."
        assert self.notice(client, plan) == f"{sentence} {remedy}"
        assert self.notice(client, plan)  # looking changes nothing
        if role == "Planner":
            client.post(page_of(plan, "again"))
            assert self.notice(client, plan) == ""

    def test_five_are_named_and_all_counted(self, django_assert_max_num_queries):
        keeper = User.objects.create_superuser("root")
        flows = [flow(number, f"Flow {number}", timeout=9) for number in range(1, 601)]
        for number in range(1, 601):
            FlowFactory(uuid=uuid_of("f", number), name=f"Flow {number}", timeout=1)
        request = request_for(export_file(*flows), user=keeper, accept=())
        many = keep_plan(keeper, request, PlanDetails(key="many"))
        Flow.objects.filter(uuid__in=[uuid_of("f", 7), uuid_of("f", 600)]).update(
            updated_at=timezone.now()
        )
        page = read_page(many)
        with django_assert_max_num_queries(2):
            names = [item.name for item in find_items_written_since(many, page)]
        assert names == ["Flow 7", "Flow 600"]
        Flow.objects.update(updated_at=timezone.now())
        assert "600 of its items were written on this server" in self.notice(
            client_of(keeper), many
        )
        assert "and more. Look" in self.notice(client_of(keeper), many)
