"""Choices follow from their key: the same everywhere, and each option as often as it should be."""

from collections import Counter
from uuid import UUID

import pytest

from imports.samples.chance import Chance

NUMBERS = [65, 12, 50, 46, 94, 3, 71, 99]
UUID_AFTER_THEM = "1d544723-a70a-4ebf-b8fa-41dde31d9afb"


def test_the_choices_of_a_key_are_these():
    chance = Chance(1, "flow", 7)
    assert [chance.pick_number(0, 99) for _ in range(8)] == NUMBERS
    assert chance.make_uuid() == UUID_AFTER_THEM


def test_another_key_makes_other_choices():
    assert Chance(1, "a").make_uuid() != Chance(1, "b").make_uuid()
    assert Chance(1, 12).make_uuid() != Chance(11, 2).make_uuid()


def test_a_uuid_looks_like_a_random_one():
    uuid = UUID(Chance(1).make_uuid())
    assert (uuid.version, uuid.variant) == (4, "specified in RFC 4122")


def test_numbers_are_within_both_ends():
    chance = Chance(2)
    assert {chance.pick_number(-2, 2) for _ in range(200)} == {-2, -1, 0, 1, 2}
    assert chance.pick_number(5, 5) == 5


def test_weights_count():
    chance = Chance(3)
    counts = Counter(
        chance.pick_weighted((("often", 90), ("never", 0), ("rarely", 10))) for _ in range(2_000)
    )
    assert counts.keys() == {"often", "rarely"}
    assert 0.85 < counts["often"] / 2_000 < 0.95


@pytest.mark.parametrize(("percent", "share"), [(0, 0), (30, 0.3), (100, 1)])
def test_it_happens_as_often_as_it_should(percent, share):
    chance = Chance(4)
    assert abs(sum(chance.happens(percent) for _ in range(2_000)) / 2_000 - share) < 0.04


@pytest.mark.parametrize("count", [0, 3, 5, 9])
def test_several_are_different_ones(count):
    options = ["a", "b", "c", "d", "e"]
    picked = Chance(5).pick_several(options, count)
    assert len(picked) == len(set(picked)) == min(count, 5)
    assert options == ["a", "b", "c", "d", "e"]
