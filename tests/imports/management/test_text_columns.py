"""Columns of text: as wide as most cells need, and nothing is cut."""

from io import StringIO

import pytest
from django.core.management import call_command
from rich.cells import cell_len

from imports.management.text_columns import format_columns
from tests.support.factories import FlowFactory

LONG = "A name as long as a name may be " * 7


def texts(headings, rows):
    return [line.plain for line in format_columns(headings, [(row, "") for row in rows])]


def test_columns_are_as_wide_as_their_cells():
    assert texts(("NAME", "ID"), [("a", "1"), ("abcdef", "22")]) == [
        "NAME    ID",
        "a       1",
        "abcdef  22",
    ]


def test_without_rows_there_are_the_headings():
    assert texts(("NAME", "ID"), []) == ["NAME  ID"]


def test_a_long_cell_moves_its_own_line_alone():
    plain, short, long = texts(("NAME", "ID"), [("a", "1"), (LONG, "2")])
    assert plain.index("ID") == short.index("1") == 46
    assert long == f"{LONG}  2"


def test_wide_characters_count_as_the_cells_that_they_take():
    _, wide, narrow = texts(("NAME", "ID"), [("漢字", "1"), ("abcd", "2")])
    assert cell_len(wide) == cell_len(narrow) == 7


@pytest.mark.django_db
def test_one_long_name_widens_no_other_line_of_flow_list():
    FlowFactory(name=LONG[:200].strip(), tags='["x"]')
    for number in range(5):
        FlowFactory(name=f"Short {number}", tags='["x"]')
    stream = StringIO()
    call_command("flow_list", stdout=stream)
    out = stream.getvalue()
    lines = out.splitlines()
    assert len(lines) == 8
    assert sorted(map(len, lines))[-2] < 130
    assert LONG[:200].strip() in out
