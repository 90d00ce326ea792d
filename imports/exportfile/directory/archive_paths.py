"""Which paths an archive may have: none leaves the directory, and no two are one file on any disk.

Pure.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from flows.strict_json.problems import JSONProblem
from flows.texts import quote
from imports.exportfile.directory.archive_entries import make_problem

MAX_PATH_BYTES = 1_000
"""How many bytes a path may have, in UTF-8."""

_UNDECODED = re.compile("[\ud800-\udfff]")
_UNSAFE_COMPONENTS = {"", ".", ".."}
_UNSAFE_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\\:\u2028\u2029]")


def check_path(path: str) -> None:
    """Raise JSONProblem for a path that could leave the directory; a directory's ends with "/"."""
    if len(path) > MAX_PATH_BYTES or len(path.encode(errors="replace")) > MAX_PATH_BYTES:
        raise make_problem(
            "path-too-long",
            f"has a path of more than {MAX_PATH_BYTES:,} bytes, {quote(path)}. Shorten it.",
        )
    if _UNDECODED.search(path):
        raise _make_unsafe_problem(path, "a name that is not in UTF-8")
    if _UNSAFE_CHARACTERS.search(path):
        raise _make_unsafe_problem(path, "a backslash, a colon or a control character")
    components = path.removesuffix("/").split("/")
    if not _UNSAFE_COMPONENTS.isdisjoint(components):
        what = '".."' if ".." in components else 'an empty part or "."'
        raise _make_unsafe_problem(path, "a slash at its start" if path[:1] == "/" else what)


def check_all_paths(paths: Iterable[str]) -> None:
    """Raise JSONProblem where two paths are one on some disk, or one is a file and a directory.

    The paths are safe; that of a directory ends with "/", and may be there twice.
    """
    # "/" becomes the least of all characters, so that what lies in a directory follows it at once.
    ordered = sorted((_fold(path).replace("/", "\0"), path) for path in paths)
    for (key, path), (next_key, next_path) in pairwise(ordered):
        if path == next_path:
            if not path.endswith("/"):
                raise make_problem(
                    "duplicate-path", f"has {quote(path)} twice. Make it again with one of them."
                )
        elif next_key.removesuffix("\0") == key or next_key.startswith(key + "\0"):
            _check_file_and_follower(path, next_path)
        _check_shared_directories(key, path, next_key, next_path)


def _check_file_and_follower(path: str, next_path: str) -> None:
    """Raise for a file whose path is that of the next one, or the beginning of it, but for case."""
    if _fold(path) == _fold(next_path):
        raise _make_collision(path, next_path)
    raise make_problem(
        "file-and-directory",
        f"has {quote(path)} as a file and as a directory. Rename one of them.",
    )


def _check_shared_directories(key: str, path: str, next_key: str, next_path: str) -> None:
    """Raise where a directory of both is written in two ways."""
    if path.rpartition("/")[0] == next_path.rpartition("/")[0]:
        return
    keys = zip(key.split("\0")[:-1], next_key.split("\0")[:-1], strict=False)
    parts = zip(path.split("/"), next_path.split("/"), strict=False)
    for (folded, next_folded), (part, next_part) in zip(keys, parts, strict=False):
        if folded != next_folded:
            return
        if part != next_part:
            raise _make_collision(path, next_path)


def _fold(path: str) -> str:
    """Return what is the same for all paths that some disk takes for one."""
    if path.isascii():
        return path.lower()
    decomposed = unicodedata.normalize("NFD", path)
    return unicodedata.normalize("NFC", decomposed.casefold())


def _make_collision(path: str, other: str) -> JSONProblem:
    return make_problem(
        "case-collision",
        f"has {quote(path)} and {quote(other)}, which are one on disks that ignore case. "
        "Rename one of them.",
    )


def _make_unsafe_problem(path: str, what: str) -> JSONProblem:
    return make_problem(
        "unsafe-path",
        f"has the path {quote(path)}, with {what}. Make it of paths below one directory.",
    )
