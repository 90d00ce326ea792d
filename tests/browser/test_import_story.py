"""The whole way of an import in a browser: upload, preview, decide, confirm, record, undo."""

import json
import re
import threading

import pytest
from playwright.sync_api import expect

from flows.models import Connection, Flow, Secret
from imports.importing import service
from imports.models import ImportRecord
from imports.runs import carrying_out
from imports.runs import progress as kept_progress
from tests.support.factories import FlowFactory
from tests.support.importing import export_file, flow, secret, uuid_of
from tests.support.users import PASSWORD
from tests.support.waiting import PATIENCE

CHANGED_FLOW = "Human In The Loop"
MINUTES = 60


@pytest.fixture
def small(shared_data):
    return (shared_data / "real-small.json").read_bytes()


def named(items, name):
    (found,) = [item for item in items if item["name"] == name]
    return found


def changed_copy(payload):
    """The export with one flow drawn otherwise, a setting of another, and a connection's value."""
    export = json.loads(payload)
    drawn = named(export["flows"], CHANGED_FLOW)
    changed, moved = drawn["nodes"][0], drawn["nodes"][1]
    changed["data"]["label"] = "Begin here"
    moved["position"] = {"x": moved["position"]["x"], "y": moved["position"]["y"] + 300}
    drawn["edges"].pop()
    drawn["nodes"].append(
        {
            "id": "added",
            "type": "agentFlow",
            "position": {"x": 0, "y": -200},
            "data": {"label": "Greet"},
        }
    )
    named(export["flows"], "Translator")["timeout"] = 7 * MINUTES
    cohere = named(export["connections"], "Cohere")
    cohere["devValue"] = '{\n  host: "https://cohere.example.org",\n}'
    return json.dumps(export).encode()


def upload(page, payload, *, name="zexport.json", backup=False):
    """From the list of records to the preview."""
    page.goto("/admin/imports/importrecord/")
    page.get_by_role("link", name="Import flows").click()
    give(page, payload, name=name)
    if not backup:
        page.get_by_label("Without a backup").check()
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()


def give(page, payload, *, name="zexport.json"):
    file = {"name": name, "mimeType": "application/json", "buffer": payload}
    page.get_by_label("Export file").set_input_files(file)


def counts(page):
    """The table of counts, without what is not there: {"Flows": {"CREATE": 28}}."""
    told = {}
    words = page.locator(".import-counts thead th").all_inner_texts()
    for row in page.locator(".import-counts tbody tr").all():
        numbers = map(int, row.locator("td").all_inner_texts())
        of_kind = {word: number for word, number in zip(words, numbers, strict=True) if number}
        told[row.locator("th").inner_text()] = of_kind
    return told


def line_of(page, name):
    """The row of an item in the preview."""
    link = page.get_by_role("link", name=name, exact=True)
    return page.locator("#result_list tr").filter(has=link)


def confirm(page):
    for tick in page.locator("#acknowledge").get_by_role("checkbox").all():
        tick.check()
    page.get_by_role("button", name=re.compile("^Import into")).click()
    expect(page.get_by_text("is imported.")).to_be_visible()


# --- The whole way


def test_the_whole_way(page, superuser, small):
    page.goto("/admin/imports/importrecord/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Import flows")).to_be_visible()

    upload(page, small, name="real-small.json", backup=True)
    assert counts(page) == {
        "Flows": {"CREATE": 28},
        "Connections": {"CREATE": 19},
        "Secrets": {"CREATE": 25},
    }
    assert not Flow.objects.exists()
    confirm(page)
    expect(page.locator("h1 .record-status")).to_have_text("Succeeded")
    assert (Flow.objects.count(), Connection.objects.count()) == (28, 19)
    before = Flow.objects.get(name=CHANGED_FLOW)

    upload(page, changed_copy(small), name="changed.json")
    assert counts(page) == {
        "Flows": {"OVERWRITE": 2, "UNCHANGED": 26},
        "Connections": {"OVERWRITE": 1, "UNCHANGED": 18},
        "Secrets": {"UNCHANGED": 25},
    }
    translator = line_of(page, "Translator")
    expect(translator.locator(".result")).to_have_text("OVERWRITE")
    page.get_by_label("What happens to Translator").select_option("skip")
    page.get_by_role("button", name="Plan again with these choices").click()
    expect(page.get_by_text("Planned again with these choices.")).to_be_visible()
    expect(translator.locator(".result")).to_have_text("SKIP")
    assert counts(page)["Flows"] == {"OVERWRITE": 1, "SKIP": 1, "UNCHANGED": 26}

    page.get_by_role("link", name=CHANGED_FLOW).click()
    look_at_the_pictures(page)
    page.get_by_role("link", name="changed.json").click()
    page.get_by_label("Name or uuid").fill("cohere")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Cohere", exact=True).click()
    lines = page.get_by_role("group", name="devValue, line by line")
    expect(lines.locator(".added")).to_contain_text("cohere.example.org")
    page.get_by_role("link", name="changed.json").click()

    confirm(page)
    drawn = Flow.objects.get(name=CHANGED_FLOW)
    assert "Begin here" in drawn.nodes
    assert Flow.objects.get(name="Translator").timeout != 7 * MINUTES
    fill_a_secret(page)
    see_what_changed(page)
    restore(page)
    drawn.refresh_from_db()
    assert (drawn.nodes, drawn.edges) == (before.nodes, before.edges)


