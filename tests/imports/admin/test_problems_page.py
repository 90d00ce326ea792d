"""Problems are solved where they are shown: on the preview's page, as a browser sends its form."""

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from flows.models import Connection, Flow
from imports.models import ImportRecord, PendingImport
from imports.uploads.planning import read_page
from tests.support.ambiguous import (
    SEVERAL_ITEMS,
    SEVERAL_OF_BOTH,
    SEVERAL_ROWS,
    make_items,
    make_rows,
    name_of,
)
from tests.support.digest import all_rows
from tests.support.factories import ConnectionFactory, FlowFactory
from tests.support.importing import connection, export_file, flow, uuid_of
from tests.support.pages import sent_form_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(admin_client):
    return Browser(admin_client)


class Browser:
    """What a person does with the pages; JavaScript does nothing."""

    def __init__(self, client):
        self.client = client

    def upload(self, *items, mode="overwrite"):
        file = SimpleUploadedFile("zexport.json", export_file(*items))
        self.client.post(reverse("admin:imports_upload"), {"file": file, "mode": mode})
        self.pending = PendingImport.objects.latest("pk")
        return self.look()

    def look(self):
        address = reverse("admin:imports_preview", args=[self.pending.pk])
        self.response = self.client.get(address)
        return self.response

    def press(self, action="decide", **changes):
        """Send the form as it stands with these changes; the page that it leads to."""
        form = {**sent_form_of(self.response, field="mode"), **changes}
        address = reverse(f"admin:imports_{action}", args=[self.pending.pk])
        self.response = self.client.post(address, form, follow=True)
        return self.response

    def said(self):
        return text_of(self.response)

    def results(self):
        self.pending.refresh_from_db()
        page = read_page(self.pending)
        return {item.uuid: item.result.value for item in page.items if item.kind == "connection"}


def solve(number):
    return f"solve:connection:{uuid_of('c', number)}"


def test_thirty_ambiguous_connections_of_three_causes_are_solved_on_the_page(browser):
    rows = make_rows()
    before = {row.pk: row.dev_value for row in Connection.objects.all()}
    browser.upload(*make_items())
    assert list(browser.results().values()) == ["AMBIGUOUS"] * 30
    said = browser.said()
    assert "30 problems to solve" in said
    for title in (
        "12 connections of whose name there are several here",
        "10 connections of one name in the file, and one of that name here",
        "8 connections of one name in the file, and several of that name here",
    ):
        assert title in said
    assert "There is nothing to confirm while a problem is left." in said
    # The first candidate is the one that is alike and used.
    table = browser.response.content.decode().partition('class="import-candidates"')[2]
    first = table.partition("<tbody>")[2].partition("</tr>")[0]
    chosen, other = reversed(rows["Mail 1"])
    assert str(chosen.uuid) in first
    assert "100 %" in first
    assert "User of" in first
    # One by one: the best row for ten, a new one, and none.
    several = {solve(number): str(rows[name_of(number)][1].uuid) for number in range(1, 11)}
    browser.press(**several, **{solve(11): "create", solve(12): "leave-out"})
    assert "18 problems to solve" in browser.said()
    # Then the same for a whole group, and each of the last one for itself.
    browser.press(**{"solve_all:connection:several-items": "create"})
    assert "8 problems to solve" in browser.said()
    last = {
        solve(number): str(rows[name_of(number)][(number - 23) % 2].uuid)
        for number in SEVERAL_OF_BOTH
    }
    browser.press(**last)
    assert "problems to solve" not in browser.said()
    assert "30 items decided by hand" in browser.said()
    browser.press("confirm")
    assert ImportRecord.objects.get().status == "succeeded"
    # 30 rows were not there: one is left out, ten of the second group and one are new.
    new = {
        str(uuid)
        for uuid in Connection.objects.exclude(pk__in=before).values_list("uuid", flat=True)
    }
    assert new == {uuid_of("c", number) for number in (11, *SEVERAL_ITEMS)}
    assert other.dev_value == before[other.pk]
    untouched = [row for name in ("Mail 11", "Mail 12") for row in rows[name]]
    untouched += [row for number in SEVERAL_ITEMS for row in rows[name_of(number)]]
    for row in untouched:
        assert Connection.objects.get(pk=row.pk).dev_value == before[row.pk]
    for number in SEVERAL_OF_BOTH:
        row = rows[name_of(number)][(number - 23) % 2]
        row.refresh_from_db()
        assert row.dev_value == f"{{ host: 'host-{number}' }}"
        assert str(row.uuid) in Flow.objects.get(uuid=uuid_of("f", number)).nodes
    assert uuid_of("c", 12) in Flow.objects.get(uuid=uuid_of("f", 12)).nodes


