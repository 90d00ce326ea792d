"""The operators of `make mutants`, and that every module with a room has its tests."""

from pathlib import Path

import pytest

from tools.mutant_rooms import ROOMS

mutating = pytest.importorskip("cosmic_ray.mutating", reason="`make mutants` installs it")
operators = pytest.importorskip("tools.mutation_operators")

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", ROOMS)
def test_a_room_names_a_module_and_tests_that_are_there(module: str) -> None:
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()
    for name in ROOMS[module].tests:
        assert (ROOT / "tests" / name).is_file()
    assert ROOMS[module].tests


def mutations(operator: type, source: str) -> list[str]:
    found: list[str] = []
    while mutated := mutating.mutate_code(source, operator(), len(found)):
        found.append(mutated)
    return found


def test_a_statement_that_does_something_is_left_out() -> None:
    source = '"""Doc."""\ncheck(user)\nx = 1\nx[0] = 2\nx += 3\nif x:\n    raise E\ny: int = 4\n'
    assert mutations(operators.StatementRemover, source) == [
        source.replace("check(user)", "pass"),
        source.replace("x[0] = 2", "pass"),
        source.replace("x += 3", "pass"),
        source.replace("raise E", "pass"),
    ]


def test_a_text_becomes_another_one_and_a_docstring_stays() -> None:
    source = '"""Doc."""\nx = "a"\ny = r\'b\' "c"\ndef f():\n    """Doc."""\n    return {\'d\'}\n'
    assert mutations(operators.TextReplacer, source) == [
        source.replace('"a"', '"mutateda"'),
        source.replace("r'b'", "r'mutatedb'"),
        source.replace('"c"', '"mutatedc"'),
        source.replace("'d'", "'mutatedd'"),
    ]


def test_types_are_told_from_what_is_done() -> None:
    assert operators.find_annotations("def f(a: int) -> str:\n    b: int | None = 1\n") == [
        ((1, 17), (1, 20)), ((2, 7), (2, 17)), ((1, 9), (1, 12)),
    ]  # fmt: skip
