"""A pasted text to the values of secrets: lines of `NAME=value`, or a table. Pure.

What is wrong is said by the number of the line. No message has anything of the text: where a line
is wrong, any part of it may be a value.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO

_LINE_END = re.compile(r"\r\n|\r|\n")
_EXPORT = re.compile(r"export\s+")
_QUOTES = "\"'"
_DELIMITERS = ",;\t"
_NUL = "\0"


class ValueEnvironment(StrEnum):
    """For which environment a value is."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"
    BOTH = "both"


class ProblemCode(StrEnum):
    """What can be wrong with a line."""

    NO_EQUALS = "no-equals"
    NO_NAME = "no-name"
    NO_VALUES = "no-values"
    QUOTES = "quotes"
    NUL = "nul"
    COLUMNS = "columns"
    TABLE = "table"
    TWICE = "twice"
    NOT_LISTED = "not-listed"
    HAS_VALUE = "has-value"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """What is wrong with a line, and what to do; the message has nothing of the line."""

    line: int
    """From 1; 0 where it is about the whole text."""
    code: ProblemCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedValue:
    """The values of one secret; an empty text is none. They are in no representation."""

    line: int
    name: str = field(repr=False)
    dev_value: str = field(default="", repr=False)
    prod_value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """What a pasted text says."""

    values: tuple[PastedValue, ...] = ()
    problems: tuple[LineProblem, ...] = ()
    names_without_value: int = 0
    """How many lines have a name and no value: they are passed over."""


class _LineError(Exception):
    def __init__(self, code: ProblemCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_pasted(text: str, environment: ValueEnvironment) -> Pasted:
    """Return the values and all problems of a pasted text.

    A text is a table where its first line begins with the word `name` and has another column; its
    columns are separated by commas, semicolons or tabs. `environment` is for lines of `NAME=value`,
    and for a column `value`.
    """
    if _NUL in text:
        line = 1 + len(_LINE_END.findall(text[: text.index(_NUL)]))
        message = "It has a character that no text can have (NUL)."
        return Pasted(problems=(LineProblem(line=line, code=ProblemCode.NUL, message=message),))
    read = _read_table if _find_delimiter(text) else _read_lines
    values: list[PastedValue] = []
    problems: list[LineProblem] = []
    empty = 0
    for found in read(text, environment):
        if isinstance(found, LineProblem):
            problems.append(found)
        elif found.dev_value or found.prod_value:
            values.append(found)
        else:
            empty += 1
    problems += _find_repeated(values)
    return Pasted(
        values=tuple(values),
        problems=tuple(sorted(problems, key=lambda each: each.line)),
        names_without_value=empty,
    )


def _find_repeated(values: Iterable[PastedValue]) -> Iterator[LineProblem]:
    first: dict[str, int] = {}
    for value in values:
        line = first.setdefault(value.name, value.line)
        if line != value.line:
            message = f"It is for the same secret as line {line}. Leave one of the two out."
            yield LineProblem(line=value.line, code=ProblemCode.TWICE, message=message)


# --- lines of NAME=value


def _read_lines(text: str, environment: ValueEnvironment) -> Iterator[PastedValue | LineProblem]:
    for number, line in enumerate(_LINE_END.split(text), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            name, value = _read_line(stripped)
        except _LineError as error:
            yield LineProblem(line=number, code=error.code, message=error.message)
        else:
            yield _make_value(number, name, value, environment)


def _read_line(line: str) -> tuple[str, str]:
    name, equals, value = _EXPORT.sub("", line, count=1).partition("=")
    if not equals:
        raise _LineError(
            ProblemCode.NO_EQUALS,
            'It has no "=". Write NAME=value, or begin with the names of columns, such as '
            "name,development,production.",
        )
    if not name.strip():
        raise _LineError(ProblemCode.NO_NAME, 'There is no name before the "=".')
    return name.strip(), _remove_quotes(value.strip())


def _remove_quotes(value: str) -> str:
    if not value or value[0] not in _QUOTES:
        return value
    quote = value[0]
    if len(value) == 1 or value[-1] != quote or quote in value[1:-1]:
        raise _LineError(
            ProblemCode.QUOTES,
            "Its value begins with a quotation mark, and does not end with the only other one. "
            "Put the value into quotation marks of the other kind, or give a table.",
        )
    return value[1:-1]


def _make_value(line: int, name: str, value: str, environment: ValueEnvironment) -> PastedValue:
    return PastedValue(
        line=line,
        name=name,
        dev_value="" if environment is ValueEnvironment.PRODUCTION else value,
        prod_value="" if environment is ValueEnvironment.DEVELOPMENT else value,
    )


# --- tables

_COLUMNS = {
    "name": "name",
    "value": "value",
    **dict.fromkeys(("development", "dev", "devvalue", "developmentvalue"), "dev_value"),
    **dict.fromkeys(("production", "prod", "prodvalue", "productionvalue"), "prod_value"),
}


def _find_delimiter(text: str) -> str:
    """Return what separates the columns of a table; "" where the text is none."""
    first = text.lstrip("\ufeff").lstrip().partition("\n")[0]
    found = [each for each in _DELIMITERS if each in first]
    if "=" in first or not found:
        return ""
    delimiter = min(found, key=first.index)
    return delimiter if _read_header(first.split(delimiter))[0] == "name" else ""


def _read_header(cells: Sequence[str]) -> list[str]:
    """Return the column that each cell of a header means; "" for an unknown one."""
    words = (re.sub(r"[^a-z]", "", cell.lower()) for cell in cells)
    return [_COLUMNS.get(word, "") for word in words]


def _read_table(text: str, environment: ValueEnvironment) -> Iterator[PastedValue | LineProblem]:
    text = text.lstrip("\ufeff")
    rows = csv.reader(StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                pass
            elif not header:
                header = _read_header(cells)
                _check_header(header)
            else:
                yield _read_row(line, header, cells, environment)
            line = rows.line_num + 1
    except _LineError as error:
        yield LineProblem(line=line, code=error.code, message=error.message)
    except csv.Error:
        message = (
            "The table cannot be read from here on: a quotation mark may be missing, or be one too "
            "many. Within a quoted value, write it twice."
        )
        yield LineProblem(line=line, code=ProblemCode.TABLE, message=message)


def _check_header(header: Sequence[str]) -> None:
    known = [column for column in header if column]
    if len(known) < len(header) or len(set(known)) < len(known) or len(known) == 1:
        raise _LineError(
            ProblemCode.COLUMNS,
            "The columns are not known. There is name, and beside it value, or development and "
            "production; each once.",
        )


def _read_row(
    line: int, header: Sequence[str], cells: Sequence[str], environment: ValueEnvironment
) -> PastedValue | LineProblem:
    if len(cells) != len(header):
        message = f"It has {len(cells)} columns, and the first line has {len(header)}."
        return LineProblem(line=line, code=ProblemCode.COLUMNS, message=message)
    row = dict(zip(header, cells, strict=True))
    name = row["name"].strip()
    if not name:
        return LineProblem(line=line, code=ProblemCode.NO_NAME, message="There is no name.")
    shared = _make_value(line, name, row.get("value", ""), environment)
    return PastedValue(
        line=line,
        name=name,
        dev_value=row.get("dev_value") or shared.dev_value,
        prod_value=row.get("prod_value") or shared.prod_value,
    )
