"""What a command says of the export that it wrote."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from flows.content.fields import Kind
from flows.counting import format_count
from imports.exporting.directory_writing import DirectoryStatistics
from imports.exporting.write import ExportStatistics
from imports.management.console import print_json, print_line
from imports.report import make_answer
from imports.samples.sample import SampleStatistics


def print_statistics(
    command: BaseCommand,
    statistics: ExportStatistics | SampleStatistics,
    path: Path | None,
    **more: Any,
) -> None:
    """Print the statistics, with more of them, as JSON; on stderr where the export is on stdout."""
    counts = statistics.counts
    if path is None:
        print_line(command, ", ".join(format_count(counts[kind], kind) for kind in Kind))
        return
    data = {
        "filePath": str(path),
        **{kind.plural: counts[kind] for kind in Kind},
        "size": statistics.size,
        "sha256": statistics.sha256,
        **more,
    }
    print_json(command, make_answer(HTTPStatus.OK, data))


def print_directory_statistics(
    command: BaseCommand, statistics: DirectoryStatistics, root: Path
) -> None:
    """Print what an export into a directory did, as JSON."""
    data = {
        "directory": str(root),
        "directoryId": statistics.directory_id,
        **{kind.plural: statistics.counts[kind] for kind in Kind},
        "filesWritten": statistics.written,
        "filesRemoved": statistics.removed,
        "filesUnchanged": statistics.unchanged,
        "warnings": statistics.warnings,
    }
    print_json(command, make_answer(HTTPStatus.OK, data))
