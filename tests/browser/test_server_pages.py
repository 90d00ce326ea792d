"""The pages about a server as a whole, in a real browser: by everybody, at any width, in the dark.

The first page, what was changed here, the comparison, the export, the lists with their boxes, and
the pages of refusals.
"""

import json
import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import User
from flows.models import Connection, Flow
from imports.importing.service import run_import
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from tests.browser import scene
from tests.browser.accessibility import scrolls_sideways
from tests.support.importing import request_for
from tests.support.users import PASSWORD, staff_with

LONG_NAME = "A_name_without_a_space_" * 8
PAGES = "/admin/imports/importrecord"


def faults_here(page, axe):
    """What is wrong with the page, wide and on a phone, in light and in dark."""
    page.set_viewport_size({"width": 1280, "height": 800})
    told = axe(page)
    page.set_viewport_size({"width": 360, "height": 740})
    told += axe(page)
    if scrolls_sideways(page):
        told.append(f"{page.url} scrolls sideways on a phone")
    for frame in page.locator("table.drift-list").all():
        if frame.evaluate("(table) => table.scrollWidth > table.parentElement.clientWidth + 1"):
            told.append(f"{page.url} has a table that is wider than the phone")
    page.set_viewport_size({"width": 1280, "height": 800})
    return told


@pytest.fixture
def shop(transactional_db, superuser):
    """The shop's server after an import, on which people edited some of it since."""
    run_import(request_for(scene.before(), with_backup=True))
    return Flow.objects.get(name=scene.ORDERS)


def edit_by_form(page, flow, timeout):
    page.goto(reverse("admin:flows_flow_change", args=[flow.pk]))
    page.get_by_label("Timeout:").fill(str(timeout))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def test_the_way_from_the_first_page_to_an_edit_and_its_export(
    shop, logged_in_page, superuser, axe, tmp_path
):
    page = logged_in_page(superuser)
    edit_by_form(page, shop, 99)
    edit_by_form(page, shop, 98)
    page.goto("/admin/")
    expect(page.locator("#overview-drift")).to_contain_text("1 flow")
    assert faults_here(page, axe) == []
    page.locator("#overview-drift a").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Changed here since the last import")).to_be_visible()
    row = page.locator("#drift tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("timeout 60 → 98")
    expect(row).to_contain_text("ada")
    assert faults_here(page, axe) == []
    page.get_by_role("checkbox", name=scene.ORDERS).check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export the ticked ones").click()
    path = tmp_path / "fix.json"
    download.value.save_as(path)
    [carried] = json.loads(path.read_text())["flows"]
    assert (carried["name"], carried["timeout"]) == (scene.ORDERS, 98)
    page.get_by_role("link", name=scene.ORDERS).click()
    expect(page.get_by_role("heading", name="What was imported, and now")).to_be_visible()
    expect(page.locator("#content-main")).to_contain_text("98")
    assert faults_here(page, axe) == []


def test_the_first_page_with_everything_on_it(shop, logged_in_page, superuser, axe):
    uploads.stage(
        superuser,
        payload=scene.after(),
        file_name=f"{LONG_NAME}.json",
        options=uploads.Options(mode=Mode.OVERWRITE),
    )
    run_import(request_for(scene.after(), file_name=f"{LONG_NAME}.json", user_name=LONG_NAME))
    page = logged_in_page(superuser)
    page.goto("/admin/")
    expect(page.locator(".overview-card")).to_have_count(4)
    expect(page.locator("#overview-backup")).to_contain_text("just now")
    assert faults_here(page, axe) == []
    page.locator("#overview-imports").get_by_role("link", name="Undo").first.click()
    expect(page.get_by_role("heading", name="Undo import")).to_be_visible()


def test_a_file_is_compared_without_a_script(shop, logged_in_page, superuser, axe, tmp_path):
    Connection.objects.filter(name="Payments").update(description="by hand")
    file = tmp_path / f"{LONG_NAME}.json"
    file.write_bytes(scene.after())
    page = logged_in_page(superuser, scripts=False)
    page.goto(f"{PAGES}/drift/")
    page.get_by_role("link", name="Compare this server with a file").click()
    page.get_by_label("Export file").set_input_files(file)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="not in sync")).to_be_visible()
    expect(page.get_by_role("heading", name="1: Changed here and in the file")).to_be_visible()
    page = logged_in_page(superuser)
    page.goto(f"{PAGES}/compare/")
    page.get_by_label("Export file").set_input_files(file)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="not in sync")).to_be_visible()
    assert faults_here(page, axe) == []


def download(page, button):
    """The export that a button begins to download, asked for once more at its address.

    A browser without a window may never say that it has written a download.
    """
    with page.expect_response(
        lambda answer: "attachment" in answer.headers.get("content-disposition", "")
    ) as found:
        page.get_by_role("button", name=button, exact=True).click()
    assert found.value.request.method == "GET"
    return page.request.get(found.value.url).json()


