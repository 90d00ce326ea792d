"""The system's Chromium, and what to say where a tool of the browser tests is not installed."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IS_REQUIRED = os.environ.get("ZIGGY_REQUIRE_BROWSER") == "1"
"""Whether a browser test fails, and is not skipped, where a tool is missing."""


class MissingToolError(Exception):
    """A tool of the browser tests is not installed; the text says which, and how to get it."""


def launch(playwright: Playwright) -> Browser:
    """A headless browser. Raises MissingToolError."""
    return playwright.chromium.launch(
        executable_path=_executable(),
        headless=True,
        args=[*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
    )


def _executable() -> str:
    named = os.environ.get("ZIGGY_CHROMIUM", "")
    for candidate in [named] if named else ["/usr/bin/chromium", "chromium", "chromium-browser"]:
        if found := shutil.which(Path(candidate)):
            return found
    where = f"ZIGGY_CHROMIUM names {named}, which is no program" if named else "it is not installed"
    raise MissingToolError(
        f"The browser tests need Chromium, and {where}. Run: make browser (or install your "
        "system's package chromium, or set ZIGGY_CHROMIUM to the program)."
    )
