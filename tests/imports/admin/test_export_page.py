"""The export by tags and kinds: counted with what it drags along, then downloaded."""

import gzip
import json

import pytest

from flows.models import Flow
from imports.exporting.selection import select_chosen
from tests.support.factories import FlowFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.pages import assert_answered, text_of
from tests.support.users import client_in

pytestmark = pytest.mark.django_db

PAGE = "/admin/imports/importrecord/export/"
FILE = f"{PAGE}file/"
LIST = "/admin/flows/flow/"
SCRIPT = "<script>alert(1)</script>"
READER = ("view_flow", "view_connection", "view_secret")


def server():
    """A tagged flow that calls another, which uses a connection with a secret; and others."""
    import_items(
        flow(1, "Main", tags=["sms", "a,b"], nodes=[{"flowUuid": uuid_of("f", 2)}]),
        flow(2, "Called", nodes=[{"connectionUuid": uuid_of("c", 1)}]),
        flow(3, "Other", tags=["mail"]),
        connection(1, "Twilio", devValue="{ token: secrets.KEY }"),
        connection(2, "Alone"),
        secret(1, "KEY"),
        secret(2, "UNUSED"),
    )


def names_of(export):
    document = json.loads(export.getvalue())
    kinds = ("flows", "connections", "secrets")
    return [[item["name"] for item in document[kind]] for kind in kinds]


MAIN = [["Called", "Main"], ["Twilio"], ["KEY"]]
QUERIES = [
    ("tag=sms", "4 items", MAIN),
    ("tag=a%2Cb", "4 items", MAIN),
    ("tag=mail&tag=sms", "5 items", [["Called", "Main", "Other"], ["Twilio"], ["KEY"]]),
    ("tag=mail&kind=secret", "3 items", [["Other"], [], ["KEY", "UNUSED"]]),
    ("tag=mail&kind=flow", "1 item ", [["Other"], [], []]),
    ("kind=connection", "3 items", [[], ["Alone", "Twilio"], ["KEY"]]),
    ("kind=flow&tag=", "5 items", [["Called", "Main", "Other"], ["Twilio"], ["KEY"]]),
    (
        "kind=flow&kind=connection&kind=secret",
        "7 items",
        [["Called", "Main", "Other"], ["Alone", "Twilio"], ["KEY", "UNUSED"]],
    ),
]


class TestPage:
    @pytest.mark.parametrize(("query", "number", "names"), QUERIES)
    def test_what_is_shown_is_what_is_downloaded(self, query, number, names, staff):
        server()
        browser = staff(*READER)
        assert number in text_of(browser.get(f"{PAGE}?{query}"))
        assert names_of(browser.get(f"{FILE}?{query}&form=plain")) == names

    def test_it_tells_what_is_dragged_along(self, staff):
        server()
        text = text_of(staff(*READER).get(f"{PAGE}?tag=sms"))
        assert "2 flows: 1 chosen, 1 needed by these" in text
        assert "1 connections: 1 needed by these" in text
        assert "1 flows chosen Main" in text

    def test_nothing_is_counted_before_something_is_chosen(self, staff):
        server()
        response = staff(*READER).get(f"{PAGE}?tag=&kind=nothing")
        assert not response.context["is_chosen"]
        assert "0 items" not in text_of(response)

    def test_a_tag_that_no_flow_has_is_told(self, staff):
        server()
        response = staff(*READER).get(PAGE, {"tag": SCRIPT})
        assert SCRIPT not in response.content.decode()
        assert "No flow has the tag <script>" in text_of(response)
        assert "0 items" in text_of(response)

    def test_long_lists_are_cut_and_say_so(self, staff):
        import_items(*(flow(number, f"Flow {number}", tags=["x"]) for number in range(1, 103)))
        assert "and 2 more" in text_of(staff(*READER).get(f"{PAGE}?tag=x"))

    def test_a_tag_that_is_no_text_is_no_fault(self):
        FlowFactory(tags='[{"sms":1},"sms"]', name="Typed")
        chosen = select_chosen(tags=["sms"])
        assert [row.name for rows in chosen.selection.values() for row in rows] == ["Typed"]


class TestFile:
    def test_its_forms_have_the_same_document(self, staff):
        server()
        browser = staff(*READER)
        plain, compact, packed = (
            browser.get(f"{FILE}?tag=sms&form={form}").getvalue()
            for form in ("plain", "compact", "gzip")
        )
        assert len(compact) < len(plain)
        assert gzip.decompress(packed) == compact
        assert json.loads(compact) == json.loads(plain)

    def test_without_a_choice_it_leads_back(self, staff):
        response = staff(*READER).get(FILE, follow=True)
        assert "Choose tags or kinds first." in response.content.decode()


@pytest.mark.parametrize("path", [PAGE, f"{FILE}?kind=flow"])
@pytest.mark.parametrize(
    ("role", "answer"),
    [("anonymous", "login"), ("staff", 403), ("Operator", 200), ("Editor", 200)],
)
def test_each_role_gets_its_answer(path, role, answer):
    import_items(flow(1, "Sync"))
    assert_answered(client_in(role).get(path), answer)


@pytest.mark.parametrize("hidden", READER)
def test_all_kinds_have_to_be_visible(hidden, staff):
    browser = staff(*(right for right in READER if right != hidden))
    assert browser.get(PAGE).status_code == browser.get(f"{FILE}?kind=flow").status_code == 403


class TestButton:
    """On the list of flows: one press, without the list of actions."""

    def press(self, browser, *names, index="1"):
        chosen = [row.pk for row in Flow.objects.filter(name__in=names)]
        sent = {"action": ["", "export_selected"], "index": index, "_selected_action": chosen}
        return browser.post(LIST, sent, follow=True)

    def test_it_exports_the_selection(self, staff):
        server()
        assert names_of(self.press(staff(*READER), "Main")) == MAIN

    def test_without_a_selection_it_says_so(self, staff):
        server()
        text = self.press(staff(*READER)).content.decode()
        assert "Items must be selected" in text

    def test_the_list_has_it_for_who_may_export(self, staff):
        server()
        page = client_in("Operator").get(LIST).content.decode()
        assert 'name="index" value="1"' in page
        assert PAGE in page
        page = staff("view_flow").get(LIST).content.decode()
        assert 'name="index" value="1"' not in page
        assert PAGE not in page
