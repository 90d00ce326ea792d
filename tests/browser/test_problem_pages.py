"""Problems solved in a real browser: one by one and in groups, without scripts, on a phone."""

import pytest
from playwright.sync_api import expect

from flows.models import Connection, Flow
from imports.models import ImportRecord
from tests.browser.test_import_story import confirm, upload
from tests.support.ambiguous import SEVERAL_ITEMS, SEVERAL_OF_BOTH, make_items, make_rows, name_of
from tests.support.factories import ConnectionFactory
from tests.support.importing import connection, export_file, flow, uuid_of


def choose(page, number, value):
    box = page.locator(f"#solve-connection-{uuid_of('c', number)}")
    box.locator(f'input[value="{value}"]').check()


def plan_again(page):
    page.get_by_role("button", name="Plan again with these solutions").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_thirty_ambiguous_connections_of_three_causes(scripts, logged_in_page, superuser):
    rows = make_rows()
    before = Connection.objects.count()
    page = logged_in_page(superuser, scripts=scripts)
    upload(page, export_file(*make_items()))
    problems = page.locator(".import-problems")
    expect(problems.get_by_role("heading", level=2)).to_have_text("30 problems to solve")
    expect(problems.get_by_role("heading", level=3)).to_have_count(3)
    for number in range(1, 11):
        choose(page, number, rows[name_of(number)][1].uuid)
    choose(page, 11, "create")
    choose(page, 12, "leave-out")
    page.get_by_label("The same for all 10 of this group").select_option("create")
    for number in SEVERAL_OF_BOTH:
        choose(page, number, rows[name_of(number)][(number - 23) % 2].uuid)
    plan_again(page)
    expect(page.locator(".import-problems")).to_have_count(0)
    confirm(page)
    assert ImportRecord.objects.get().status == "succeeded"
    assert Connection.objects.count() == before + 1 + len(SEVERAL_ITEMS)
    assert not Connection.objects.filter(uuid=uuid_of("c", 12)).exists()


def test_only_the_ticked_items(logged_in_page, superuser):
    node = {"id": "1", "type": "start", "connectionUuid": uuid_of("c", 1)}
    page = logged_in_page(superuser)
    upload(
        page, export_file(flow(1, "Orders", nodes=[node]), flow(2, "Other"), connection(1, "Mail"))
    )
    page.get_by_label("Choose flow Orders for").check()
    expect(page.locator(".import-unplanned")).to_be_hidden()
    page.get_by_role("button", name="Only these").click()
    expect(page.locator(".import-only")).to_contain_text("1 of 3 are left out")
    confirm(page)
    assert (Flow.objects.get().name, Connection.objects.get().name) == ("Orders", "Mail")


def test_with_the_keyboard_alone(logged_in_page, superuser):
    rows = [ConnectionFactory(name="Mail") for _ in range(2)]
    page = logged_in_page(superuser)
    upload(page, export_file(connection(1, "Mail", devValue="{ host: 'new' }")))
    radios = page.locator(".import-problems input[type=radio]")
    radios.first.focus()
    page.keyboard.press("Space")
    expect(radios.first).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(radios.nth(1)).to_be_checked()
    button = page.get_by_role("button", name="Plan again with these solutions")
    for _ in range(10):
        page.keyboard.press("Tab")
        if button.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".import-problems")).to_have_count(0)
    confirm(page)
    assert (
        sum(Connection.objects.get(pk=row.pk).dev_value == "{ host: 'new' }" for row in rows) == 1
    )


def test_problems_are_accessible_and_fit_on_a_phone(logged_in_page, superuser, axe):
    make_rows()
    ConnectionFactory(uuid=uuid_of("c", 31), name="w" * 200)
    page = logged_in_page(superuser)
    upload(page, export_file(*make_items()))
    assert axe(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
    for table in page.locator(".import-candidates").all()[:3]:
        assert table.evaluate("each => each.scrollWidth - each.clientWidth") <= 1
    page.get_by_label("The same for all 12 of this group").select_option("leave-out")
    plan_again(page)
    page.locator(".import-solved summary").click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360
