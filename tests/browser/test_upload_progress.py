"""An upload shows how much of it is sent, and what is wrong with a file as without scripts."""

import re
from threading import Event

import pytest
from playwright.sync_api import expect

from imports.models import PendingImport
from imports.uploads.uploaded_file import FileCollector
from tests.browser.test_import_story import give
from tests.support.importing import export_file, flow

pytestmark = pytest.mark.slow

FILE = export_file(flow(1, "Sync")) + b" " * 3 * 1024 * 1024
MORE_THAN_BUFFERS = b" " * 30 * 1024 * 1024
"""More than a connection holds: what is sent of it depends on what the server has read."""
SENT = "Upload and preview"
PATH = "/admin/imports/importrecord/import/"


def slow_down(page, *, bytes_per_second):
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    conditions["uploadThroughput"] = bytes_per_second
    session.send("Network.emulateNetworkConditions", conditions)


@pytest.fixture
def reading(monkeypatch):
    """Whether the server reads the files that are sent; it waits while this is not set."""
    may_read, receive = Event(), FileCollector.receive_data_chunk

    def wait_and_receive(self, raw_data, start):
        assert may_read.wait(60)
        return receive(self, raw_data, start)

    monkeypatch.setattr(FileCollector, "receive_data_chunk", wait_and_receive)
    yield may_read
    may_read.set()


def test_how_much_is_sent_is_shown_in_bytes(logged_in_page, superuser):
    page = logged_in_page(superuser)
    page.goto(PATH)
    slow_down(page, bytes_per_second=2 * 1024 * 1024)
    expect(page.locator("#upload-progress")).to_be_hidden()
    give(page, FILE)
    page.get_by_role("button", name=SENT).click()
    progress = page.locator("#upload-progress")
    expect(progress.locator(".numbers")).to_have_text(re.compile(r"^[\d.]+ [KM]B of 3\.0 MB$"))
    bar = progress.get_by_role("progressbar")
    assert 3 * 1024 * 1024 < int(bar.get_attribute("max")) < 3.1 * 1024 * 1024
    expect(page.get_by_role("button", name=SENT)).to_be_disabled()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()
    assert page.url.endswith(f"/{PendingImport.objects.get().pk}/")


def test_an_upload_is_stopped_and_sent_again(logged_in_page, superuser, reading, tmp_path):
    stopped = tmp_path / "stopped.json"
    stopped.write_bytes(FILE + MORE_THAN_BUFFERS)
    page = logged_in_page(superuser)
    page.goto(PATH)
    # The browser reads the file itself: what a test hands over takes seconds on a busy machine.
    page.get_by_label("Export file").set_input_files(stopped)
    page.get_by_role("button", name=SENT).click()
    page.get_by_role("button", name="Stop the upload").click()
    expect(page.get_by_role("status")).to_have_text("The upload was stopped. Nothing was imported.")
    reading.set()
    give(page, FILE)
    page.get_by_role("button", name=SENT).click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()
    assert PendingImport.objects.get().file_name != "stopped.json"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_what_is_wrong_with_a_file_is_shown_the_same(logged_in_page, superuser, faults, scripts):
    faults.expect("Failed to load resource: .* 422 ")
    page = logged_in_page(superuser, scripts=scripts)
    page.goto(PATH)
    page.get_by_label("Skip").check()
    give(
        page, export_file({"uuid": "f1", "name": "A"}, {"uuid": "f2", "name": "B"}), name="bad.json"
    )
    page.get_by_role("button", name=SENT).click()
    problem = page.get_by_role("alert").first
    expect(problem).to_contain_text("Nothing was imported of bad.json.")
    expect(problem).to_contain_text("All 2 problems")
    expect(page.get_by_label("Skip")).to_be_checked()
    give(page, FILE)
    page.get_by_role("button", name=SENT).click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()


def test_where_the_session_has_ended_the_login_leads_back(logged_in_page, superuser):
    page = logged_in_page(superuser)
    page.goto(PATH)
    page.context.clear_cookies(name="sessionid")
    give(page, FILE)
    page.get_by_role("button", name=SENT).click()
    expect(page.get_by_label("Username")).to_be_visible()
    assert "next=" in page.url


def test_an_answer_that_is_no_page_of_ours_is_told_by_its_status(logged_in_page, superuser, faults):
    faults.expect("Failed to load resource: .* 413 ")
    page = logged_in_page(superuser)
    page.goto(PATH)
    page.route(f"**{PATH}", lambda route: route.fulfill(status=413, body="<h1>Too large</h1>"))
    give(page, FILE)
    page.get_by_role("button", name=SENT).click()
    expect(page.get_by_role("status")).to_have_text(
        "The server answered with an error (413). Nothing was imported."
    )
    expect(page.get_by_role("button", name=SENT)).to_be_enabled()