def look_at_the_pictures(page):
    """The page of the changed flow: both pictures, their marks, and the way from one to the next."""
    for side in ("before", "after"):
        expect(
            page.get_by_role("region", name=f"Picture {side}").locator("svg.graph")
        ).to_be_visible()
    before, after = page.locator(".graph-side").all()
    assert marks(before) == {"node changed": 1, "edge removed": 1, "node moved": 1}
    assert marks(after) == {"node changed": 1, "node added": 1, "node moved": 1}
    after.locator(".node.changed").click()
    shown = page.locator(".difference-change[open]:has(:target)")
    expect(shown.locator("> summary")).to_contain_text("Begin here")
    expect(shown.locator(".value-diff .added")).to_contain_text("Begin here")
    expect(after.locator(".node.changed")).to_have_class(re.compile("highlighted"))
    at = int(page.url.rpartition("#change-")[2])
    page.get_by_role("button", name="Next change").click()
    expect(page).to_have_url(re.compile(f"#change-{at + 1}$"))
    page.get_by_role("button", name="Previous change").click()
    expect(page).to_have_url(re.compile(f"#change-{at}$"))
    page.get_by_role("link", name="Show in the picture").first.click()


def marks(side):
    return {
        f"{part} {status}": count
        for part in ("node", "edge")
        for status in ("added", "removed", "changed", "moved")
        if (count := side.locator(f".{part}.{status}").count())
    }


def fill_a_secret(page):
    """In the checklist of the record, where it is done then, and never seen again."""
    page.get_by_label("Show:", exact=True).select_option("all")
    page.get_by_label("Name:", exact=True).fill("COHERE")
    page.get_by_role("search", name="Checklist").get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Give a value to COHERE", exact=True).click()
    form = page.get_by_role("form", name="Values of COHERE", exact=True)
    form.get_by_label("Development value").fill("a-value-of-the-story")
    form.get_by_role("button").click()
    expect(page.get_by_text("The secret COHERE has a value now.")).to_be_visible()
    expect(page.get_by_role("link", name="Give a value to COHERE", exact=True)).to_have_count(0)
    assert "a-value-of-the-story" not in page.content()
    assert Secret.objects.get(name="COHERE").dev_value.reveal() == "a-value-of-the-story"


def see_what_changed(page):
    page.get_by_role("link", name=f"what changed in {CHANGED_FLOW}").click()
    expect(page.get_by_role("heading", name="What changed in")).to_be_visible()
    expect(page.get_by_role("region", name="Picture after").locator("svg.graph")).to_be_visible()


def restore(page):
    """Back to what was there before the import, by its named save."""
    page.get_by_role("link", name="The flow as it is now").click()
    page.get_by_role("link", name="Named saves").click()
    page.get_by_role("link", name="Restore “Pre import”").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    page.get_by_role("button", name="Restore").click()


# --- What else can happen on it


