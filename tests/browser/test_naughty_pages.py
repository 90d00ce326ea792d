"""Texts that break pages elsewhere, as names and values of everything, on every page: nothing runs,
and nothing breaks the layout.

That nothing runs is what the pages' watch sees: no dialog, no violation of the policy, no error.
"""

import json
import re
from urllib.parse import quote

import pytest
from django.db import transaction
from django.urls import reverse

from flows.admin.saves import NOW
from flows.content.fields import Kind
from flows.models import MODELS, Flow
from flows.saves import named_saves
from imports.importing.service import run_import
from imports.models import ImportItem, ImportRecord
from tests.browser.accessibility import scrolls_sideways
from tests.support.importing import request_for, uuid_of

NAME_LENGTH = 255
OPENED = 10
# Of these, each page shows some: what would run, what is wide, what has another direction.
TELLING = re.compile("ด้|<script>alert|onerror=|javascript:|<svg|ﷺ|Ṱ̺̺̕o|'; DROP|ثم نفس|{{|%s")
_LINKS = "[...document.querySelectorAll('[href], [src], [action]')].map((each) => each.outerHTML)"
_TAME = re.compile(r"""(?:href|src|action)=["']?\s*(?:javascript|data|vbscript):""", re.IGNORECASE)


@pytest.fixture
def naughty(shared_data):
    strings = json.loads((shared_data / "naughty-strings.json").read_text(encoding="utf-8"))
    assert len(strings) == 515
    return strings


def name_of(text):
    """The text as a name, of which a file may not have one that is longer than its column."""
    return text[:NAME_LENGTH]


def export_of(strings, *, state):
    """An item of each kind for each string, with it in every place that takes any text.

    Two states differ in what an import changes, so that pages of differences show the strings.
    """
    return {
        "flows": [
            {
                "uuid": uuid_of("f", number),
                "name": name_of(text),
                "info": f"{text}{state}",
                "tags": [text, f"{text}{state}"],
                "listenerType": text,
                "timeout": state,
                "nodes": [
                    node("kept", text, text, x=0),
                    node(text, text, f"{text}{state}", x=300),
                    node(f"{text}{state}", text, text, x=600),
                ],
                "edges": [
                    {"id": text, "source": "kept", "target": text, "label": f"{text}{state}"}
                ],
                f"{text} unknown": text,
            }
            for number, text in enumerate(strings)
        ],
        "connections": [
            {
                "uuid": uuid_of("c", number),
                "name": name_of(text),
                "type": text,
                "description": f"{text}{state}",
                "devValue": f"{text}{state}",
                "prodValue": f"{{a: `{text}`, b: {state}}}",
            }
            for number, text in enumerate(strings)
        ],
        "secrets": [
            {
                "uuid": uuid_of("5", number),
                "name": f"SECRET_{number}",  # must be an identifier
                "description": f"{text}{state}",
                "type": text,
                "group": text,
                "tags": [text],
            }
            for number, text in enumerate(strings)
        ],
    }


def node(key, label, value, *, x):
    data = {"label": label, value: [value]}
    return {"id": key, "type": label, "position": {"x": x, "y": 0}, "data": data}


def faults_of(page, *paths, status=200):
    """What the strings broke on the pages, one line each."""
    told = []
    for path in paths:
        page.set_viewport_size({"width": 1280, "height": 800})
        if (answered := page.goto(path).status) != status:
            told.append(f"{path}: {answered}")
        told += faults_here(page)
    return told


def faults_here(page):
    told = [f"{page.url}: {each}" for each in page.evaluate(_LINKS) if _TAME.search(tag_of(each))]
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        if scrolls_sideways(page):
            told.append(f"{page.url} scrolls sideways at {width}")
    return told


def tag_of(html):
    """An element's opening tag, without the values of other attributes."""
    return re.sub(r"""(?<!href)(?<!src)(?<!action)=("[^"]*"|'[^']*')""", "", html.split(">")[0])


def test_a_tag_with_an_address_that_runs_is_found():
    assert _TAME.search(tag_of('<a class="x" href="javascript:alert(1)">'))
    assert not _TAME.search(tag_of('<a href="/" title="href=javascript:alert(1)">javascript:'))


