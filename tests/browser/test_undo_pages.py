"""An import that is taken back in a browser: the way from its record, conflicts, and the redo."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from flows.content.fields import Kind
from flows.models import Flow
from imports.importing.service import run_import
from imports.models import ImportRecord
from tests.browser import scene
from tests.browser.test_admin_pages import LONG_NAME, faults_of
from tests.browser.test_import_pages import faults_here
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, request_for, secret, uuid_of


def record_url(record):
    return reverse("admin:imports_importrecord_change", args=[record.pk])


def undo_url(record):
    return reverse("admin:imports_importrecord_undo", args=[record.pk])


def row_url(record, kind, uuid):
    return reverse("admin:imports_importrecord_undo_row", args=[record.pk, kind, uuid])


def edited(number, info="Edited by hand.", by="carl"):
    Flow.objects.filter(uuid=scene.uuid_of("f", number)).update(info=info, updated_by=by)


@pytest.fixture
def shop(transactional_db):
    """The record of an import into a shop, one row of which somebody edited since."""
    run_import(request_for(scene.before()))
    record = run_import(request_for(scene.after())).record
    edited(2)
    return record


@pytest.fixture
def crowded(transactional_db, settings):
    """The record of an import with all that an undo can tell, on a server whose name is asked for."""
    settings.ZIGGY = {**settings.ZIGGY, "CONFIRM_SERVER_NAME": True}
    FlowFactory(uuid=uuid_of("f", 1), name=LONG_NAME, info="before")
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="a-value")
    ConnectionFactory(
        uuid=uuid_of("c", 1), dev_value='{ host: "https://a.example", key: secrets.KEY }'
    )
    node = {"id": "a", "data": {"connection": uuid_of("c", 2)}}
    record = import_items(
        flow(1, f"{LONG_NAME} too", info=LONG_NAME),
        flow(2, "User", nodes=[node]),
        *(flow(number, f"Flow {number}") for number in range(10, 130)),
        connection(1, "Mail", devValue='{ host: "https://b.example", key: secrets.KEY }'),
        connection(2, ""),
        secret(1, "OTHER_KEY"),
    ).record
    Flow.objects.filter(uuid=uuid_of("f", 1)).update(info="mine", updated_by=LONG_NAME)
    Flow.objects.filter(uuid=uuid_of("f", 11)).update(info="mine", updated_by="")
    Flow._default_manager.filter(uuid=uuid_of("f", 12)).delete()
    return record


# --- Pages


def test_the_undo_of_a_shop_and_its_rows(logged_in_page, superuser, shop, axe):
    rows = [
        row_url(shop, kind, scene.uuid_of(digit, number))
        for kind, digit, number in (
            *((Kind.FLOW, "f", 1), (Kind.FLOW, "f", 2), (Kind.FLOW, "f", 4)),
            *((Kind.CONNECTION, "c", 1), (Kind.SECRET, "5", 3)),
        )
    ]
    page = logged_in_page(superuser)
    assert faults_of(page, axe, record_url(shop), undo_url(shop), *rows) == []


def test_an_undo_with_everything_in_it(logged_in_page, superuser, crowded, axe, faults):
    faults.expect("Failed to load resource: .* 422 ")
    faults.expect("Failed to load resource: .* 409 ")
    page = logged_in_page(superuser)
    undo = undo_url(crowded)
    assert faults_of(page, axe, undo, f"{undo}?page=2", f"{undo}?q=nothing&show=news") == []
    page.goto(undo)
    page.get_by_label("Conflicts without a choice of their own").select_option("keep")
    page.get_by_role("button", name="Plan again with these choices").click()
    assert faults_here(page, axe) == []
    page.get_by_label("Type the name of this server").fill("elsewhere")
    page.get_by_role("button", name="Undo import").click()
    expect(page.locator("#undo-confirm .errorlist")).to_contain_text("Type the name of this")
    assert faults_here(page, axe) == []
    Flow.objects.filter(uuid=uuid_of("f", 20)).update(info="meanwhile")
    page.get_by_label("Type the name of this server").fill("local")
    page.get_by_role("button", name="Undo import").click()
    expect(page.get_by_role("alert").first).to_contain_text("This is the new plan")
    expect(page.locator("#result_list .news")).to_have_count(1)
    assert faults_here(page, axe) == []


# --- The whole way


def line_of(page, name):
    return page.locator("#result_list tr").filter(has=page.get_by_text(name, exact=True))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_import_is_undone_and_redone(scripts, logged_in_page, superuser):
    FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="before")
    FlowFactory(uuid=uuid_of("f", 2), name="Mail", info="before")
    record = import_items(
        flow(1, "Sync", info="file"), flow(2, "Mail", info="file"), flow(3, "Made")
    ).record
    page = logged_in_page(superuser, scripts=scripts)
    edit_by_hand(page, Flow.objects.get(uuid=uuid_of("f", 2)))

    page.goto(record_url(record))
    page.get_by_role("link", name="Undo this import").click()
    expect(page.get_by_role("alert")).to_contain_text("This cannot be undone as it stands.")
    expect(line_of(page, "Mail")).to_contain_text(re.compile("was edited since, last by ada on "))
    expect(page.locator("#result_list .import-group").first).to_have_text("Conflicts")
    page.get_by_role("link", name="what would change in Mail").click()
    expect(page.locator(".difference .removed")).to_contain_text("edited by hand")
    page.go_back()

    page.get_by_label("What happens to Mail").select_option("keep")
    page.get_by_role("button", name="Plan again with these choices").click()
    expect(line_of(page, "Mail").locator(".result")).to_have_text("KEEP")
    page.get_by_label("Without a backup").check()
    page.get_by_role("button", name=f"Undo import {record.pk} on local").click()
    expect(page.get_by_text("is undone: this is the record of that.")).to_be_visible()
    assert infos() == {"Sync": "before", "Mail": "edited by hand"}
    undo = ImportRecord.objects.get(mode="undo")
    assert page.url.endswith(record_url(undo))

    page.get_by_role("link", name=f"Redo import {record.pk}: undo this undo").click()
    expect(line_of(page, "Made").locator(".result")).to_have_text("RESTORE")
    page.get_by_label("Without a backup").check()
    page.get_by_role("button", name=f"Redo import {record.pk} on local").click()
    expect(page.locator("h1 .record-status")).to_have_text("Succeeded")
    assert infos() == {"Sync": "file", "Mail": "edited by hand", "Made": ""}
    page.get_by_role("link", name=f"import {undo.pk}", exact=True).click()
    expect(page.locator("h1 .record-status")).to_have_text("Undone")
    page.get_by_role("link", name=f"import {record.pk}", exact=True).click()
    expect(page.locator("h1 .record-status")).to_have_text("Succeeded")
    expect(page.get_by_role("link", name="Undo this import")).to_be_visible()


def edit_by_hand(page, row):
    page.goto(reverse("admin:flows_flow_change", args=[row.pk]))
    page.get_by_label("Info:").fill("edited by hand")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def infos():
    return dict(Flow.objects.filter(is_deleted=False).values_list("name", "info"))


def test_enter_in_a_field_confirms_nothing(logged_in_page, superuser, shop, settings):
    settings.ZIGGY = {**settings.ZIGGY, "CONFIRM_SERVER_NAME": True}
    page = logged_in_page(superuser)
    page.goto(undo_url(shop))
    page.get_by_label("Conflicts without a choice of their own").select_option("restore")
    page.get_by_role("button", name="Plan again with these choices").click()
    page.get_by_label("Type the name of this server").fill("local")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Type the name of this server")).to_have_value("")
    page.get_by_label("Name or uuid").fill("orders")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No item is like this.")).to_be_visible()
    assert not ImportRecord.objects.filter(mode="undo").exists()
