"""The progress of a run, and its end, as the commands print them for people on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from flows.counting import format_count
from flows.servers import target_server
from flows.texts import make_printable
from imports.history.wording import format_pruned
from imports.management.console import show
from imports.management.warning_text import WarningDigest, format_digest
from imports.models import ImportRecord
from imports.records.checklist import count_unfilled


@contextmanager
def show_progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while rows are written, if it is a terminal; yield its callback."""
    console = Console(stderr=True)
    columns = (TextColumn("Writing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Writing", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def show_warnings(warnings: WarningDigest, record: ImportRecord) -> None:
    """Print the warnings of a run without a prompt.

    All serious warnings are printed; if there are very many others, the record has the rest.
    """
    lines = [*format_digest(warnings, where=f"see record {record.pk}")]
    if lines:
        show(Text("\n").join(lines))


def format_last_line(summary: str, record: ImportRecord, *, wrote: bool) -> str:
    """Return the last line of a run: its counts, record, backup and what was pruned."""
    backup = f" The backup is {record.backup_path}." if record.backup_path else ""
    end = "Done" if wrote else "Nothing to do"
    pruned = format_pruned(record.pruned)
    history = f" Old history: {pruned}." if pruned else ""
    to_fill = _describe_unfilled(record) if wrote else ""
    return f"{summary} {end}: record {record.pk}{_describe_plan(record)}.{backup}{history}{to_fill}"


def _describe_unfilled(record: ImportRecord) -> str:
    with target_server(record.server):
        count = count_unfilled(record)
    if not count:
        return ""
    have = "has" if count == 1 else "have"
    secrets = format_count(count, "secret")
    return f" {secrets} {have} no value yet: see the checklist of the record in the admin."


def _describe_plan(record: ImportRecord) -> str:
    if not record.plan_checksum:
        return ""
    by = f" of {make_printable(record.plan_created_by)}" if record.plan_created_by else ""
    at = f" of {record.plan_created_at:%Y-%m-%d %H:%M:%S} UTC" if record.plan_created_at else ""
    return f", by the saved plan{by}{at}"
