"""The watchers of the browser tests see what they are there for."""

import pytest

from tests.browser.accessibility import read_axe, scrolls_sideways
from tests.browser.chromium import MissingToolError, executable, skipping_what_is_missing
from tests.browser.faults import Faults

BAD = """<!doctype html><html lang="en"><title>Bad</title><main>
<h1 style="color: red">Bad</h1><script>alert("never")</script><img src="/nowhere.png">
<div class="wide">wide</div><script src="/bad.js"></script></main></html>"""
SCRIPT = """
document.querySelector(".wide").style.width = "5000px";
console.error("from the script");
alert("asked");
throw new Error("thrown");
"""
POLICY = "default-src 'none'; script-src 'self'; img-src 'self'"


@pytest.fixture
def bad_page(page):
    """A page with one of each fault."""
    page.route("**/bad", lambda route: route.fulfill(body=BAD, headers={
        "Content-Type": "text/html", "Content-Security-Policy": POLICY}))  # fmt: skip
    page.route(
        "**/bad.js", lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript")
    )
    page.route("**/nowhere.png", lambda route: route.abort())
    page.goto("/bad")
    return page


EVERY_FAULT = [
    "policy violation: style-src-attr blocked inline at",
    "policy violation: script-src-elem blocked inline at",
    "console error: Applying inline style violates",
    "console error: Executing inline script violates",
    "console error: from the script",
    "dialog alert: asked",
    "page error: thrown",
    "request failed: GET .*/nowhere.png: net::ERR_FAILED",
    "console error: Failed to load resource: net::ERR_FAILED",
]


def test_every_fault_of_a_page_is_seen_and_axe_tells_of_what_people_cannot_use(
    bad_page, faults, axe
):
    for fault in EVERY_FAULT:
        faults.expect(fault)
    (violation,) = axe(bad_page)
    assert "critical image-alt: Images must have alternative text\n  img <img" in violation
    assert scrolls_sideways(bad_page)


def test_a_fault_is_unexpected_and_so_is_one_that_does_not_come():
    faults = Faults()
    faults.seen += ["console error: one", "console error: two"]
    faults.expect("error: two")
    faults.expect("three")
    assert faults.unexpected() == ["console error: one", "there was no fault like three"]


def test_a_page_in_order_has_none(page, axe):
    page.goto("/admin/login/")
    assert axe(page) == []
    assert not scrolls_sideways(page)


def test_a_missing_browser_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setenv("ZIGGY_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(MissingToolError) as told:
        executable()
    assert str(told.value) == (
        "The browser tests need Chromium, and ZIGGY_CHROMIUM names /nowhere/chromium, which is no "
        "program. Run: make browser (or install your system's package chromium, or set "
        "ZIGGY_CHROMIUM to the program)."
    )


def test_a_missing_axe_is_told_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.browser.accessibility.SOURCE", tmp_path / "axe.min.js")
    with pytest.raises(MissingToolError) as told:
        read_axe()
    assert str(told.value) == (
        "The browser tests need axe-core, and it is not in node_modules. Run: make browser "
        "(or npm ci)."
    )


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_test_that_lacks_a_tool_is_skipped_or_fails_where_it_must_run(
    required, outcome, monkeypatch
):
    monkeypatch.setenv("ZIGGY_REQUIRE_BROWSER", required)
    with pytest.raises(outcome, match="not here"), skipping_what_is_missing():
        raise MissingToolError("not here")
