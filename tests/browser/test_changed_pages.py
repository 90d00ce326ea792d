"""Pages on which somebody has to decide, or is told why nothing was done: how they look and read.

Those of a save that somebody else was faster with, of a secret's value, of refusals, of a database
that is busy; what a plan's page says of choices that are not planned, and how far an import is.
"""

import json
import os
import re
import sqlite3
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db.utils import OperationalError
from django.urls import reverse
from playwright.sync_api import expect
from psycopg.errors import QueryCanceled

from accounts.models import User
from flows.admin.items import FlowAdmin
from flows.models import Flow
from imports.importing.service import run_import
from tests.browser.test_import_pages import everything, faults_here, stage
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import export_file, flow, request_for, uuid_of

LINES = "\n".join(f"line {number} of a text that is long enough to wrap" for number in range(2000))
USED = '[{"data":{"code":"secrets.PAYMENTS_KEY"}}]'


def conflict(page, item, **typed):
    """Open the item's form, let somebody else save it, and save what is typed."""
    page.goto(reverse("admin:flows_flow_change", args=[item.pk]))
    for name, text in typed.items():
        page.locator(f"#id_{name}").fill(text)
    other = Flow.objects.get(pk=item.pk)
    other.info, other.updated_by = f"{LINES}\nfrom grace", "grace"
    other.save()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="What saving over it would change")).to_be_visible()


def take(page, name):
    """Pictures for whoever works on a page: `ZIGGY_SHOTS=DIRECTORY`."""
    if directory := os.environ.get("ZIGGY_SHOTS"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in (1280, 360):
                page.set_viewport_size({"width": width, "height": 900})
                path = Path(directory) / f"{name}-{scheme}-{width}.png"
                page.screenshot(path=path, full_page=True, animations="disabled")
        page.emulate_media(color_scheme="light")


def test_a_save_that_somebody_was_faster_with(logged_in_page, superuser, axe):
    page = logged_in_page(superuser)
    conflict(page, FlowFactory(name="Orders", info=LINES), name="Orders of today")
    take(page, "conflict")
    assert faults_here(page, axe) == []
    section = page.locator(".conflict")
    told = page.get_by_text("look below at what differs").bounding_box()
    assert section.bounding_box()["y"] > told["y"]
    assert section.evaluate("(each) => getComputedStyle(each).borderLeftWidth") == "4px"
    page.get_by_label("Save over it").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def saved_over(page, _superuser):
    conflict(page, FlowFactory(name="Orders", info=LINES))


def of_an_upload(page, superuser):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info=LINES)
    pending = stage(superuser, export_file(flow(1, "Orders", info=f"{LINES}\nnew")))
    page.goto(reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)]))


def of_a_record(page, _superuser):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info=LINES)
    file = export_file(flow(1, "Orders", info=f"{LINES}\nnew"))
    record = run_import(request_for(file)).record
    page.goto(reverse("admin:imports_importrecord_item", args=[record.pk, record.items.get().pk]))


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("open_difference", [saved_over, of_an_upload, of_a_record])
def test_the_numbers_of_lines_stand_on_one_line(phone, open_difference, logged_in_page, superuser):
    page = logged_in_page(superuser, phone=phone)
    open_difference(page, superuser)
    numbers = page.locator(".line-number:not(:empty)")
    assert "2001" in numbers.all_text_contents()
    lines = numbers.evaluate_all(
        """(cells) => cells.map((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const {width} = range.getBoundingClientRect();
            const box = cell.getBoundingClientRect();
            return [range.getClientRects().length, width <= box.width];
        })"""
    )
    assert lines == [[1, True]] * len(lines)
    assert page.locator(".line-text").first.evaluate("(cell) => cell.clientWidth") >= 100


