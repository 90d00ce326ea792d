"""The pages of what was changed here: the list, each difference, the export, and the comparison."""

import json
from io import BytesIO

import pytest

from flows.deletion import mark_deleted
from flows.models import Connection, Flow
from flows.saves import named_saves
from imports.models import ImportRecord
from tests.support.digest import all_rows
from tests.support.importing import connection, export_file, flow, import_items, secret, uuid_of
from tests.support.pages import assert_answered, text_of
from tests.support.users import client_in

pytestmark = pytest.mark.django_db

LIST = "/admin/imports/importrecord/drift/"
EXPORT = f"{LIST}export/"
COMPARE = "/admin/imports/importrecord/compare/"
SYNC = f"{LIST}flow/{uuid_of('f', 1)}/"
INLINE = "INLINE-4411-password"
SCRIPT = "<script>alert(1)</script>"
READER = ("view_flow", "view_connection", "view_secret", "view_importrecord")


def edit(model, by="grace", **values):
    row = model.objects.get(name=values.pop("of")) if "of" in values else model.objects.get()
    named_saves.take(row, "as imported")
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_by = by
    row.save()
    return row


def rows_of(export):
    document = json.loads(export.getvalue())
    return {
        key: [item["name"] for item in document[key]] for key in ("flows", "connections", "secrets")
    }


class TestList:
    def test_it_says_what_who_and_when(self, staff):
        record = import_items(flow(1, "Sync", timeout=60), connection(1, "Mail")).record
        row = edit(Flow, timeout=99, info="by hand")
        text = text_of(staff(*READER).get(LIST))
        assert "1 item of this server differs from what was imported last." in text
        at = f"{row.updated_at:%Y-%m-%d %H:%M:%S} UTC"
        assert "timeout 60 → 99" in text
        assert f"grace , {at}" in text
        assert f"Import {record.pk} ," in text

    def test_it_says_so_where_nothing_differs(self, staff):
        import_items(flow(1, "Sync"))
        assert "Nothing here differs" in text_of(staff(*READER).get(LIST))

    def test_what_is_not_kept_and_what_is_deleted_is_told(self, staff):
        import_items(flow(1, "Sync"), connection(1, "Mail"))
        row = Flow.objects.get()
        row.timeout = 9
        row.save()
        mark_deleted(Connection.objects.get(), user_name="grace")
        text = text_of(staff(*READER).get(LIST))
        assert "Edited. What was imported is not kept." in text
        assert "connection Mail Deleted here." in text

    def test_it_is_filtered_and_paged(self, staff):
        import_items(*(flow(number, f"Flow {number}") for number in range(1, 103)))
        for row in Flow.objects.all():
            row.timeout = 9
            row.save()
        import_items(connection(1, "Mail"))
        edit(Connection, description="new")
        browser = staff(*READER)
        assert len(browser.get(LIST).context["lines"]) == 100
        assert len(browser.get(f"{LIST}?page=2").context["lines"]) == 3
        for query in ("kind=connection", "q=mAIl", "q=grace", f"q={uuid_of('c', 1)}"):
            lines = browser.get(f"{LIST}?{query}").context["lines"]
            assert [line["row"].name for line in lines] == ["Mail"], query
        assert len(browser.get(f"{LIST}?kind=nothing").context["lines"]) == 100

    def test_a_user_sees_the_kinds_that_they_may_see(self, staff):
        import_items(flow(1, "Sync"), connection(1, "Mail"))
        edit(Flow, timeout=9)
        edit(Connection, description="new")
        text = text_of(staff("view_importrecord", "view_connection").get(LIST))
        assert ("Mail" in text, "Sync" in text) == (True, False)

    @pytest.mark.parametrize("path", [LIST, SYNC])
    @pytest.mark.parametrize("rights", [("view_flow",), ("view_importrecord",), ()])
    def test_it_is_refused_without_a_right(self, path, rights, staff):
        import_items(flow(1, "Sync"))
        assert staff(*rights).get(path).status_code == 403

    def test_values_that_may_be_credentials_are_masked(self, staff):
        import_items(connection(1, "Mail", devValue=f"{{ password: '{INLINE}' }}"))
        edit(Connection, dev_value=f"{{ password: '{INLINE}', a: 1 }}")
        browser = staff(*READER)
        page = f"{LIST}connection/{uuid_of('c', 1)}/"
        assert INLINE not in browser.get(LIST).content.decode()
        assert INLINE not in browser.get(page).content.decode()


class TestDifference:
    def test_it_is_between_what_was_imported_and_now(self, staff):
        record = import_items(flow(1, "Sync", timeout=60)).record
        edit(Flow, timeout=99)
        edit(Flow, timeout=98, by=SCRIPT)
        response = staff(*READER).get(SYNC)
        text = text_of(response)
        assert f"import {record.pk}" in text
        assert SCRIPT not in response.content.decode()
        [field] = response.context["difference"].fields
        assert field.key == "timeout"

    def test_a_state_that_is_not_kept_is_told(self, staff):
        import_items(flow(1, "Sync"))
        row = Flow.objects.get()
        row.timeout = 9
        row.save()
        assert "What was imported is not kept" in text_of(staff(*READER).get(SYNC))

    def test_a_row_that_does_not_differ_says_so(self, staff):
        import_items(flow(1, "Sync"))
        assert "does not differ from what was imported last" in text_of(staff(*READER).get(SYNC))

    def test_what_is_not_there_is_not_found(self, staff):
        browser = staff(*READER)
        assert browser.get(SYNC).status_code == 404
        assert browser.get(SYNC.replace("flow", "user")).status_code == 404

    def test_the_kind_has_to_be_visible(self, staff):
        import_items(flow(1, "Sync"))
        assert staff("view_importrecord", "view_connection").get(SYNC).status_code == 403


