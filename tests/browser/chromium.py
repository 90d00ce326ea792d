"""The system's Chromium, and what to say where a tool of the browser tests is not installed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Playwright

_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class MissingToolError(Exception):
    """A tool of the browser tests is not installed; the text says which, and how to get it."""


def launch(playwright: Playwright) -> Browser:
    """A headless browser. Raises MissingToolError."""
    return playwright.chromium.launch(
        executable_path=executable(),
        headless=True,
        args=[*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
    )


def executable() -> str:
    """The program that ZIGGY_CHROMIUM names, or the system's. Raises MissingToolError."""
    named = os.environ.get("ZIGGY_CHROMIUM", "")
    for candidate in [named] if named else ["/usr/bin/chromium", "chromium", "chromium-browser"]:
        if found := shutil.which(candidate):
            return found
    where = f"ZIGGY_CHROMIUM names {named}, which is no program" if named else "it is not installed"
    raise MissingToolError(
        f"The browser tests need Chromium, and {where}. Run: make browser (or install your "
        "system's package chromium, or set ZIGGY_CHROMIUM to the program)."
    )


@contextmanager
def skipping_what_is_missing() -> Iterator[None]:
    """Skip a test that lacks a tool; fail it where ZIGGY_REQUIRE_BROWSER=1 says so, as CI does."""
    try:
        yield
    except MissingToolError as error:
        if os.environ.get("ZIGGY_REQUIRE_BROWSER") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
