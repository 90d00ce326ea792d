"""Which figures of a server a user is shown, and what each says."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.content.fields import Kind
from imports.overview.figures import (
    Figure,
    ServerFacts,
    Viewer,
    choose_figures,
    format_age,
    make_cards,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kinds", "may_see_records", "may_import", "figures"),
    [
        ([], False, False, set()),
        (list(Kind), False, False, {Figure.SECRETS}),
        ([Kind.FLOW], True, False, {Figure.IMPORTS, Figure.BACKUP, Figure.DRIFT}),
        ([], True, False, {Figure.IMPORTS, Figure.BACKUP}),
        ([], False, True, {Figure.UPLOADS}),
        (list(Kind), True, True, set(Figure)),
    ],
)
def test_a_figure_is_for_who_may_see_it(kinds, may_see_records, may_import, figures):
    viewer = Viewer(visible_kinds=kinds, may_see_records=may_see_records, may_import=may_import)
    assert choose_figures(viewer) == figures


def told(*, figures=frozenset(Figure), **facts):
    cards = make_cards(figures, ServerFacts(now=NOW, **facts))
    return {str(card.figure): (card.value, card.text, card.needs_attention) for card in cards}


def test_a_quiet_server_needs_no_attention_but_for_its_backup():
    assert told(uploads=0, secrets=0, drift={Kind.FLOW: 0}) == {
        "uploads": ("0", "nothing waits for you", False),
        "secrets": ("0", "every secret that is used has one", False),
        "drift": ("0", "everything is as it was imported", False),
        "backup": ("none", "no backup was made and verified yet", True),
    }


def test_what_is_to_do_is_told_with_its_number():
    at = NOW - timedelta(hours=3, minutes=7)
    drift = {Kind.FLOW: 1200, Kind.CONNECTION: 1, Kind.SECRET: 0}
    assert told(uploads=2, secrets=225, drift=drift, verified_at=at) == {
        "uploads": ("2", "to be looked at and confirmed", True),
        "secrets": ("225", "that something uses", True),
        "drift": ("1,201", "1200 flows and 1 connection", True),
        "backup": ("3 hours", "2026-05-04 08:53:00 UTC", False),
    }


def test_only_the_chosen_figures_are_told():
    assert set(told(figures={Figure.BACKUP}, uploads=1)) == {"backup"}


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(days=-1), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age, text):
    assert format_age(age) == text
