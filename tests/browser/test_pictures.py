"""Pictures of flows in a browser: what they open with, and how one moves about in them."""

import json
from copy import deepcopy
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from imports.importing.service import run_import
from tests.browser.accessibility import scrolls_sideways
from tests.browser.test_changed_pages import take
from tests.browser.test_import_pages import faults_here, stage
from tests.flows.rest.test_flows_api import Caller
from tests.support.importing import export_file, flow, request_for, uuid_of

LEAST_LABEL = 9  # px

# The labels that are wholly inside of their pane: how high their letters are, and their boxes.
_LABELS = """(pane) => {
    // Without scripts, a picture that is larger than its pane is scrolled.
    const scrolls = getComputedStyle(pane).overflowX !== "hidden";
    const frame = (scrolls ? pane.querySelector("svg") : pane).getBoundingClientRect();
    const isInside = (box) => box.left >= frame.left && box.right <= frame.right
        && box.top >= frame.top && box.bottom <= frame.bottom;
    const scale = pane.querySelector("svg").getScreenCTM().a;
    return [...pane.querySelectorAll(".label")].filter((label) => label.checkVisibility()).map((label) => ({
        box: label.getBoundingClientRect(), font: scale * parseFloat(getComputedStyle(label).fontSize),
    })).filter(({box}) => isInside(box)).map(({box, font}) => [box.height, font]);
}"""
_MARKED = """(pane) => {
    // Without scripts, a picture that is larger than its pane is scrolled.
    const scrolls = getComputedStyle(pane).overflowX !== "hidden";
    const frame = (scrolls ? pane.querySelector("svg") : pane).getBoundingClientRect();
    return [...pane.querySelectorAll(".node:is(.added, .removed, .changed) > rect")].filter((rect) => {
        const box = rect.getBoundingClientRect();
        return box.left >= frame.left && box.right <= frame.right
            && box.top >= frame.top && box.bottom <= frame.bottom;
    }).length;
}"""
_VIEW = "(picture) => picture.getAttribute('viewBox').split(' ').map(Number)"


