"""The pictures of the documentation, taken of the site as it is: `make screenshots`.

No test run collects this file by itself. To add a picture, add its line to `pictures`.
"""

from pathlib import Path
from typing import NamedTuple

import pytest
from django.urls import reverse

from accounts.models import User
from flows.models import Flow

DIRECTORY = Path(__file__).parents[2] / "docs" / "screenshots"
PHONE = 360


class Picture(NamedTuple):
    """A page to take, and the size of its window."""

    name: str
    url: str
    width: int = 1280
    height: int = 800


def pictures() -> list[Picture]:
    """What is taken, each in light and in dark, as `NAME-light.png` and `NAME-dark.png`."""
    flow = Flow.objects.get(name="SMS Test")
    return [
        Picture("flows", reverse("admin:flows_flow_changelist")),
        Picture("flow", reverse("admin:flows_flow_change", args=[flow.pk])),
        Picture("flow-phone", reverse("admin:flows_flow_change", args=[flow.pk]), PHONE),
        Picture("named-saves", reverse("admin:flows_flow_history", args=[flow.pk])),
    ]


@pytest.fixture
def filled_server(transactional_db, run_command):
    """What `make demo` makes: a server into which the sample file came over older items."""
    for file in ("older.json", "zexport.json"):
        options = ("--server", "local", "--overwrite", "--no-prompt", "--no-backup")
        run = run_command("flow_import", *options, "--file-path", f"samples/{file}")
        assert run.code == 0, run.err


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_take(color_scheme, filled_server, logged_in_page):
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    superuser = User.objects.create_superuser("ada", "ada@example.org", "unused")
    page = logged_in_page(superuser, color_scheme=color_scheme)
    for picture in pictures():
        page.set_viewport_size({"width": picture.width, "height": picture.height})
        assert page.goto(picture.url, wait_until="networkidle").status == 200
        page.screenshot(
            path=DIRECTORY / f"{picture.name}-{color_scheme}.png", animations="disabled"
        )