@pytest.mark.parametrize("used", [True, False])
def test_where_the_value_of_a_secret_goes(used, logged_in_page, superuser, axe):
    secret = SecretFactory(name="PAYMENTS_KEY")
    if used:
        value = "{ host: 'pay.example.com', key: secrets.PAYMENTS_KEY }"
        ConnectionFactory(name="Payments", dev_value=value)
        FlowFactory(name="Orders", nodes=USED)
    page = logged_in_page(superuser)
    page.goto(reverse("admin:flows_secret_change", args=[secret.pk]))
    expect(page.get_by_role("heading", name="Where a value goes")).to_be_visible()
    take(page, f"secret-{'used' if used else 'unused'}")
    assert faults_here(page, axe) == []


def test_what_an_account_may_not_do(transactional_db, logged_in_page, axe, faults):
    faults.expect("console error: Failed to load resource: .* 403 ")
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_flow"))
    page = logged_in_page(user)
    assert page.goto(reverse("admin:flows_secret_changelist")).status == 403
    expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
    expect(page.locator("#site-name")).to_have_text("Ziggy flow import")
    take(page, "not-permitted")
    assert faults_here(page, axe) == []


def busy(*_arguments, **_options):
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    raise OperationalError("database is locked") from cause


def too_slow(*_arguments, **_options):
    raise OperationalError("canceling statement") from QueryCanceled()


@pytest.fixture(
    params=[
        pytest.param((busy, "The database is being written", "busy"), id="it is busy"),
        pytest.param((too_slow, "This took too long", "statement-timeout"), id="it takes too long"),
    ]
)
def trouble(request, faults, monkeypatch):
    """The list of flows fails so; what its page says then, and the name of its picture."""
    fails, heading, picture = request.param
    faults.expect("console error: Failed to load resource: .* 503 ")
    monkeypatch.setattr(FlowAdmin, "changelist_view", fails)
    return heading, picture


def test_a_page_that_the_database_does_not_answer(trouble, logged_in_page, superuser, axe):
    heading, picture = trouble
    page = logged_in_page(superuser)
    page.goto(reverse("admin:flows_flow_changelist"))
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("#site-name")).to_have_text("Ziggy flow import")
    take(page, picture)
    assert faults_here(page, axe) == []


def test_choices_that_are_not_planned_are_told_while_problems_are_left(
    logged_in_page, superuser, axe
):
    FlowFactory.create_batch(2, name="Twin")
    pending = stage(superuser, everything())
    page = logged_in_page(superuser)
    page.goto(reverse("admin:imports_preview", args=[pending.pk]))
    hint = page.get_by_text("Choices were changed since this plan")
    expect(page.get_by_text("There is nothing to confirm while a problem is left.")).to_be_visible()
    expect(hint).to_be_hidden()
    mode = page.get_by_role("radio", name=re.compile("^duplicate", re.IGNORECASE)).first
    before = page.locator(".import-modes input:checked")
    before_value = before.get_attribute("value")
    mode.check()
    expect(hint).to_be_visible()
    take(page, "preview-unplanned")
    assert faults_here(page, axe) == []
    page.locator(f".import-modes input[value={before_value}]").check()
    expect(hint).to_be_hidden()


def test_the_words_of_the_progress_fit_its_numbers(logged_in_page, superuser):
    pending = stage(superuser, export_file(flow(1, "New")))
    told = {"running": False, "phase": "", "done": 0, "total": 0, "record": None}
    page = logged_in_page(superuser)
    page.route("**/progress/", lambda route: route.fulfill(body=json.dumps(told)))
    page.route("**/confirm/**", lambda _route: None)  # an answer that is long in coming
    page.goto(reverse("admin:imports_preview", args=[pending.pk]))
    page.get_by_role("button", name="Import into local").click()
    section = page.locator("#import-progress")
    expect(section.locator(".phase")).to_have_text("Starting")
    told |= {"running": True, "phase": "Writing", "done": 4999, "total": 5000}
    expect(section.locator(".phase")).to_have_text("Writing")
    expect(section.locator(".numbers")).to_have_text("4999 of 5000")
    told |= {"running": False, "phase": "", "done": 0, "total": 0}
    expect(section.locator(".phase")).to_have_text("The import has ended")
    expect(section.locator(".numbers")).to_have_text("")