def test_an_export_is_counted_and_then_downloaded_without_a_script(shop, logged_in_page, superuser):
    page = logged_in_page(superuser, scripts=False)
    page.goto("/admin/flows/flow/")
    page.get_by_role("link", name="Export by tags or kinds").click()
    page.get_by_label("Flows with the tag").fill("orders")
    page.get_by_role("button", name="Show what it has").click()
    expect(page.locator("#export")).to_contain_text("1 flows: 1 chosen")
    expect(page.locator("#export")).to_contain_text("2 connections: 2 needed by these")
    document = download(page, "Download")
    assert [flow["name"] for flow in document["flows"]] == [scene.ORDERS]


def test_everybody_can_use_the_page_of_an_export(shop, logged_in_page, superuser, axe):
    page = logged_in_page(superuser)
    page.goto(f"{PAGES}/export/?tag=orders&tag={LONG_NAME}&kind=secret")
    assert faults_here(page, axe) == []


def test_a_tag_of_many_is_typed_and_the_selection_is_exported(
    shop, logged_in_page, superuser, axe, tmp_path
):
    Flow.objects.bulk_create(
        Flow(name=f"Many {each}", tags=json.dumps([f"tag {each:04}"], separators=(",", ":")))
        for each in range(1179)
    )
    page = logged_in_page(superuser)
    page.goto("/admin/flows/flow/")
    assert page.evaluate("document.documentElement.scrollHeight") < 4000
    assert faults_here(page, axe) == []
    box = page.get_by_label("One of 1182, or a part of it")
    box.fill("tag 117")
    page.keyboard.press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(9)
    assert faults_here(page, axe) == []
    page.locator("#changelist-filter").get_by_role("link", name="tag 1178").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.get_by_role("checkbox", name="Select this object").check()
    with page.expect_download() as export:
        page.get_by_role("button", name="Export", exact=True).click()
    export.value.save_as(tmp_path / "export.json")
    document = json.loads((tmp_path / "export.json").read_text())
    assert [flow["name"] for flow in document["flows"]] == ["Many 1178"]


# --- Refusals, failures, and the login


def test_a_link_comes_back_through_the_login(shop, page, superuser):
    page.goto("/admin/flows/flow/?tag=orders")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/flows/flow/?tag=orders")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_a_form_after_the_session_ended_leads_back_to_its_page(shop, logged_in_page, superuser):
    page = logged_in_page(superuser)
    address = reverse("admin:flows_flow_saves", args=[shop.pk])
    page.goto(address)
    name = page.locator("input[name=name]")
    name.fill("before the rebuild")
    page.context.clear_cookies(name="sessionid")
    name.press("Enter")
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("input[name=name]")).to_be_visible()  # the refusal had this address, too
    page.wait_for_url(f"**{address}")


def test_the_pages_of_refusals(logged_in_page, superuser, axe, faults):
    faults.expect("console error: Failed to load resource: .* (403|404) ")
    page = logged_in_page(staff_with(name="sam"))
    assert page.goto("/admin/flows/secret/add/").status == 403
    expect(page.get_by_text("Can add secret")).to_be_visible()
    expect(page.get_by_text("Who can give it: ada.")).to_be_visible()
    assert faults_here(page, axe) == []
    assert page.goto(f"/admin/{LONG_NAME}/").status == 404
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    assert faults_here(page, axe) == []


def test_the_page_of_a_failure(page, axe, faults, monkeypatch):
    faults.expect("console error: Failed to load resource: .* 500 ")
    monkeypatch.setattr("django.contrib.auth.views.LoginView.get_form_class", None)
    assert page.goto("/admin/login/").status == 500
    expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    assert faults_here(page, axe) == []


def test_many_saves_of_an_item(shop, logged_in_page, superuser, axe):
    from flows.saves import named_saves  # noqa: PLC0415

    for number in range(150):
        named_saves.take(Flow.objects.get(pk=shop.pk), f"{LONG_NAME}{number}")
    page = logged_in_page(superuser)
    for view in ("history", "saves"):
        page.goto(reverse(f"admin:flows_flow_{view}", args=[shop.pk]))
        page.get_by_role("link", name="Page 2").click()
        expect(page.get_by_text(f"{LONG_NAME}49", exact=False).first).to_be_visible()
        assert faults_here(page, axe) == []


def test_real_flows(transactional_db, logged_in_page, superuser, axe, shared_data):
    """300 real flows, of which 40 were edited: the pages are whole, and stay within a screen's width."""
    run_import(request_for((shared_data / "real-medium.json").read_bytes()))
    for row in Flow.objects.order_by("pk")[:40]:
        row.timeout = 99
        row.save()
    page = logged_in_page(superuser)
    for path in ("/admin/", f"{PAGES}/drift/", f"{PAGES}/export/?kind=flow", "/admin/flows/flow/"):
        page.goto(path)
        assert faults_here(page, axe) == []
        if directory := os.environ.get("ZIGGY_PICTURES"):
            name = path.strip("/").replace("/", "-").replace("?", "-")
            page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


def test_a_user_without_rights_has_a_first_page(transactional_db, logged_in_page, axe):
    page = logged_in_page(User.objects.create_user("sam", is_staff=True))
    page.goto("/admin/")
    expect(page.locator(".overview-card")).to_have_count(0)
    assert faults_here(page, axe) == []