class TestExport:
    def changed(self):
        import_items(flow(1, "Sync"), flow(2, "Other"), connection(1, "Mail"), secret(1, "KEY"))
        edit(Flow, of="Sync", timeout=9)
        edit(Flow, of="Other", timeout=9)
        edit(Connection, description="new")

    def test_of_the_ticked_ones_alone(self, staff):
        self.changed()
        export = staff(*READER).post(EXPORT, {"row": [f"flow:{uuid_of('f', 2)}", "flow:x"]})
        assert rows_of(export) == {"flows": ["Other"], "connections": [], "secrets": []}

    def test_of_all_that_the_list_shows(self, staff):
        self.changed()
        browser = staff(*READER)
        assert rows_of(browser.post(EXPORT, {"all": "1"})) == {
            "flows": ["Other", "Sync"],
            "connections": ["Mail"],
            "secrets": [],
        }
        only = browser.post(EXPORT, {"all": "1", "q": "sync"})
        assert rows_of(only) == {"flows": ["Sync"], "connections": [], "secrets": []}

    def test_it_carries_the_edit_to_where_it_is_imported(self, staff):
        self.changed()
        export = staff(*READER).post(EXPORT, {"row": [f"flow:{uuid_of('f', 1)}"]}).getvalue()
        assert json.loads(export)["flows"][0]["timeout"] == 9

    @pytest.mark.parametrize("data", [{}, {"row": ["flow:no"]}])
    def test_nothing_chosen_is_told(self, data, staff):
        self.changed()
        response = staff(*READER).post(EXPORT, data, follow=True)
        assert "Nothing that could be exported is chosen" in response.content.decode()

    def test_a_hidden_kind_is_not_in_it(self, staff):
        self.changed()
        export = staff("view_importrecord", "view_connection").post(
            EXPORT, {"all": "1", "row": [f"flow:{uuid_of('f', 1)}"]}
        )
        assert rows_of(export) == {"flows": [], "connections": ["Mail"], "secrets": []}

    def test_a_get_is_refused(self, staff):
        assert staff(*READER).get(EXPORT).status_code == 405


def compare(browser, payload, **data):
    file = BytesIO(payload)
    file.name = "file.json"
    return browser.post(COMPARE, {"file": file, **data})


class TestCompare:
    def test_each_item_has_its_state(self, staff):
        sync = flow(1, "Sync", timeout=60)
        import_items(sync, flow(2, "Same"), connection(1, "Mail"))
        edit(Flow, of="Sync", timeout=9)
        browser = staff(*READER)
        before = all_rows()
        payload = export_file(sync, flow(2, "Same"), flow(3, "New"))
        response = compare(browser, payload)
        text = text_of(response)
        assert "file.json : not in sync" in text.replace("json:", "json :")
        assert "1: Changed here: the file has what was imported last" in text
        assert "flow Sync timeout What was changed here grace ," in text
        assert "1: Only in the file: an import would create it" in text
        assert "1: In sync" in text
        assert "Only here" not in text  # the file has no connections
        assert SYNC in response.content.decode()
        assert all_rows() == before

    def test_a_selection_does_not_tell_of_what_is_only_here(self, staff):
        import_items(flow(1, "Sync"), flow(2, "Other"))
        payload = export_file(flow(1, "Sync"))
        browser = staff(*READER)
        assert "1: Only here" in text_of(compare(browser, payload))
        assert "Only here" not in text_of(compare(browser, payload, is_selection="on"))
        assert ": in sync" in text_of(compare(browser, payload, is_selection="on"))

    def test_a_bad_file_is_refused_with_its_problems(self, staff):
        response = compare(staff(*READER), b"{")
        assert response.status_code in {400, 422}
        assert b"Nothing was compared." in response.content
        assert ImportRecord.objects.count() == 0

    def test_a_file_that_is_too_large_is_refused(self, staff, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 10}
        payload = export_file(flow(1, "Sync"))
        assert compare(staff(*READER), payload).status_code == 413

    def test_one_file_has_to_be_chosen(self, staff):
        response = staff(*READER).post(COMPARE, {})
        assert response.status_code == 422
        assert b"Choose one export file." in response.content

    def test_a_hidden_kind_is_refused(self, staff):
        import_items(flow(1, "Sync"))
        browser = staff("view_connection")
        assert browser.get(COMPARE).status_code == 200
        assert compare(browser, export_file(flow(1, "Sync"))).status_code == 403

    def test_the_token_of_the_form_is_needed(self):
        from django.test import Client  # noqa: PLC0415

        from accounts.models import User  # noqa: PLC0415

        browser = Client(enforce_csrf_checks=True)
        browser.force_login(User.objects.create_superuser("ada", "ada@example.org", "x"))
        assert compare(browser, export_file(flow(1, "Sync"))).status_code == 403


@pytest.mark.parametrize("path", [LIST, SYNC, COMPARE])
@pytest.mark.parametrize(
    ("role", "answer"),
    [
        *(("anonymous", "login"), ("staff", 403), ("Service Account", "login")),
        *(("Operator", 200), ("Editor", 200), ("Admin", 200), ("superuser", 200)),
    ],
)
def test_each_role_gets_its_answer(path, role, answer):
    import_items(flow(1, "Sync"))
    assert_answered(client_in(role).get(path), answer)