def chain(count: int, **changed: str) -> list[dict[str, Any]]:
    """Nodes in rows of twenty, from the left to the right."""
    return [
        {
            "id": f"n{at}",
            "type": "step",
            "position": {"x": at % 20 * 240, "y": at // 20 * 160},
            "data": {"label": changed.get(f"n{at}", f"Step {at} of the long way")},
        }
        for at in range(count)
    ]


def edges(count: int) -> list[dict[str, str]]:
    return [{"id": f"e{at}", "source": f"n{at}", "target": f"n{at + 1}"} for at in range(count - 1)]


def open_item(page: Any, user: Any, item: dict[str, Any]) -> None:
    """Open the page of the first item of an upload."""
    pending = stage(user, export_file(item))
    page.goto(reverse("admin:imports_pending_item", args=[pending.pk, "flow", item["uuid"]]))


def open_changed(page: Any, user: Any, count: int = 60, **changed: str) -> None:
    """Import a chain, and open the page of an upload in which the labels of some nodes differ."""
    run_import(request_for(export_file(flow(1, "Way", nodes=chain(count), edges=edges(count)))))
    open_item(page, user, flow(1, "Way", nodes=chain(count, **changed), edges=edges(count)))


def panes(page: Any) -> Any:
    return page.locator(".graph-side > .graph-scroll")


def view(page: Any, side: int = 0) -> list[float]:
    """The part of the canvas that a picture shows: x, y, width, height."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return list(panes(page).nth(side).locator("> svg.graph").evaluate(_VIEW))


def scale(page: Any) -> float:
    return float(panes(page).first.evaluate("(pane) => pane.clientWidth")) / view(page)[2]


def change_flow(item: dict[str, Any]) -> dict[str, Any]:
    """The flow with a node changed in its middle, one removed and one added near its end."""
    changed = deepcopy(item)
    nodes = [node for node in changed["nodes"] if "position" in node]
    nodes.sort(key=lambda node: (node["position"]["x"], node["position"]["y"]))
    nodes[len(nodes) // 2]["data"]["changed"] = "yes"
    gone = nodes[-1]
    changed["nodes"].remove(gone)
    new = {**deepcopy(gone), "id": "new-node", "data": {"label": "A node that is new"}}
    new["position"] = {"x": gone["position"]["x"], "y": gone["position"]["y"] + 200}
    changed["nodes"].append(new)
    return changed


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_the_labels_of_the_largest_flows_can_be_read(
    scripts, phone, open_page, superuser, shared_data
):
    document = json.loads((shared_data / "real-medium.json").read_bytes())
    largest = sorted(document["flows"], key=lambda item: -len(item["nodes"]))[:20]
    run_import(request_for(json.dumps({**document, "flows": largest}).encode()))
    file = {**document, "flows": [change_flow(item) for item in largest]}
    pending = stage(superuser, json.dumps(file).encode())
    page = open_page(superuser, phone=phone, scripts=scripts)
    for item in largest:
        page.goto(reverse("admin:imports_pending_item", args=[pending.pk, "flow", item["uuid"]]))
        if scripts:
            view(page)
        labels = [each for side in panes(page).all() for each in side.evaluate(_LABELS)]
        assert labels, item["name"]
        assert min(min(height, font) for height, font in labels) >= LEAST_LABEL, item["name"]
        marked = sum(side.evaluate(_MARKED) for side in panes(page).all())
        assert marked >= 1, item["name"]
        assert not scrolls_sideways(page)


def test_the_keys_and_the_buttons_zoom_and_fit(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed", n45="Changed too")
    opened = view(page)
    assert scale(page) >= 0.7
    page.keyboard.press("f")
    x, y, width, height = view(page)
    assert x <= 0
    assert y <= 0
    assert x + width >= 20 * 240
    assert y + height >= 3 * 160
    page.keyboard.press("c")
    assert opened[2] < view(page)[2] < width  # both changes, which are twelve columns apart
    page.keyboard.press("0")
    assert scale(page) == pytest.approx(1, abs=0.01)
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.25, abs=0.01)
    page.keyboard.press("-")
    assert scale(page) == pytest.approx(1, abs=0.01)
    for name, expected in (("Larger", 1.25), ("Smaller", 1), ("100 %", 1)):
        page.get_by_role("button", name=name).click()
        assert scale(page) == pytest.approx(expected, abs=0.01)
    page.get_by_role("button", name="Fit all").click()
    assert view(page)[2] == pytest.approx(width, abs=1)


def test_a_key_that_is_typed_into_a_field_moves_no_picture(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed")
    page.evaluate("document.body.append(document.createElement('textarea'))")
    opened = view(page)
    page.locator("textarea").press("f")
    assert view(page) == opened


def test_both_pictures_follow_the_wheel_and_the_pointer(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed")
    page.locator("#pictures").evaluate("(each) => each.scrollIntoView()")
    before = view(page)
    box = panes(page).first.bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.wheel(0, -300)
    zoomed = view(page)
    assert zoomed[2] < before[2]
    # What is under the pointer stays there.
    assert zoomed[0] + zoomed[2] * 300 / box["width"] == pytest.approx(
        before[0] + before[2] * 300 / box["width"], abs=2
    )
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 150, steps=5)
    page.mouse.up()
    dragged = view(page)
    assert dragged[0] - zoomed[0] == pytest.approx(100 * zoomed[2] / box["width"], abs=2)
    assert view(page, side=1) == dragged
    assert "#change" not in page.url


def test_a_drag_that_begins_on_a_node_is_no_click(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed")
    page.locator("#pictures").evaluate("(each) => each.scrollIntoView()")
    node = panes(page).first.locator("a.node.changed").bounding_box()
    page.mouse.move(node["x"] + 20, node["y"] + 20)
    page.mouse.down()
    page.mouse.move(node["x"] + 90, node["y"] + 20, steps=5)
    page.mouse.up()
    assert "#change" not in page.url
    panes(page).first.locator("a.node.changed").click()
    assert page.url.endswith("#change-1")


def test_the_arrow_keys_move_a_picture_that_has_the_focus(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n23="Changed")
    before = view(page)
    panes(page).first.focus()
    page.keyboard.press("ArrowRight")
    assert view(page)[0] > before[0]
    page.keyboard.press("ArrowUp")
    assert view(page)[1] < before[1]


def is_centred(page, label):
    """Whether the node stands in the middle of the second picture."""
    frame = panes(page).last.bounding_box()
    node = panes(page).last.locator("a.node", has_text=label).locator("> rect").bounding_box()
    return all(
        abs(node[start] + node[length] / 2 - frame[start] - frame[length] / 2) < 20
        for start, length in (("x", "width"), ("y", "height"))
    )


def test_the_steps_centre_a_node_and_open_its_change(logged_in_page, superuser):
    page = logged_in_page(superuser)
    changed = {f"n{at}": f"Changed {at:02}" for at in range(42)}
    open_changed(page, superuser, **changed)
    names = page.locator(".difference-change strong").all_text_contents()
    assert len(names) == 42
    for at in (0, 1):
        page.keyboard.press("n")
        view(page)
        expect(page.locator(f"#change-{at + 1}")).to_be_in_viewport()
        assert is_centred(page, names[at])
    page.keyboard.press("p")
    view(page)
    assert is_centred(page, names[0])
    page.keyboard.press("p")  # before the first is the last, which is folded
    view(page)
    expect(page.locator("#change-42")).to_be_visible()
    assert is_centred(page, names[41])


def test_a_node_leads_to_its_change_and_the_change_back_to_the_node(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed", n45="Changed too")
    panes(page).last.locator("a.node.changed", has_text="Changed").first.click()
    assert page.url.endswith("#change-1")
    expect(page.locator("#change-1")).to_be_in_viewport()
    page.locator("#change-2").get_by_role("link", name="Show in the picture").click()
    view(page)
    assert is_centred(page, "Changed too")
    assert page.evaluate("document.activeElement.dataset.change") == "2"


def test_a_graph_larger_than_the_pane_has_a_map(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed")
    before = view(page)
    map_ = page.locator(".graph-map")
    expect(map_).to_have_count(1)
    page.locator("#pictures").evaluate("(each) => each.scrollIntoView()")
    box = map_.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 2)
    assert view(page)[0] > before[0] + before[2]
    page.keyboard.press("f")
    expect(map_).to_be_hidden()
    open_item(page, superuser, flow(2, "Small", nodes=chain(2), edges=edges(2)))
    view(page)
    expect(page.locator(".graph-map")).to_have_count(0)


def test_labels_that_would_be_too_small_are_not_drawn(logged_in_page, superuser):
    page = logged_in_page(superuser)
    open_changed(page, superuser, n3="Changed")
    labels = panes(page).first.locator(".label")
    page.keyboard.press("f")
    assert 13 * scale(page) < 6
    assert labels.evaluate_all("(all) => all.some((each) => each.checkVisibility())") is False
    expect(panes(page).first.locator(".changed > rect")).to_be_visible()
    page.keyboard.press("0")
    view(page)
    assert labels.evaluate_all("(all) => all.some((each) => each.checkVisibility())") is True


def test_a_new_flow_is_shown_once_and_a_node_of_it_when_it_is_chosen(open_page, superuser):
    item = flow(1, "Way", nodes=chain(4, n2="The third"), edges=edges(4))
    for scripts in (True, False):
        page = open_page(superuser, scripts=scripts)
        open_item(page, superuser, item)
        expect(panes(page)).to_have_count(1)
        expect(page.get_by_role("heading", name="Before")).to_have_count(0)
        expect(page.locator(".difference-change")).to_have_count(0)
        assert not any(each.is_visible() for each in page.locator(".difference-node").all())
        panes(page).locator("a.node", has_text="The third").click()
        expect(page.locator(".difference-node:visible")).to_have_count(1)
        expect(page.locator(".difference-node:visible")).to_contain_text("The third")


def test_without_scripts_there_is_a_link_to_the_whole(open_page, superuser):
    page = open_page(superuser, scripts=False)
    open_changed(page, superuser, n3="Changed")
    expect(page.locator(".graph-controls button")).to_have_count(0)
    assert view_without_scripts(page)[2] <= 840
    page.get_by_role("link", name="The whole picture").first.click()
    whole = page.locator("#whole-before svg")
    expect(whole).to_be_visible()
    assert whole.evaluate("(picture) => picture.viewBox.baseVal.width") > 20 * 240
    assert whole.bounding_box()["width"] > 20 * 240
    assert not scrolls_sideways(page)


def view_without_scripts(page):
    return panes(page).first.locator("> svg.graph").evaluate(_VIEW)


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_the_pictures_are_usable_by_everybody(phone, logged_in_page, superuser, axe):
    page = logged_in_page(superuser, phone=phone)
    open_changed(page, superuser, n3="Changed", n45="Changed too")
    take(page, "pictures")
    page.keyboard.press("n")
    view(page)
    assert faults_here(page, axe) == []
    assert not scrolls_sideways(page)


def test_the_page_of_a_flow_has_a_picture_to_look_around_in(logged_in_page, superuser, axe):
    page = logged_in_page(superuser)
    run_import(request_for(export_file(flow(1, "Way", nodes=chain(60), edges=edges(60)))))
    page.goto(reverse("admin:flows_flow_changelist"))
    page.get_by_role("link", name="Way").click()
    before = view(page)
    expect(page.get_by_role("button", name="Fit changes")).to_have_count(0)
    page.get_by_role("button", name="Fit all").click()
    assert view(page)[2] > before[2]
    assert faults_here(page, axe) == []


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_an_item_that_was_edited_here_is_shown_in_three_states(
    phone, logged_in_page, superuser, axe
):
    page = logged_in_page(superuser, phone=phone)
    run_import(request_for(export_file(flow(1, "Way", nodes=chain(60), edges=edges(60)))))
    here = {"nodes": chain(60, n3="Changed here", n9="Only here"), "edges": edges(60)}
    Caller(superuser).put(f"/flow/{uuid_of('f', 1)}", here)
    changed = chain(60, n3="Changed in the file", n9="Only here", n5="New in the file")
    open_item(page, superuser, flow(1, "Way", nodes=changed, edges=edges(60)))
    expect(page.locator(".graph-side h4")).to_have_text(["Last import", "Now", "File"])
    assert view(page, side=0) == view(page, side=1) == view(page, side=2)
    expect(page.get_by_text("1 change made here would be lost")).to_be_visible()
    lost = panes(page).nth(2).locator("a.node", has=page.locator(".sign", has_text="!"))
    expect(lost).to_have_count(1)
    expect(lost.locator(".label").first).to_contain_text("Changed in the")
    expect(page.locator(".value-diff .difference-lost")).to_have_count(1)
    page.get_by_text("What was changed here: from the last import to now").click()
    expect(page.locator(".difference-here")).to_contain_text("Only here")
    take(page, "three-ways")
    assert faults_here(page, axe) == []
    assert not scrolls_sideways(page)
