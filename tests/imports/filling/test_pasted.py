"""What a pasted text says of secrets, and what is wrong with which line of it."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.filling.pasted import ProblemCode, ValueEnvironment, read_pasted

DEV, PROD, BOTH = ValueEnvironment.DEVELOPMENT, ValueEnvironment.PRODUCTION, ValueEnvironment.BOTH
CANARY = "CANARY-9a7e"


def read(text, environment=DEV):
    """Name and both values of every line."""
    pasted = read_pasted(text, environment)
    assert pasted.problems == ()
    return [(value.name, value.dev_value, value.prod_value) for value in pasted.values]


def problems_of(text):
    pasted = read_pasted(text, DEV)
    for problem in pasted.problems:
        assert CANARY not in problem.message
    return [(problem.line, problem.code.value) for problem in pasted.problems]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=abc", "abc"),
        ("  KEY =  a b c  ", "a b c"),
        ("export KEY=abc", "abc"),
        ("KEY=a=b==", "a=b=="),
        ('KEY=" a "', " a "),
        ("KEY='a\"b'", 'a"b'),
        ('KEY="it\'s"', "it's"),
        ('KEY=a"b', 'a"b'),
        ("KEY=abc # no comment", "abc # no comment"),
        ("KEY=a,b;c\td", "a,b;c\td"),
        ("KEY=\u2028ü\u200d😀", "\u2028ü\u200d😀".strip()),
    ],
)
def test_a_line_is_a_name_and_its_value(line, value):
    assert read(line) == [("KEY", value, "")]


def test_blank_lines_and_comments_are_passed_over():
    assert read("# of the shop\r\n\r\nA=1\r\n  # more\rB=2\n") == [("A", "1", ""), ("B", "2", "")]


@pytest.mark.parametrize(
    ("environment", "values"), [(DEV, ("x", "")), (PROD, ("", "x")), (BOTH, ("x", "x"))]
)
@pytest.mark.parametrize("text", ["KEY=x", "name,value\nKEY,x"])
def test_a_value_is_for_the_environment_that_is_said(text, environment, values):
    assert read(text, environment) == [("KEY", *values)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_has_both_values(delimiter):
    text = "Name,Production Value,dev\nA,p,d\n\nB,,d2\n".replace(",", delimiter)
    assert read(text, PROD) == [("A", "d", "p"), ("B", "d2", "")]


def test_a_value_of_a_table_may_have_lines_and_quotation_marks():
    text = '\ufeffname,value\nKEY,"-----BEGIN\n""x"", y\n-----END"\nB,2'
    assert read(text) == [("KEY", '-----BEGIN\n"x", y\n-----END', ""), ("B", "2", "")]


def test_names_without_a_value_are_counted():
    for text in ("A=\nB=''\nC=1", "name,development,production\nA,,\nB,,\nC,1,"):
        pasted = read_pasted(text, DEV)
        assert (len(pasted.values), pasted.names_without_value) == (1, 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CANARY, [(1, "no-equals")]),
        (f"A=1\n\n{CANARY}\n={CANARY}", [(3, "no-equals"), (4, "no-name")]),
        (f"A=\"{CANARY}\nB='{CANARY}' x\nC=\"", [(1, "quotes"), (2, "quotes"), (3, "quotes")]),
        (f"A={CANARY}\nB=2\nA={CANARY}", [(3, "twice")]),
        (f"A=1\nB={CANARY}\0", [(2, "nul")]),
        (f"name,{CANARY}\nA,{CANARY}", [(1, "columns")]),
        (f"name,value,value\nA,{CANARY},2", [(1, "columns")]),
        (f"name,value\nA,{CANARY},2\n,{CANARY}", [(2, "columns"), (3, "no-name")]),
        (f'name,value\nA,1\nB,"{CANARY}', [(3, "table")]),
        (f'name,value\nA,"1\n2"\nB,"{CANARY}"x', [(4, "table")]),
        ("", []),
    ],
)
def test_every_wrong_line_is_named_without_its_text(text, found):
    assert problems_of(text) == found


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True)


@given(st.dictionaries(NAMES, st.tuples(VALUES, VALUES)))
def test_any_values_come_out_of_a_table_as_they_went_in(rows):
    text = StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "development", "production"])
    writer.writerows((name, *values) for name, values in rows.items())
    assert read(text.getvalue()) == [(name, *values) for name, values in rows.items()]


@given(st.text())
def test_no_text_is_more_than_a_problem(text):
    pasted = read_pasted(text, BOTH)
    assert all(problem.line >= 1 for problem in pasted.problems)
    assert {problem.code for problem in pasted.problems} <= set(ProblemCode)
    for value in pasted.values:
        assert value.name
        assert value.dev_value == value.prod_value or "name" in text.lower()


def test_no_value_is_in_a_representation():
    assert CANARY not in repr(read_pasted(f"A={CANARY}", BOTH))