@pytest.fixture
def imported(naughty, transactional_db):
    """A server that took the strings in, and the numbers of some that tell most."""
    payload = json.dumps(export_of(naughty, state=1)).encode()
    run_import(request_for(payload, file_name="earlier.json"))
    telling = [number for number, text in enumerate(naughty) if TELLING.search(text)]
    return telling[:: max(1, len(telling) // OPENED)][:OPENED]


def test_every_page_of_an_import_of_naughty_strings(logged_in_page, superuser, naughty, imported):
    page = logged_in_page(superuser)
    page.goto(reverse("admin:imports_upload"))
    file_name = "<img src=x onerror=alert(1)> 'ﷺ' {{ 1 }} \u202etxt.json"
    payload = json.dumps(export_of(naughty, state=2)).encode()
    file = {"name": file_name, "mimeType": "application/json", "buffer": payload}
    page.get_by_label("Export file").set_input_files(file)
    page.get_by_label("Without a backup").check()
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_role("heading", name="What would happen").wait_for()
    told = faults_here(page)
    preview = page.url
    number = int(preview.rstrip("/").rpartition("/")[2])
    told += faults_of(page, reverse("admin:imports_upload"))
    told += faults_of(page, *(f"{preview}?page={each}" for each in range(2, 17)))
    told += faults_of(page, *(f"{preview}?q={quote(naughty[each])}" for each in imported[:3]))
    told += faults_of(page, f"{preview}?result=%3Cscript%3E&show=%22%3E&q=%00&page=%3Cb%3E")
    told += faults_of(page, *pending_items(number, imported))
    page.goto(preview)
    for tick in page.locator("input[name=accept]").all():
        tick.check()
    page.get_by_role("button", name=re.compile("^Import into")).click()
    page.get_by_text("is imported.").wait_for()
    told += faults_here(page)
    record = ImportRecord.objects.latest("pk")
    url = reverse("admin:imports_importrecord_change", args=[record.pk])
    told += faults_of(page, *(f"{url}?page={each}" for each in (2, 7, 12)))
    told += faults_of(page, *(f"{url}?text={quote(naughty[each])}" for each in imported[:3]))
    told += faults_of(page, *changed_items(record, imported))
    told += faults_of(page, *undo_of(record, imported))
    told += faults_of(page, *undo_questions(record, naughty, imported))
    assert told == []


def pending_items(number, chosen):
    flows = [(Kind.FLOW, uuid_of("f", each)) for each in chosen]
    connections = [(Kind.CONNECTION, uuid_of("c", each)) for each in chosen[:4]]
    secrets = [(Kind.SECRET, uuid_of("5", each)) for each in chosen[:2]]
    return [
        reverse("admin:imports_pending_item", args=[number, kind, uuid])
        for kind, uuid in (*flows, *connections, *secrets)
    ]


def changed_items(record, chosen):
    items = ImportItem.objects.filter(
        record=record,
        target_uuid__in=[uuid_of(digit, each) for digit in "fc" for each in chosen[:3]],
    )
    assert items.count() == 6
    return [reverse("admin:imports_importrecord_item", args=[record.pk, each.pk]) for each in items]


def undo_of(record, chosen):
    """The pages of an undo, in which somebody with a naughty name edited what can be read best."""
    undo = reverse("admin:imports_importrecord_undo", args=[record.pk])
    for number in chosen:
        row = Flow.objects.filter(uuid=uuid_of("f", number))
        row.update(updated_by=row.get().name[:NAME_LENGTH], timeout=9)
    rows = [("flow", uuid_of("f", each)) for each in chosen]
    rows += [("connection", uuid_of("c", each)) for each in chosen[:4]]
    rows += [("secret", uuid_of("5", each)) for each in chosen[:2]]
    return [
        *(f"{undo}?page={each}" for each in (1, 2, 7, 12)),
        *(reverse("admin:imports_importrecord_undo_row", args=[record.pk, *row]) for row in rows),
    ]


def undo_questions(record, naughty, chosen):
    undo = reverse("admin:imports_importrecord_undo", args=[record.pk])
    strange = f"{undo}?result=%3Cscript%3E&show=%22%3E&q=%00&page=%3Cb%3E"
    return [strange, *(f"{undo}?q={quote(naughty[each])}" for each in chosen[:3])]


def test_the_lists_and_pages_of_naughty_items(logged_in_page, superuser, naughty, imported):
    run_import(request_for(json.dumps(export_of(naughty, state=2)).encode()))
    page = logged_in_page(superuser)
    told = []
    for kind, model in MODELS.items():
        chosen = imported[:3]
        digit = {Kind.FLOW: "f", Kind.CONNECTION: "c", Kind.SECRET: "5"}[kind]
        listed = reverse(f"admin:flows_{kind}_changelist")
        rows = [model.objects.get(uuid=uuid_of(digit, each)) for each in chosen]
        told += faults_of(page, listed, *(f"{listed}?p={each}" for each in (2, 5, 9)))
        told += faults_of(page, *(f"{listed}?q={quote(naughty[each])}" for each in chosen))
        for row in rows:
            told += faults_of(page, reverse(f"admin:flows_{kind}_change", args=[row.pk]))
        with transaction.atomic():
            named_saves.take(rows[0], naughty[chosen[1]][:100], user=superuser)
        told += faults_of(page, *saves_of(kind, rows[0]))
    assert told == []


def saves_of(kind, row):
    """The pages of an item's named saves, of which the last has a naughty name itself."""
    saves = reverse(f"admin:flows_{kind}_saves", args=[row.pk])
    compare = reverse(f"admin:flows_{kind}_compare_saves", args=[row.pk])
    version = max(version_numbers(row))
    restore = reverse(f"admin:flows_{kind}_restore_save", args=[row.pk, version])
    return [saves, f"{compare}?before={version}&after={NOW}", restore]


def version_numbers(row):
    return [version.pk for version in named_saves.list_saves(row)]


def test_the_list_of_records_with_naughty_questions(logged_in_page, superuser, naughty):
    payload = json.dumps({"flows": [], "connections": [], "secrets": []}).encode()
    for text in naughty[::25]:
        run_import(request_for(payload, file_name=text, user_name=text))
    page = logged_in_page(superuser)
    listed = reverse("admin:imports_importrecord_changelist")
    asked = [text for text in naughty if TELLING.search(text)][:12]
    told = faults_of(page, listed, *(f"{listed}?q={quote(text)}" for text in asked))
    told += faults_of(page, *(f"{listed}?server={quote(text)}" for text in asked[:4]))
    assert told == []
