"""The review of a real export of 739 items, 40 flows of which were changed since."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from flows.models import Flow
from imports.models import ImportRecord, PendingImport, Status
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.pending import Options
from imports.uploads.planning import read_page
from tests.support.changed_export import change_export
from tests.support.importing import confirmed


@pytest.fixture
def pending(superuser, shared_data, settings, tmp_path):
    """The upload of the changed export, on a server that has the first one."""
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path}
    payload = (shared_data / "real-medium.json").read_bytes()
    options = Options(mode=Mode.OVERWRITE, with_backup=False)
    first = uploads.stage(superuser, payload=payload, file_name="a.json", options=options)
    confirmed(first)
    changed = change_export(payload, flows=40, connections=3)
    return uploads.stage(superuser, payload=changed, file_name="changed.json", options=options)


def open_preview(page, pending):
    page.goto(reverse("admin:imports_preview", args=[pending.pk]))


def test_the_whole_way_by_the_keyboard_alone(pending, logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_preview(page, pending)
    count = page.locator(".import-reviewed")
    total = int(count.locator(".total").inner_text())
    assert total >= 41
    assert "UNCHANGED" not in page.locator("#result_list .result").all_inner_texts()
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("r")
    expect(count).to_contain_text("reviewed 1 of")
    second = page.locator(".import-item .import-name a").nth(1)
    name = second.inner_text()
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.get_by_text("✓ Reviewed")).to_be_visible()
    press_key(page, "j")
    expect(page.locator(".import-walk")).to_contain_text(f"3 of {total}")
    press_key(page, "r")
    expect(page.locator(".import-walk")).to_contain_text(f"4 of {total}")
    expect(page.locator(".import-walk")).to_contain_text(f"reviewed 2 of {total}")
    press_key(page, "k")
    expect(page.get_by_text("✓ Reviewed")).to_be_visible()
    open_preview(page, pending)
    press(page, "Import into local")
    expect(page.get_by_text("is imported.")).to_be_visible()
    assert Flow.objects.filter(name="A new flow", is_deleted=False).exists()
    press(page, "Undo this import\N{HORIZONTAL ELLIPSIS}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Undo")
    press(page, f"Undo import {ImportRecord.objects.latest('pk').pk} on local")
    expect(page.locator(".record-outcome")).to_be_visible()
    assert not Flow.objects.filter(name="A new flow", is_deleted=False).exists()


def press_key(page, key):
    """Press the key when the page's scripts are there to see it."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def press(page, words):
    """Tab to the button or link with these words, and press Enter."""
    for _ in range(600):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.value || document.activeElement.innerText")
        if focused == words:
            page.keyboard.press("Enter")
            return
    pytest.fail(f"no Tab leads to {words!r}")


def test_ticks_are_kept_without_scripts(pending, logged_in_page, superuser):
    page = logged_in_page(superuser, scripts=False)
    open_preview(page, pending)
    boxes = page.locator("input[name=reviewed]")
    for number in (0, 2):
        boxes.nth(number).check()
    page.get_by_role("button", name="Plan again with these choices").click()
    expect(page.locator(".import-reviewed")).to_contain_text("reviewed 2 of")
    page.locator(".import-reviewed").click()
    expect(page.locator("input[name=reviewed]:checked")).to_have_count(0)
    page.locator(".import-item .import-name a").first.click()
    page.get_by_role("button", name="Reviewed, next item").click()
    expect(page.locator(".import-walk")).to_contain_text("reviewed 3 of")


def test_on_a_phone_nothing_is_beside_the_screen(pending, logged_in_page, superuser, axe):
    page = logged_in_page(superuser, phone=True)
    open_preview(page, pending)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    list_width = page.locator("#result_list").evaluate(
        "(table) => [table.parentElement.clientWidth, table.scrollWidth]"
    )
    assert list_width[1] <= list_width[0]
    button = page.get_by_role("button", name="Import into local")
    expect(button).to_be_in_viewport()


def test_every_row_says_what_changes_and_a_connection_its_hosts(pending):
    page = read_page(pending)
    changing = [item for item in page.items if item.result.writes]
    assert all(item.words for item in changing)
    hosts = [item.words[0] for item in changing if item.kind == "connection"]
    assert len(hosts) == 3
    assert all("other.example.com" in text.partition(" → ")[2] for text in hosts)
    assert PendingImport.objects.filter(pk=pending.pk).exists()
    assert ImportRecord.objects.filter(status=Status.SUCCEEDED).count() == 1