def test_the_most_alike_row_is_taken_for_each_where_there_is_one(browser):
    rows = make_rows()
    ConnectionFactory(name="Alike")
    ConnectionFactory(name="Alike")
    browser.upload(*make_items(), connection(31, "Alike", devValue="{ host: 'nothing like it' }"))
    assert "the most alike one for each: 12 of 13 have one" in browser.said()
    browser.press(**{"solve_all:connection:several-rows": "most-alike"})
    page = read_page(PendingImport.objects.get())
    decided = {item.uuid: item.decided_target for item in page.items if item.decision}
    assert decided == {
        uuid_of("c", number): str(rows[name_of(number)][1].uuid) for number in SEVERAL_ROWS
    }
    assert {item.name for item in page.items if item.issues} >= {"Alike"}


def test_rows_beyond_the_first_are_folded_and_can_be_chosen(browser):
    for number in range(7):
        ConnectionFactory(name="Mail", dev_value=f"{number}")
    browser.upload(connection(1, "Mail"))
    assert "3 more of this name" in browser.said()
    last = read_page(PendingImport.objects.get()).items[0].candidates[-1]
    browser.press(**{solve(1): last.uuid})
    assert browser.results() == {uuid_of("c", 1): "OVERWRITE"}
    assert "<details open><summary>3 more" in browser.response.content.decode()


def test_a_decision_is_taken_back_on_the_page(browser):
    for _ in range(2):
        ConnectionFactory(name="Mail")
    browser.upload(connection(1, "Mail"))
    browser.press(**{solve(1): "create"})
    assert browser.results() == {uuid_of("c", 1): "CREATE"}
    browser.press()  # as it stands: nothing is decided otherwise
    assert browser.results() == {uuid_of("c", 1): "CREATE"}
    browser.press(**{solve(1): "leave-out"})
    assert browser.results() == {uuid_of("c", 1): "SKIP"}
    browser.press(**{solve(1): "undecided"})
    assert browser.results() == {uuid_of("c", 1): "AMBIGUOUS"}


def test_the_mode_of_a_solved_item_is_chosen_in_the_list(browser):
    rows = [ConnectionFactory(name="Mail") for _ in range(2)]
    browser.upload(connection(1, "Mail", devValue="{ host: 'new' }"))
    browser.press(**{solve(1): str(rows[1].uuid)})
    assert browser.results() == {uuid_of("c", 1): "OVERWRITE"}
    browser.press(**{f"mode:connection:{uuid_of('c', 1)}": "skip"})
    assert browser.results() == {uuid_of("c", 1): "SKIP"}
    (item,) = read_page(browser.pending).items
    assert (item.row.uuid, item.decided_target) == (str(rows[1].uuid),) * 2
    browser.press(**{solve(1): str(rows[0].uuid)})
    (item,) = read_page(PendingImport.objects.get()).items
    assert (item.row.uuid, item.result.value) == (str(rows[0].uuid), "SKIP")


def test_a_new_item_is_left_out_and_what_dangles_is_warned_of(browser):
    node = {"id": "1", "type": "start", "connectionUuid": uuid_of("c", 1)}
    browser.upload(connection(1, "Mail"), flow(1, "Orders", nodes=[node]))
    browser.press(**{f"mode:connection:{uuid_of('c', 1)}": "leave-out"})
    assert f"dangling reference to connection {uuid_of('c', 1)}" in browser.said()
    browser.press("confirm")
    assert not Connection.objects.exists()
    assert Flow.objects.get().name == "Orders"


