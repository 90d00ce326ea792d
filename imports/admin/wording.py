"""The words that several pages of records use."""

from collections.abc import Iterable, Mapping

from imports.models import RESTORE, UNDO, ImportRecord
from imports.plans.plan import Mode, Result, UndoResult

# In order of importance: the results that change a row come first.
RESULT_WORDS: Mapping[str, str] = {
    Result.OVERWRITE: "overwritten",
    Result.CREATE: "created",
    Result.DUPLICATE: "duplicated",
    Result.PRUNE: "pruned",
    Result.SKIP: "skipped",
    Result.UNCHANGED: "unchanged",
    UndoResult.RESTORE: "restored",
    UndoResult.DELETE: "deleted",
    UndoResult.KEEP: "kept",
}

_MODE_WORDS: Mapping[str, str] = {
    Mode.SKIP: "Skip: an item that exists already is left alone",
    Mode.DUPLICATE: "Duplicate: an item that exists already is added once more, as a copy",
    Mode.OVERWRITE: "Overwrite: an item that exists already becomes the file's",
    UNDO: "Undo: every row that an import wrote becomes what it was before",
    RESTORE: "Restore: the whole database becomes what it was in a backup",
}
_REDO_WORDS = "Redo: every row that an undo wrote becomes what it was before the undo"
# What the commands' options are on the pages: messages name the options.
_CONTROLS = {
    "give --override-locks": "choose “Overwrite locked flows as well”",
    "--override-locks": "“Overwrite locked flows as well”",
    "give --prune-limit": "import it by the command, with --prune-limit",
}
_MINUTE = 60
_TENTHS_UNTIL = 10


def format_counts(counts: Mapping[str, int]) -> str:
    """Return counts by result in words: `2 overwritten, 3 created`."""
    words = (
        f"{counts[result]:,} {word}"
        for result, word in RESULT_WORDS.items()
        if counts.get(str(result))
    )
    return ", ".join(words)


def format_duration(seconds: float | None) -> str:
    """Return a duration in words: `0.42 s`, `12.5 s`, `3 min 5 s`; empty for None."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.{2 if seconds < _TENTHS_UNTIL else 1}f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes:,} min {rest} s"


def format_options(record: ImportRecord) -> Iterable[str]:
    """Return the options of the run, in sentences."""
    yield _REDO_WORDS if record.is_redo else _MODE_WORDS[record.mode]
    yield "With a backup" if record.with_backup else "Without a backup"
    if record.override_locks:
        yield "Overwriting locked flows as well"
    if record.prune:
        yield "Pruning what left the directory"


def replace_options(text: str) -> str:
    """Return a message as a page shows it: with the page's own controls in place of options."""
    for option, control in _CONTROLS.items():
        text = text.replace(option, control)
    return text