def test_an_ambiguous_name_is_picked(logged_in_page, superuser):
    rows = [FlowFactory(name="Sync"), FlowFactory(name="Sync")]
    page = logged_in_page(superuser)
    upload(page, export_file(flow(1, "Sync", info="new")))
    expect(page.get_by_role("alert")).to_contain_text("This cannot be imported as it stands.")
    expect(page.get_by_text("There is nothing to confirm while a problem is left.")).to_be_visible()
    page.locator(f'.import-problems input[value="{rows[1].uuid}"]').check()
    page.get_by_role("button", name="Plan again with these solutions").click()
    expect(line_of(page, "Sync").locator(".result")).to_have_text("OVERWRITE")
    confirm(page)
    assert [Flow.objects.get(pk=row.pk).info for row in rows] == ["", "new"]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_what_must_be_acknowledged_is_ticked(scripts, logged_in_page, superuser):
    page = logged_in_page(superuser, scripts=scripts)
    upload(page, export_file(flow(1, "Or\u202eders")))
    page.get_by_role("button", name=re.compile("^Import into")).click()  # the browser asks for it
    expect(page.locator("#acknowledge input:invalid")).to_have_count(1)
    assert not Flow.objects.exists()
    page.get_by_role("link", name="1 warning to acknowledge").click()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(
        page.get_by_role("checkbox", name="Code or names read as something else")
    ).to_be_checked()
    expect(page.locator(".import-unplanned")).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Import into")).click()
    expect(page.get_by_text("is imported.")).to_be_visible()
    expect(page.get_by_text("invisible-characters of 1 item, by ada")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_stale_plan_is_shown_again_and_can_be_confirmed(scripts, logged_in_page, superuser):
    row = FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
    page = logged_in_page(superuser, scripts=scripts)
    upload(page, export_file(flow(1, "Sync", info="new"), flow(2, "Other")))
    Flow.objects.filter(pk=row.pk).update(info="edited meanwhile")
    page.get_by_role("button", name=re.compile("^Import into")).click()
    expect(page.locator(".messagelist")).to_contain_text("This is the new plan: look at it")
    expect(page.locator(".news")).to_contain_text("was edited since")
    expect(page.locator("#result_list .import-name")).to_have_count(1)
    assert Flow.objects.get().info == "edited meanwhile"
    confirm(page)
    assert Flow.objects.get(pk=row.pk).info == "new"


def test_the_name_of_the_server_must_be_typed(logged_in_page, superuser, settings):
    settings.ZIGGY = {**settings.ZIGGY, "CONFIRM_SERVER_NAME": True}
    settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "production"}
    page = logged_in_page(superuser)
    upload(page, export_file(flow(1, "Sync")))
    page.get_by_role("button", name="Import into production").click()  # the browser asks for it
    assert not ImportRecord.objects.exists()
    page.get_by_label("Type the name of this server").fill("development")
    page.get_by_role("button", name="Import into production").click()
    expect(page.locator(".messagelist")).to_contain_text("Type the name of this server, production")
    assert not Flow.objects.exists()
    page.get_by_label("Type the name of this server").fill("production")
    confirm(page)
    assert Flow.objects.get().name == "Sync"


def test_a_long_import_shows_how_far_it_is_and_leaving_the_page_loses_nothing(
    logged_in_page, superuser, monkeypatch
):
    page = logged_in_page(superuser)
    upload(page, export_file(*(flow(number, f"Flow {number}") for number in range(3))), backup=True)
    address = page.url
    backing_up, writing = threading.Event(), threading.Event()
    make_backup, apply_plan = carrying_out.make_backup, service.apply_plan

    def slow_backup(**options):
        assert backing_up.wait(PATIENCE)
        return make_backup()

    def slow_apply(plan, *, progress, **arguments):
        progress(1, 3)
        assert writing.wait(PATIENCE)
        return apply_plan(plan, progress=progress, **arguments)

    monkeypatch.setattr(carrying_out, "make_backup", slow_backup)
    monkeypatch.setattr(service, "apply_plan", slow_apply)
    monkeypatch.setattr(kept_progress, "_EVERY", 0)  # as of a run that takes longer
    progress = page.locator("#import-progress")
    try:
        page.get_by_role("button", name=re.compile("^Import into")).click()
        expect(progress).to_contain_text("Planning again and backing the database up")
        page.goto("/admin/")
        page.goto(address)
        expect(page.get_by_role("heading", name="The import is running")).to_be_visible()
        backing_up.set()
        expect(progress).to_contain_text("Writing 1 of 3")
        expect(progress.get_by_role("progressbar")).to_have_attribute("value", "1")
    finally:
        backing_up.set()
        writing.set()
    expect(page.locator("h1 .record-status")).to_have_text("Succeeded")
    assert Flow.objects.count() == 3


def test_an_answer_that_is_lost_is_asked_for(logged_in_page, superuser, faults):
    faults.expect("console error: Failed to load resource: .* 504 .*confirm")
    page = logged_in_page(superuser)
    upload(page, export_file(flow(1, "Sync")))

    def lose(route):
        route.fetch()
        route.fulfill(status=504, body="Gateway Timeout")

    page.route("**/confirm/", lose)
    page.get_by_role("button", name=re.compile("^Import into")).click()
    expect(page.locator("h1 .record-status")).to_have_text("Succeeded")
    assert Flow.objects.get().name == "Sync"


