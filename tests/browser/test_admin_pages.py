"""Every page of the admin in a real browser: no fault, usable by everybody, at any width.

The fixtures fail a test whose page has a fault; see conftest.
"""

import json
import re
from datetime import timedelta

import pytest
import reversion
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from reversion.models import Version

from accounts.models import ApiToken
from tests.browser.accessibility import EXCUSES, read_axe, scrolls_sideways, violations
from tests.support.factories import FACTORIES, FlowFactory
from tests.support.users import PASSWORD

LONG_NAME = "A_name_without_a_space_" * 8
NODES = json.dumps(
    [
        {"id": f"n{number}", "type": "action", "position": {"x": 300 * number, "y": 90 * number}}
        for number in range(12)
    ]
)
EDGES = json.dumps([{"id": "e", "source": "n0", "target": "n1"}])


def faults_of(page, axe, *paths):
    """What is wrong with the look and the use of the pages, one line each, and of no other."""
    told = []
    for path in paths:
        page.set_viewport_size({"width": 1280, "height": 800})
        status = page.goto(path).status
        if status != 200:
            told.append(f"{path}: {status}")
        told += axe(page)
        page.set_viewport_size({"width": 360, "height": 740})
        if scrolls_sideways(page):
            told.append(f"{path} scrolls sideways on a phone")
    return told


def pages_of(app, model, pk, *names):
    return [
        reverse(f"admin:{app}_{model}_{name}", args=[] if name in {"changelist", "add"} else [pk])
        for name in names
    ]


# --- The way in


def test_one_logs_in_by_the_form(page, superuser):
    page.goto("/admin/flows/flow/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Select flow to change")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Thanks for spending some quality time")).to_be_visible()


def test_a_wrong_password_is_told_on_the_login_page(page, superuser, axe):
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
    assert axe(page) == []


# --- Pages


@pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
def test_the_pages_of_a_kind(kind, logged_in_page, superuser, axe):
    graph = {"nodes": NODES, "edges": EDGES} if kind == "flow" else {}
    with reversion.create_revision():
        item = FACTORIES[kind](name=LONG_NAME, **graph)
    with reversion.create_revision():
        deleted = FACTORIES[kind](name="Deleted")
    version, last = (Version.objects.get_for_object(each).get() for each in (item, deleted))
    deleted.delete()
    assert (
        faults_of(
            logged_in_page(superuser),
            axe,
            *pages_of("flows", kind, item.pk, "changelist", "add", "change", "history", "delete"),
            reverse(f"admin:flows_{kind}_revision", args=[item.pk, version.pk]),
            reverse(f"admin:flows_{kind}_recoverlist"),
            reverse(f"admin:flows_{kind}_recover", args=[last.pk]),
        )
        == []
    )


def test_the_pages_of_accounts(logged_in_page, superuser, axe):
    group = Group.objects.create(name="Readers")
    superuser.groups.add(group)
    ApiToken.objects.create(
        user=superuser, name="CI", expiry=timedelta(days=1), password_stamp=superuser.password_stamp
    )
    every = ("changelist", "add", "change", "history", "delete")
    assert (
        faults_of(
            logged_in_page(superuser),
            axe,
            *pages_of("accounts", "user", superuser.pk, *every),
            *pages_of("auth", "group", group.pk, *every),
            *pages_of("accounts", "apitoken", None, "changelist", "add"),
            reverse("admin:auth_user_password_change", args=[superuser.pk]),
        )
        == []
    )


def test_the_pages_of_the_site(logged_in_page, superuser, axe):
    page = logged_in_page(superuser)
    assert faults_of(page, axe, "/admin/", "/admin/flows/", "/admin/password_change/") == []


def test_a_key_that_was_issued_is_shown(logged_in_page, superuser, axe):
    page = logged_in_page(superuser)
    page.goto("/admin/accounts/apitoken/add/")
    page.get_by_label("User:").select_option("ada")
    page.get_by_label("Name:").fill("Pipeline")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#issued-key")).to_have_text(re.compile("^zgy_"))
    assert axe(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert not scrolls_sideways(page)


# --- What only a script can do


def test_the_widgets_for_a_time_work(logged_in_page, superuser):
    page = logged_in_page(superuser)
    page.goto("/admin/accounts/apitoken/add/")
    page.get_by_role("link", name="Choose a Date").click()
    page.get_by_role("link", name="Tomorrow").last.click()
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()
    expect(page.locator("#id_expiry_0")).to_have_value(tomorrow)
    page.get_by_role("link", name="Choose a Time").click()
    page.get_by_role("link", name="Midnight").click()
    expect(page.locator("#id_expiry_1")).to_have_value("00:00:00")


def test_a_group_is_made_in_a_window_and_chosen(logged_in_page, superuser):
    page = logged_in_page(superuser)
    page.goto(reverse("admin:accounts_user_change", args=[superuser.pk]))
    with page.expect_popup() as popup:
        page.locator("#add_id_groups").click()
    popup.value.get_by_label("Name:").fill("Readers")
    popup.value.get_by_role("button", name="Save", exact=True).click()
    chosen = page.locator("#id_groups_to option")
    expect(chosen).to_have_text(["Readers"])
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert [group.name for group in superuser.groups.all()] == ["Readers"]


def test_several_items_are_deleted_at_once_in_dark_on_a_phone(logged_in_page, superuser, axe):
    FlowFactory.create_batch(3)
    page = logged_in_page(superuser, color_scheme="dark", phone=True)
    page.goto("/admin/flows/flow/")
    page.get_by_role("checkbox", name="Select all objects").check()
    expect(page.get_by_text("3 of 3 selected")).to_be_visible()
    page.get_by_label("Action:").select_option("Delete selected flows")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="Delete multiple objects")).to_be_visible()
    assert axe(page) == []
    assert not scrolls_sideways(page)


# --- Beside the admin


def test_the_description_of_the_api_opens(page):
    page.goto("/api/docs")
    page.get_by_role("button", name="GET /api/health", exact=False).first.click()
    expect(page.get_by_text("Whether the service and its database answer").first).to_be_visible()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


@pytest.mark.parametrize("path", ["/nothing", "/admin/nothing/"])
def test_a_page_that_is_not_there_breaks_nothing_else(path, logged_in_page, superuser, faults):
    faults.expect("console error: Failed to load resource: .* 404 ")
    page = logged_in_page(superuser)
    assert page.goto(path).status == 404
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()


def test_a_form_that_was_not_ours_is_refused_in_the_looks_of_the_admin(
    logged_in_page, superuser, faults, axe
):
    faults.expect("console error: Failed to load resource: .* 403 .*password_change")
    page = logged_in_page(superuser)
    page.goto("/admin/password_change/")
    page.locator("[name=csrfmiddlewaretoken]").last.evaluate("(field) => field.value = 'forged'")
    page.get_by_label("Old password:").fill(PASSWORD)
    page.get_by_label("New password:").fill("a-new-one-that-is-good")
    page.get_by_label("New password confirmation:").fill("a-new-one-that-is-good")
    page.get_by_role("button", name="Change my password").click()
    expect(page.get_by_role("heading", name="This form could not be taken")).to_be_visible()
    assert axe(page) == []


def test_every_excuse_is_still_needed(logged_in_page, superuser):
    page = logged_in_page(superuser)
    found = ""
    user = reverse("admin:accounts_user_change", args=[superuser.pk])
    for path in (user, "/admin/imports/importrecord/"):
        page.goto(path)
        found += "\n".join(violations(page, read_axe(), excuses=()))
    assert [excuse.rule for excuse in EXCUSES if f" {excuse.rule}: " not in found] == []