def test_locked_flows_are_left_alone_together(browser):
    for number in (1, 2):
        FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", is_locked=True, info="old")
    browser.upload(*(flow(number, f"F{number}", info="new") for number in (1, 2, 3)))
    assert "2 flows locked here" in browser.said()
    browser.press(**{"solve_all:flow:locked": "skip"})
    browser.press("confirm")
    assert sorted(Flow.objects.values_list("name", "info")) == [
        ("F1", "old"), ("F2", "old"), ("F3", "new"),
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["perhaps", "/etc/passwd"])
@pytest.mark.parametrize("name", [solve(1), "solve_all:connection:several-rows"])
def test_a_solution_that_the_page_does_not_offer_changes_nothing(browser, name, value):
    for _ in range(2):
        ConnectionFactory(name="Mail")
    browser.upload(connection(1, "Mail"))
    browser.press(**{name: value})
    assert "Choose out of the lists. Nothing was changed." in browser.said()
    assert PendingImport.objects.get().decisions == []


def test_no_get_writes_anything(browser):
    make_rows()
    browser.upload(*make_items())
    before = all_rows()
    browser.look()
    assert all_rows() == before


def test_who_may_not_see_flows_is_not_told_which_use_a_row(browser, client, django_user_model):
    rows = make_rows()
    user = django_user_model.objects.create_user("bob", is_staff=True)
    codes = ["run_import", "overwrite_items", "view_connection", "change_connection"]
    user.user_permissions.set(Permission.objects.filter(codename__in=[*codes, "add_connection"]))
    client.force_login(user)
    page = Browser(client).upload(connection(1, "Mail 1"))
    assert str(rows["Mail 1"][1].uuid) in page.content.decode()
    assert "User of" not in page.content.decode()


class TestOnlyThese:
    def upload(self, browser):
        node = {"id": "1", "type": "start", "connectionUuid": uuid_of("c", 1)}
        browser.upload(
            flow(1, "Orders", nodes=[node]), flow(2, "Other"), flow(3, "Third"),
            connection(1, "Mail"), connection(2, "Post"),
        )  # fmt: skip

    def shown(self):
        page = read_page(PendingImport.objects.get())
        return {item.name for item in page.items if not item.is_left_out}

    def test_the_ticked_items_with_what_they_use(self, browser):
        self.upload(browser)
        browser.press(chosen=[f"flow:{uuid_of('f', 1)}"], only="chosen")
        assert self.shown() == {"Orders", "Mail"}
        assert "Only 1 chosen item with what it uses: 3 of 5 are left out." in browser.said()
        browser.press()  # the form as it stands leaves nothing else out by itself
        browser.press(chosen=[f"flow:{uuid_of('f', 2)}"], only="more")
        assert self.shown() == {"Orders", "Mail", "Other"}
        browser.press("confirm")
        assert set(Flow.objects.values_list("name", flat=True)) == {"Orders", "Other"}
        assert Connection.objects.get().name == "Mail"

    def test_all_items_again(self, browser):
        self.upload(browser)
        browser.press(chosen=[f"flow:{uuid_of('f', 1)}"], only="chosen")
        browser.press()
        browser.press(only="all")
        assert self.shown() == {"Orders", "Mail", "Other", "Third", "Post"}
        assert PendingImport.objects.get().decisions == []
        assert read_page(PendingImport.objects.get()).different_items == []

    def test_nothing_ticked_changes_nothing(self, browser):
        self.upload(browser)
        browser.press(only="chosen")
        assert "Choose out of the lists. Nothing was changed." in browser.said()
        assert len(self.shown()) == 5

    def test_the_page_of_an_item_that_is_left_out(self, browser):
        self.upload(browser)
        FlowFactory(uuid=uuid_of("f", 2), name="Other", info="old")
        browser.press(chosen=[f"flow:{uuid_of('f', 1)}"], only="chosen")
        for number in (1, 2, 3):
            address = reverse(
                "admin:imports_pending_item",
                args=[browser.pending.pk, "flow", uuid_of("f", number)],
            )
            assert "changed since this plan" not in text_of(browser.client.get(address))