# --- With less than a mouse and scripts


def test_the_whole_way_by_the_keyboard(logged_in_page, superuser):
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    page = logged_in_page(superuser)
    page.goto("/admin/imports/importrecord/import/")
    give(page, export_file(flow(1, "Sync", info="new")))  # the dialog is the browser's own
    page.get_by_label("Export file").focus()
    to_focus(page, "overwrite", attribute="value")
    page.keyboard.press("ArrowDown")  # to Skip
    to_focus(page, "no_backup", attribute="name")
    page.keyboard.press("Space")
    to_focus(page, "Upload and preview", attribute="value")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is nothing to import")).to_be_visible()
    to_focus(page, "?result=SKIP", attribute="href")  # the list opens on what changes
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("result=SKIP"))
    to_focus(page, f"mode:flow:{uuid_of('f', 1)}", attribute="name")
    page.keyboard.type("ov")
    to_focus(page, "Plan again with these choices", attribute="value")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Planned again with these choices.")).to_be_visible()
    to_focus(page, "Import into local", attribute="value")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is imported.")).to_be_visible()
    assert Flow.objects.get().info == "new"


def to_focus(page, said, *, attribute):
    """Press Tab until the focus is on what says that, as it must be after some."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("name => document.activeElement.getAttribute(name)", attribute) == said:
            return
    pytest.fail(f"no Tab leads to {attribute} {said!r}")


def test_the_whole_way_without_scripts(logged_in_page, superuser):
    FlowFactory(uuid=uuid_of("f", 1), name="Sync", nodes='[{"id": "a", "data": {"label": "Old"}}]')
    page = logged_in_page(superuser, scripts=False)
    nodes = [{"id": "a", "data": {"label": "New"}}]
    upload(page, export_file(flow(1, "Sync", nodes=nodes), flow(2, "More"), secret(1, "KEY")))
    page.get_by_label("All 3 items of this list").select_option("skip")
    page.get_by_role("button", name="Plan again with these choices").click()
    expect(line_of(page, "Sync").locator(".result")).to_have_text("SKIP")
    page.get_by_label("What happens to Sync").select_option("overwrite")
    page.get_by_role("button", name="Plan again with these choices").click()
    page.get_by_role("link", name="Sync", exact=True).click()
    page.get_by_role("link", name="New, changed").click()
    expect(page.locator(".difference-change .value-diff")).to_contain_text("New")
    page.get_by_role("link", name="zexport.json").click()
    confirm(page)
    page.goto(f"{page.url}?give={uuid_of('5', 1)}#give")
    form = page.get_by_role("form", name="Values of KEY")
    form.get_by_label("Production value").fill("a-value")
    form.get_by_role("button").click()
    expect(page.get_by_text("The secret KEY has a value now.")).to_be_visible()
    assert Secret.objects.get().prod_value.reveal() == "a-value"


def test_a_file_is_dropped_on_the_page(logged_in_page, superuser):
    page = logged_in_page(superuser)
    page.goto("/admin/imports/importrecord/import/")
    dropped = page.evaluate_handle(
        """text => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([text], "dropped.json", {type: "application/json"}));
            return dropped;
        }""",
        export_file(flow(1, "Sync")).decode(),
    )
    zone = page.locator(".import-drop")
    zone.dispatch_event("dragenter", {"dataTransfer": dropped})
    expect(zone).to_have_class(re.compile(r"\bover\b"))
    zone.dispatch_event("drop", {"dataTransfer": dropped})
    expect(zone).not_to_have_class(re.compile(r"\bover\b"))
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.locator(".import-file")).to_contain_text("dropped.json")
    expect(line_of(page, "Sync").locator(".result")).to_have_text("CREATE")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(logged_in_page, superuser, settings):
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 1000}
    page = logged_in_page(superuser)
    page.goto("/admin/imports/importrecord/import/")
    expect(page.get_by_role("alert")).to_have_count(0)
    give(page, b" " * 4001)  # what may be white space is four times the limit
    expect(page.get_by_role("alert")).to_contain_text("This file is larger than 3.9")
    expect(page.get_by_role("button", name="Upload and preview")).to_be_disabled()
    give(page, export_file(flow(1, "Sync")))
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("button", name="Upload and preview")).to_be_enabled()
