"""The pages of an import, with everything on them: usable by everybody, at any width."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from flows.content.fields import Kind
from flows.models import MODELS, Flow, Secret
from flows.saves.named_saves import list_saves
from imports.importing.service import run_import
from imports.models import ImportItem
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.pending import Options
from tests.browser import scene
from tests.browser.accessibility import scrolls_sideways
from tests.browser.test_admin_pages import LONG_NAME, faults_of
from tests.support.factories import ConnectionFactory, FlowFactory
from tests.support.importing import (
    confirmed,
    connection,
    export_file,
    flow,
    request_for,
    secret,
    uuid_of,
)


@pytest.fixture
def shop(transactional_db):
    """A server that holds a shop's flows, one secret's value, and an edit since the import."""
    run_import(request_for(scene.before()))
    for each in Secret.objects.all():
        each.dev_value = f"value-of-{each.name}"
        each.save()
    Flow.objects.filter(uuid=scene.uuid_of("f", 2)).update(info="Edited here.")


def stage(user, payload, name="shop.json", mode=Mode.OVERWRITE):
    options = Options(mode=mode, with_backup=False)
    return uploads.stage(user, payload=payload, file_name=name, options=options)


def everything():
    """A file with all that a preview can tell."""
    node = {"id": "a", "data": {"secret": "secrets.GONE", "connection": uuid_of("c", 99)}}
    return export_file(
        flow(1, LONG_NAME, nodes=[node]),
        flow(2, "Twin"),
        flow(3, "Locked"),
        flow(4, "Brought back"),
        connection(1, "Payments", devValue='{ host: "https://other.example", key: secrets.KEY }'),
        connection(2, ""),
        secret(1, "KEY"),
    )


@pytest.fixture
def crowded(transactional_db):
    FlowFactory.create_batch(2, name="Twin")
    FlowFactory(uuid=uuid_of("f", 3), name="Locked here", is_locked=True)
    FlowFactory(uuid=uuid_of("f", 4), name="Deleted", is_deleted=True)
    ConnectionFactory(uuid=uuid_of("c", 1), name="Payments", dev_value='{ host: "https://a.b" }')
    Secret.objects.create(uuid=uuid_of("5", 1), name="OLD_KEY", dev_value="v")


def test_the_upload_and_its_errors(logged_in_page, superuser, axe, faults):
    faults.expect("Failed to load resource: .* 422 ")
    stage(superuser, export_file(flow(1, "Waits")), name=f"{LONG_NAME}.json")
    page = logged_in_page(superuser)
    assert faults_of(page, axe, reverse("admin:imports_upload")) == []
    bad = export_file(*({"uuid": f"f{number}", "name": LONG_NAME} for number in range(9)))
    file = {"name": "bad.json", "mimeType": "application/json", "buffer": bad}
    page.get_by_label("Export file").set_input_files(file)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_text("All 9 problems").wait_for()
    assert faults_here(page, axe) == []


def faults_here(page, axe):
    """As faults_of, of the page as it is."""
    page.set_viewport_size({"width": 1280, "height": 800})
    told = axe(page)
    page.set_viewport_size({"width": 360, "height": 740})
    return told + ["it scrolls sideways"] * scrolls_sideways(page)


def test_a_preview_with_everything_in_it(logged_in_page, superuser, crowded, axe, settings):
    settings.ZIGGY = {**settings.ZIGGY, "CONFIRM_SERVER_NAME": True}
    pending = stage(superuser, everything())
    preview = reverse("admin:imports_preview", args=[pending.pk])
    page = logged_in_page(superuser)
    assert faults_of(page, axe, preview, f"{preview}?q=nothing&show=attention") == []


def test_the_preview_and_the_items_of_a_shop(logged_in_page, superuser, shop, axe):
    pending = stage(superuser, scene.after())
    items = [
        reverse("admin:imports_pending_item", args=[pending.pk, kind, scene.uuid_of(digit, number)])
        for kind, digit, number in (
            *((Kind.FLOW, "f", 1), (Kind.FLOW, "f", 2), (Kind.FLOW, "f", 4)),
            *((Kind.CONNECTION, "c", 1), (Kind.SECRET, "5", 3)),
        )
    ]
    preview = reverse("admin:imports_preview", args=[pending.pk])
    assert faults_of(logged_in_page(superuser), axe, preview, *items) == []


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
def test_the_imports_of_an_item(kind, logged_in_page, superuser, axe):
    confirmed(stage(superuser, scene.after(), name=f"{LONG_NAME}.json"))
    row = MODELS[Kind(kind)].objects.order_by("pk")[0]
    written = ImportItem.objects.filter(target_uuid=row.uuid).exclude(result="UNCHANGED")
    last = written.order_by("-pk")[0]
    imports = reverse(f"admin:flows_{kind}_imports", args=[row.pk])
    difference = reverse(f"admin:flows_{kind}_import", args=[row.pk, last.pk])
    page = logged_in_page(superuser)
    assert faults_of(page, axe, imports, difference) == []
    page.goto(reverse(f"admin:flows_{kind}_change", args=[row.pk]))
    page.get_by_role("link", name="Imports", exact=True).click()
    page.get_by_role("link", name=f"Difference that import {last.record_id} made").click()
    expect(page).to_have_url(re.compile(f"{re.escape(difference)}$"))


def test_the_records_and_what_an_import_changed(logged_in_page, superuser, shop, axe):
    record = confirmed(stage(superuser, scene.after()))
    changed = ImportItem.objects.get(record=record, target_uuid=scene.uuid_of("f", 1))
    page = logged_in_page(superuser)
    assert (
        faults_of(
            page,
            axe,
            reverse("admin:imports_importrecord_changelist"),
            reverse("admin:imports_importrecord_change", args=[record.pk]),
            reverse("admin:imports_importrecord_item", args=[record.pk, changed.pk]),
        )
        == []
    )


def test_the_named_saves_of_an_import(logged_in_page, superuser, shop, axe):
    confirmed(stage(superuser, scene.after()))
    orders = Flow.objects.get(uuid=scene.uuid_of("f", 1))
    (save,) = list_saves(orders)
    saves = reverse("admin:flows_flow_saves", args=[orders.pk])
    restore = reverse("admin:flows_flow_restore_save", args=[orders.pk, save.pk])
    compare = f"{saves}compare/?before={save.pk}&after=now"
    assert faults_of(logged_in_page(superuser), axe, saves, compare, restore) == []
