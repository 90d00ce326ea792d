"""Mutations that Cosmic Ray lacks: a removed statement, and a changed text.

They imitate a missing guard: a check that is not called, an error that is not raised, a word that
is missing from a table.
"""

import ast
from collections.abc import Iterator
from typing import Any, ClassVar

import cosmic_ray.plugins
from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Keyword, String

Position = tuple[int, int]
Span = tuple[Position, Position]

_MARK = "mutated"


class StatementRemover(Operator):  # type: ignore[misc]
    """Replaces a call, a raise, a yield or an assignment to a key by `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where such a statement is."""
        if node.type == "simple_stmt" and _is_removable(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Replace the statement by `pass`."""
        first = node.children[0].get_first_leaf()
        node.children[0] = Keyword("pass", first.start_pos, first.prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return an example for Cosmic Ray's documentation."""
        return (Example("check(user)", "pass"),)


def _is_removable(statement: Any) -> bool:
    if statement.type in {"raise_stmt", "yield_expr"}:
        return True
    if statement.type == "expr_stmt":  # without a plain name's assignment, a NameError would follow
        target, operator = statement.children[0], statement.children[1]
        is_augmented = operator.type == "operator" and operator.value not in {"=", ":"}
        return is_augmented or target.type in {"atom_expr", "power"}
    return statement.type in {"atom_expr", "power"}


class TextReplacer(Operator):  # type: ignore[misc]
    """Changes a text, except for docstrings and f-strings."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where such a text is."""
        if isinstance(node, String) and not _is_docstring(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put a mark before the text."""
        start = node.value.index(node.value[-1])
        quote = node.value[-1] * (3 if node.value.endswith(node.value[-1] * 3) else 1)
        head, rest = node.value[: start + len(quote)], node.value[start + len(quote) :]
        node.value = f"{head}{_MARK}{rest}"
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return an example for Cosmic Ray's documentation."""
        return (Example("x = 'a'", f"x = '{_MARK}a'"),)


def _is_docstring(node: Any) -> bool:
    """Return whether the text is a statement of its own."""
    while node.parent.type == "strings":
        node = node.parent
    return bool(node.parent.type in {"simple_stmt", "file_input", "suite"})


class _Provider:
    """Provides the operators above, by name."""

    _operators: ClassVar = {"StatementRemover": StatementRemover, "TextReplacer": TextReplacer}

    def __iter__(self) -> Iterator[str]:
        return iter(self._operators)

    def __getitem__(self, name: str) -> type[Operator]:
        return self._operators[name]


def register() -> None:
    """Register these operators with Cosmic Ray in this process."""
    cosmic_ray.plugins.OPERATOR_PROVIDERS["ziggy"] = _Provider()


def find_annotations(source: str) -> list[Span]:
    """Return where the module has annotations: a mutant there fails at once or changes nothing."""
    parts = (
        part
        for node in ast.walk(ast.parse(source))
        for name in ("annotation", "returns")
        if (part := getattr(node, name, None))
    )
    return [
        ((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)) for part in parts
    ]
