"""A record's page at real size: what it answers first, and what is done on it by any means."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from flows.models import Connection, Secret
from imports.database.lock import hold_import_lock
from imports.importing.service import run_import
from imports.models import ImportRecord
from tests.browser.test_changed_pages import take
from tests.browser.test_import_pages import faults_here
from tests.browser.test_import_story import to_focus
from tests.support.importing import connection, import_items, request_for, secret

MAIL = "{ host: 'smtp.example.com', user: secrets.USER, key: secrets.KEY }"
VALUE = "a-value-of-the-page"


def url_of(record, query=""):
    return reverse("admin:imports_importrecord_change", args=[record.pk]) + query


@pytest.fixture
def record(transactional_db):
    """Of three secrets, of which a connection uses two."""
    names = ("USER", "KEY", "LONELY")
    items = (secret(number, name) for number, name in enumerate(names, 1))
    return import_items(*items, connection(1, "Mail", devValue=MAIL), connection(2, "Chat")).record


def changed(payload, number=40):
    """The export with so many flows edited: a node's label, a removed edge, a setting."""
    export = json.loads(payload)
    for flow in [each for each in export["flows"] if each["nodes"]][:number]:
        flow["nodes"][0].setdefault("data", {})["label"] = "Edited"
        flow["edges"] = flow["edges"][1:]
        flow["timeout"] = 77
    return json.dumps(export).encode()


@pytest.fixture
def medium(transactional_db, shared_data):
    """The records of 300 real flows, and of the same ones after 40 were edited."""
    payload = (shared_data / "real-medium.json").read_bytes()
    return run_import(request_for(payload)).record, run_import(request_for(changed(payload))).record


def test_a_record_of_real_flows_is_short_and_answers_first(logged_in_page, superuser, medium, axe):
    first, second = medium
    page = logged_in_page(superuser)
    page.goto(url_of(first))
    assert page.evaluate("document.documentElement.scrollHeight") < 9_000
    expect(page.locator("input[type=password]")).to_have_count(0)
    heading = page.get_by_role("heading", name="What happened").bounding_box()
    assert heading["y"] < 400
    take(page, "record-first")
    page.goto(url_of(second))
    table = page.get_by_role("region", name="Table of items")
    expect(table.locator("tbody tr:has(td)")).to_have_count(40)
    for words in ("1 node changed", "1 edge removed", "timeout"):
        expect(table.locator(".import-fields").first).to_contain_text(words)
    take(page, "record-second")
    assert faults_here(page, axe) == []


def test_a_record_at_360_pixels(logged_in_page, superuser, record, axe):
    page = logged_in_page(superuser, phone=True)
    for query in ("", f"?give={Secret.objects.get(name='KEY').uuid}", "?todo=all"):
        page.goto(url_of(record, query))
        assert faults_here(page, axe) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_wrong_lines_are_named_and_the_rest_stays(scripts, logged_in_page, superuser, record, axe):
    page = logged_in_page(superuser, scripts=scripts)
    page.goto(url_of(record, "?find=a"))
    page.get_by_role("checkbox", name="connection Chat").check()
    pasted = page.get_by_label("Names and values")
    pasted.fill(f"USER={VALUE}\n{VALUE}\nNONE={VALUE}")
    page.get_by_role("button", name="Store the values").click()
    problems = page.get_by_role("alert")
    expect(problems).to_contain_text('Line 2: It has no "=".')
    expect(problems).to_contain_text("Line 3: This import has no secret of that name here.")
    assert VALUE not in page.content()
    assert pasted.input_value() == (f"USER={VALUE}\n{VALUE}\nNONE={VALUE}" if scripts else "")
    expect(page.get_by_role("checkbox", name="connection Chat")).to_be_checked()
    expect(page.get_by_label("Name:", exact=True)).to_have_value("a")
    if scripts:
        take(page, "record-problems")
        assert faults_here(page, axe) == []
    assert not Secret.objects.exclude(dev_value=None).exists()

    pasted.fill(f"USER={VALUE}\nKEY={VALUE}")
    page.get_by_role("button", name="Store the values").click()
    expect(page.get_by_text("2 secrets have values now.")).to_be_visible()
    assert VALUE not in page.content()
    expect(page.get_by_label("Name:", exact=True)).to_have_value("a")
    expect(page.get_by_role("checkbox", name="connection Chat")).to_be_checked()
    assert Secret.objects.get(name="KEY").dev_value.reveal() == VALUE


def test_the_checklist_by_the_keyboard(logged_in_page, superuser, record):
    page = logged_in_page(superuser)
    page.goto(url_of(record))
    page.get_by_label("Name:", exact=True).focus()
    to_focus(page, "Tick all on this page", attribute="aria-label")
    page.keyboard.press("Enter")  # presses no button
    page.keyboard.press("Space")
    to_focus(page, "begin", attribute="value")
    page.keyboard.press("Enter")
    pasted = page.get_by_label("Names and values")
    expect(pasted).to_have_value("KEY=\nUSER=")
    expect(page.get_by_role("checkbox", name="connection Mail")).to_be_checked()
    to_focus(page, "id_pasted", attribute="id")
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.type(VALUE)
    to_focus(page, "fill", attribute="value")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 secret has a value now. 1 line without a value")).to_be_visible()
    assert Secret.objects.get(name="KEY").dev_value.reveal() == VALUE
    to_focus(page, "tick-off", attribute="value")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 connections are ticked off.")).to_be_visible()


def test_the_checklist_without_scripts(logged_in_page, superuser, record):
    page = logged_in_page(superuser, scripts=False)
    page.goto(url_of(record, "?todo=all"))
    page.get_by_role("link", name="Give a value to LONELY").click()
    form = page.get_by_role("form", name="Values of LONELY")
    form.get_by_label("Production value").fill(VALUE)
    form.get_by_role("button").click()
    expect(page.get_by_text("The secret LONELY has a value now.")).to_be_visible()
    expect(page.get_by_label("Show:", exact=True)).to_have_value("all")
    page.get_by_role("button", name="Looked at, it is right: Chat").click()
    expect(page.get_by_text("The connection Chat is ticked off.")).to_be_visible()
    page.get_by_role("checkbox", name="connection Mail").check()
    page.get_by_role("button", name="The ticked connections are right").click()
    expect(page.get_by_text("1 connection is ticked off.")).to_be_visible()
    assert record.items.filter(kind="connection", looked_at=None).count() == 0
    assert Connection.objects.count() == 2


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_running_record_shows_its_end(scripts, logged_in_page, superuser, record, axe):
    ImportRecord.objects.update(status="running", finished_at=None, counts={})
    page = logged_in_page(superuser, scripts=scripts)
    with hold_import_lock(wait=0):  # as its process does
        page.goto(url_of(record))
        expect(page.get_by_text("This run has not ended.")).to_be_visible()
        if scripts:
            expect(page.locator(".record-elapsed")).to_contain_text("s ago")
            assert faults_here(page, axe) == []
    ImportRecord.objects.update(
        status="succeeded", finished_at=timezone.now(), counts={"CREATE": 5}
    )
    expect(page.get_by_text("Succeeded: 5 created.")).to_be_visible()
