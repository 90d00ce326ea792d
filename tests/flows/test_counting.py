"""Numbers of things in messages."""

import pytest

from flows.counting import number_of, other_than_first


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 flows"), (1, "1 flow"), (2, "2 flows"), (1000, "1000 flows")]
)
def test_a_noun_is_in_the_singular_for_one_alone(count, told):
    assert number_of(count, "flow") == told


@pytest.mark.parametrize(
    ("things", "told"),
    [("", ""), ("a", ""), ("ab", " (1 more problem)"), ("abc", " (2 more problems)")],
)
def test_those_beside_the_first_are_counted_after_it(things, told):
    assert other_than_first(things) == told


def test_others_may_bear_another_noun():
    assert other_than_first("ab", "difference") == " (1 more difference)"
