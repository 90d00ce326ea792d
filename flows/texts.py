"""Texts of files, databases and requests, made fit for messages and for storing. Pure."""

import re

_LONGEST_QUOTE = 200
_LONGEST_NAME = 255
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]{0,99}", re.ASCII)


def make_json_path(*steps: str | int) -> str:
    """Return the path of these keys and indexes, such as `flows[3].nodes[0]["a key"]`.

    Keys are from a file; those that are not plain names are put in double quotes by `quote`.
    """
    return "".join(map(_format_step, steps)).removeprefix(".")


def read_json_path(path: str) -> tuple[str | int, ...]:
    """Return the keys and indexes of a path of `make_json_path`, up to a key in quotes."""
    steps: list[str | int] = []
    end = 0
    while match := _STEP.match(path, end):
        steps.append(int(match["index"]) if match["index"] else match["key"])
        end = match.end()
    return tuple(steps)


_STEP = re.compile(r"\[(?P<index>\d+)\]|\.?(?P<key>[A-Za-z_$][\w$-]*)", re.ASCII)


def _format_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{quote(step)}]"


def shorten(text: str) -> str:
    """Return text from a file, cut if it is longer than any name; for data beside a message."""
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_QUOTE]}..."


def quote(text: str) -> str:
    """Return text from a file for a message: as `make_printable` does, in double quotes."""
    return f'"{make_printable(text)}"'


def make_printable(text: str) -> str:
    """Return text from a file for people: on one line, no control characters, cut if long."""
    if len(text) > _LONGEST_QUOTE:
        text = f"{text[:_LONGEST_QUOTE]}..."
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def get_first_line(error: Exception) -> str:
    """Return the first line of a database error: later lines may quote a row."""
    return str(error).partition("\n")[0]


def make_storable(text: str) -> str:
    """Return text that every database accepts: surrogates and NUL characters are escaped."""
    return text.encode(errors="backslashreplace").decode().replace("\0", r"\x00")
