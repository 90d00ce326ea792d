"""Links between the pages, and to files and headings, lead somewhere; no page is alone."""

import pytest

from tests.docs.pages import PAGES, ROOT, anchors_of, links_of, name_of

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
