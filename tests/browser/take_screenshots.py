"""The pictures of the documentation, taken of the site as it is: `make screenshots`.

No test run collects this file by itself. To add a picture, add its line to `pictures`.
"""

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from accounts.models import User
from flows.models import Flow, Secret
from flows.saves.edits import keep_before_edit
from imports.importing.service import run_import
from imports.models import PendingImport
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.pending import Options
from imports.uploads.planning import read_page
from tests.browser import scene
from tests.support.importing import confirmed, request_for

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
        Picture("named-saves", reverse("admin:flows_flow_saves", args=[flow.pk])),
        Picture("overview", reverse("admin:index")),
        Picture("drift", reverse("admin:imports_drift")),
        Picture("export", reverse("admin:imports_export") + "?kind=connection"),
    ]


def pictures_of_a_review(pending: PendingImport) -> list[Picture]:
    """What is taken of the upload of a file of 300 flows, 40 of which were edited."""
    preview = reverse("admin:imports_preview", args=[pending.pk])
    changed = next(
        item for item in read_page(pending).items if len(item.words) > 1 and item.kind == "flow"
    )
    key = [pending.pk, changed.kind, changed.uuid]
    return [
        Picture("review", preview, height=1000),
        Picture("review-phone", preview, PHONE),
        Picture("review-item", reverse("admin:imports_pending_item", args=key), height=1000),
    ]


def pictures_of_an_import(pending: PendingImport) -> list[Picture]:
    """What is taken of an upload before it is confirmed."""
    preview = reverse("admin:imports_preview", args=[pending.pk])
    orders = reverse("admin:imports_pending_item", args=[pending.pk, "flow", scene.uuid_of("f", 1)])
    return [
        Picture("import-preview", preview),
        Picture("picture-diff", orders),
        Picture("picture-diff-phone", orders, PHONE),
    ]


def picture_of_the_record(pending: PendingImport) -> Picture:
    """The record of the upload, which is confirmed for it."""
    record = confirmed(pending)
    record.backup_path = f"/srv/backups/{Path(record.backup_path).name}"
    record.save()
    return Picture("import-record", reverse("admin:imports_importrecord_change", args=[record.pk]))


def picture_of_an_undo() -> Picture:
    """The undo of the shop's last import, since which somebody edited a flow."""
    record = run_import(request_for(scene.after())).record
    at = record.finished_at + timedelta(hours=3)
    edited = Flow.objects.filter(uuid=scene.uuid_of("f", 2))
    edited.update(info="Runs at two o'clock.", updated_by="grace", updated_at=at)
    return Picture("undo-preview", reverse("admin:imports_importrecord_undo", args=[record.pk]))


@pytest.fixture
def filled_server(transactional_db, run_command, tmp_path):
    """What `make demo` makes: a server into which the sample export came over older items.

    Beside them are 300 made-up flows, so that the lists are those of a server in use.
    """
    many = tmp_path / "sample.json"
    assert run_command("make_sample", "--flows", "300", "--out", str(many)).code == 0
    for file in ("samples/older.json", "samples/zexport.json", str(many)):
        options = ("--server", "local", "--overwrite", "--no-prompt", "--no-backup")
        run = run_command("flow_import", *options, "--file-path", file)
        assert run.code == 0, run.err
    grace = User.objects.create_user("grace")
    for flow in Flow.objects.order_by("pk")[20:32]:
        before = Flow.objects.get(pk=flow.pk)
        flow.timeout, flow.updated_by = 90, "grace"
        keep_before_edit(before, flow, user=grace)
        flow.save()
    edited = tmp_path / "edited.json"
    assert (
        run_command("make_sample", "--flows", "300", "--changed", "40", "--out", str(edited)).code
        == 0
    )
    return edited


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_take(color_scheme, filled_server, logged_in_page):
    superuser = User.objects.create_superuser("ada", "ada@example.org", "unused")
    page = logged_in_page(superuser, color_scheme=color_scheme)
    pending = uploads.stage(
        superuser,
        payload=filled_server.read_bytes(),
        file_name="edited.json",
        options=Options(mode=Mode.OVERWRITE),
    )
    for picture in [*pictures(), *pictures_of_a_review(pending)]:
        take(page, picture, color_scheme)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_take_an_import(color_scheme, transactional_db, logged_in_page):
    superuser = User.objects.create_superuser("ada", "ada@example.org", "unused")
    run_import(request_for(scene.before()))
    for secret in Secret.objects.all():
        secret.dev_value = f"value of {secret.name}"
        secret.save()
    Flow.objects.filter(uuid=scene.uuid_of("f", 2)).update(info="Edited on this server.")
    pending = uploads.stage(
        superuser,
        payload=scene.after(),
        file_name="shop.json",
        options=Options(mode=Mode.OVERWRITE),
    )
    page = logged_in_page(superuser, color_scheme=color_scheme)
    for picture in pictures_of_an_import(pending):
        take(page, picture, color_scheme)
    take(page, picture_of_the_record(pending), color_scheme)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_take_an_undo(color_scheme, transactional_db, logged_in_page):
    superuser = User.objects.create_superuser("ada", "ada@example.org", "unused")
    run_import(request_for(scene.before()))
    page = logged_in_page(superuser, color_scheme=color_scheme)
    take(page, picture_of_an_undo(), color_scheme)


def take(page: Page, picture: Picture, color_scheme: str) -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": picture.width, "height": picture.height})
    assert page.goto(picture.url, wait_until="networkidle").status == 200
    page.screenshot(path=DIRECTORY / f"{picture.name}-{color_scheme}.png", animations="disabled")
