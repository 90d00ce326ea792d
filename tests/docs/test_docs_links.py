"""Links between the pages, and to files and headings, lead somewhere; no page is alone."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, anchors_of, links_of, name_of

# Files and folders of the code that a page names.
NAMED_PATH = re.compile(
    r"`((?:accounts|benchmarks|deploy|docs|flows|imports|tests|tools|ziggy_site)/[\w./-]*)`"
)
OUTSIDE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page):
    broken = []
    for link in links_of(page):
        if link.startswith(OUTSIDE):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme():
    reached, new = set(), {ROOT / "README.md"}
    while new:
        reached |= new
        linked = {
            (page.parent / link.partition("#")[0]).resolve()
            for page in new
            for link in links_of(page)
            if not link.startswith(OUTSIDE)
        }
        new = {page for page in linked if page.suffix == ".md" and page.exists()} - reached
    assert set(PAGES) - reached == set()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_every_page_begins_with_its_title():
    untitled = [name_of(page) for page in PAGES if not page.read_text().startswith("# ")]
    assert untitled == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_that_a_page_names_is_there(page):
    named = NAMED_PATH.findall(page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("package", ["imports", "flows"])
def test_the_architecture_has_every_room(package):
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    rooms = {found.parent.name for found in (ROOT / package).glob("*/__init__.py")}
    rooms |= {found.stem for found in (ROOT / package).glob("[!_]*.py")}
    unnamed = {room for room in rooms if f"`{room}`" not in text}
    assert unnamed - {"apps", "migrations"} == set()


def test_contributors_are_told_names_that_the_code_has():
    code = "\n".join(
        source.read_text()
        for folder in ("accounts", "flows", "imports", "tests", "tools", "ziggy_site")
        for source in (ROOT / folder).rglob("*.py")
    )
    words = set(re.findall(r"\b\w+\b", code))
    named = re.findall(r"`(\w+)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert [name for name in named if name not in words] == []
