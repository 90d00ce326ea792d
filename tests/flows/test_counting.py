"""Numbers of things in messages."""

import pytest

from flows.counting import format_count, format_others


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 flows"), (1, "1 flow"), (2, "2 flows"), (1000, "1000 flows")]
)
def test_a_noun_is_in_the_singular_for_one_alone(count, told):
    assert format_count(count, "flow") == told


@pytest.mark.parametrize(
    ("things", "told"),
    [("", ""), ("a", ""), ("ab", " (1 more problem)"), ("abc", " (2 more problems)")],
)
def test_those_beside_the_first_are_counted_after_it(things, told):
    assert format_others(things) == told


def test_others_may_bear_another_noun():
    assert format_others("ab", "difference") == " (1 more difference)"
