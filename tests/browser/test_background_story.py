"""The whole way of a large import in a browser, with a worker in a process of its own.

ZIGGY_STORY_BYTES has the size of the file: small by itself, and 100 MB by hand. Run with -s to be
told how long each part took.
"""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flows.models import Flow
from imports.models import ImportRecord, PlanningJob, Status
from imports.samples.sample import SampleRequest, write_sample
from tests.support.queueing import needs_postgresql
from tests.support.users import PASSWORD
from tests.support.workers import read_number, run_worker

pytestmark = [
    pytest.mark.slow,
    needs_postgresql,
    pytest.mark.usefixtures("shared_queue", "superuser"),
]

BYTES = read_number("ZIGGY_STORY_BYTES", 400_000)
BYTES_OF_A_FLOW = 13_000
LARGE = 20_000_000
"""Bytes of a file from which on a worker is seen at its work, which else is too quick for it."""
PATIENCE = 30_000 + BYTES // 100  # milliseconds

_KEEP_ANSWERS = r"""
    const send = window.fetch;
    window.fetch = async (...request) => {
        const answer = await send(...request);
        if (answer.ok && /\/(progress|state)\/$/.test(answer.url)) {
            window.keepAnswer(await answer.clone().json());
        }
        return answer;
    };
"""


class Story:
    """What the page asks for while it waits, and how long the parts take."""

    def __init__(self, page: Page) -> None:
        self.answers: list[dict[str, Any]] = []
        self._began = time.monotonic()
        page.expose_function("keepAnswer", self.keep)
        page.add_init_script(_KEEP_ANSWERS)

    def keep(self, answer: dict[str, Any]) -> None:
        self.answers.append(answer)

    def tell(self, part: str) -> None:
        """Say how long the part took, and how it was seen; forget its answers."""
        now = time.monotonic()
        phases = list(dict.fromkeys(each.get("phase") for each in self.answers))
        numbers = [(each["done"], each["total"]) for each in self.answers if each.get("total")]
        sys.stderr.write(f"\n{part}: {now - self._began:.1f} s, {phases}, {numbers[::10]}")
        self.answers.clear()
        self._began = now

    def assert_counted(self) -> None:
        """The numbers of items were seen of a large file, and went up."""
        done = [each["done"] for each in self.answers if each.get("total")]
        assert done == sorted(done)
        assert done or BYTES < LARGE


@pytest.fixture
def file(tmp_path: Path) -> tuple[Path, int]:
    """The file, and how many flows it has."""
    path, flows = tmp_path / "large.json", max(BYTES // BYTES_OF_A_FLOW, 20)
    with path.open("wb") as output:
        write_sample(SampleRequest(flows=flows), output)
    return path, flows


def log_in(page: Page) -> None:
    page.goto("/admin/imports/importrecord/import/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_the_whole_way(
    page: Page, settings: Any, file: tuple[Path, int], axe: Callable[..., list[str]]
) -> None:
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": min(BYTES // 2, 5_000_000)}
    path, flows = file
    story = Story(page)
    log_in(page)

    page.get_by_label("Export file").set_input_files(path)
    page.get_by_role("button", name="Upload and preview").click()
    waiting = page.locator("#import-progress")
    expect(waiting.locator(".phase")).to_have_text("Waiting for a worker", timeout=PATIENCE)
    expect(waiting.get_by_text("No worker is there")).to_be_visible()
    expect(waiting.locator(".size")).to_have_text(re.compile(r"^\([\d.]+\s[KM]B\)$"))
    assert (PlanningJob.objects.count(), ImportRecord.objects.count()) == (1, 0)
    assert axe(page) == []
    story.tell(f"upload of {path.stat().st_size:,} bytes")

    with run_worker(path.parent) as worker:
        preview = page.get_by_role("heading", name="What would happen", exact=True)
        expect(preview).to_be_visible(timeout=PATIENCE)
        story.assert_counted()
        story.tell("plan, with the start of the worker")
        assert not Flow.objects.exists()
        page.get_by_role("button", name=re.compile("^Import into")).click()
        status = page.locator("h1 .record-status")
        expect(status).to_have_text("Succeeded", timeout=PATIENCE)
        story.assert_counted()
        story.tell("import")
        assert Flow.objects.count() == flows

        page.get_by_role("link", name="Undo this import").click()
        page.get_by_role("button", name=re.compile("^Undo import")).click(timeout=PATIENCE)
        expect(page.locator("#outcome")).to_be_visible(timeout=PATIENCE)
        story.tell("preview of the undo")
        undo = ImportRecord.objects.get(undoes__isnull=False)
        assert undo.queued_at
        assert page.url.endswith(f"/{undo.pk}/change/")
        expect(status).to_have_text("Succeeded", timeout=PATIENCE)
        story.assert_counted()
        story.tell("undo")
        assert not Flow.objects.filter(is_deleted=False).exists()
        assert ImportRecord.objects.filter(status=Status.UNDONE).count() == 1
        assert worker.stop() == 0
