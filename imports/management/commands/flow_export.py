"""Export flows with all that they need: the command of imports.exporting.write."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from flows.texts import quote
from imports.database.one_state import read_one_state
from imports.errors import UnableToImport
from imports.exporting.directory_files import format_choice, make_directory_id
from imports.exporting.directory_writing import DirectoryStatistics, write_directory
from imports.exporting.gzip_stream import GZIP_SUFFIX, open_gzip
from imports.exporting.selection import (
    Selection,
    UnknownFlowsError,
    select_everything,
    select_flows,
)
from imports.exporting.write import ExportStatistics, write_export
from imports.management.console import (
    USAGE_ERROR,
    add_server_argument,
    print_cancelled,
    print_json,
    print_line,
    refuse_errors,
    target_known_server,
)
from imports.management.files import may_write, refuse_unwritable, replace_file
from imports.management.statistics import print_directory_statistics, print_statistics
from imports.report import make_answer

DEFAULT_NAME = "zexport.json"


class NothingToExport(UnableToImport):
    """There is nothing to export, which an option of the command makes an error."""

    status = HTTPStatus.NOT_FOUND


class Command(BaseCommand):
    help = (
        "Export flows to a file, with every flow that they call and the connections and secrets "
        "that any of them refers to. Without --flow-ids and --tags: everything. Secret values are "
        "never exported. Prints statistics in JSON on stdout."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_server_argument(parser)  # type: ignore[arg-type]
        parser.add_argument(
            "--flow-ids", metavar="UUID,UUID", default="",
            help="the flows with these uuids, separated by commas",
        )  # fmt: skip
        parser.add_argument(
            "--tags", metavar="TAG,TAG", default="",
            help="the flows with any of these tags, separated by commas",
        )  # fmt: skip
        _add_places(parser)
        parser.add_argument(
            "--compact",
            action="store_true",
            help="write the same document without indentation: a third smaller, or more",
        )
        parser.add_argument(
            "--gzip",
            action="store_true",
            help="write gzip, which every import takes; a file whose name ends in .gz is written "
            "in gzip without this option",
        )
        parser.add_argument(
            "--no-prompt",
            action="store_true",
            help="replace an existing file without asking, or most of the items in a directory",
        )
        parser.add_argument(
            "--fail-on-empty",
            action="store_true",
            help="write no file, and exit with 1, where nothing was found to export",
        )

    def handle(self, *, server: str, no_prompt: bool, **options: Any) -> None:
        if options["to_dir"]:
            self._write_directory(server, no_prompt=no_prompt, **options)
        else:
            self._write_file(server, no_prompt=no_prompt, **options)

    def _write_directory(self, server: str, *, no_prompt: bool, **options: Any) -> None:
        _check_no_file_options(**options)
        root = Path(options["to_dir"])
        choice = format_choice(
            uuids=_split_words(options["flow_ids"]), tags=_split_words(options["tags"])
        )
        with self._refuse(server), target_known_server(server), read_one_state():
            selection = self._select(options)
            with refuse_unwritable(root):
                statistics = write_directory(
                    selection,
                    root,
                    make_id=lambda: make_directory_id(choice),
                    may_empty=no_prompt,
                )
        self._report_directory(statistics, root)

    def _write_file(self, server: str, *, no_prompt: bool, **options: Any) -> None:
        path = _get_path(options["file_path"], options["save_path"], in_gzip=options["gzip"])
        in_gzip = options["gzip"] or (path is not None and path.suffix == GZIP_SUFFIX)
        if path and not may_write(self, path, ask=not no_prompt):
            print_cancelled(self)
            return
        with self._refuse(server), target_known_server(server), read_one_state():
            selection = self._select(options)
            with _open(path, in_gzip=in_gzip) as file:
                statistics = write_export(
                    selection, file, server=server, is_compact=options["compact"]
                )
        if not any(selection.values()):
            message = f"{_explain_nothing_found(options['tags'])} The file is empty."
            statistics.warnings.append(message)
        self._report(statistics, path)

    @contextmanager
    def _refuse(self, server: str) -> Iterator[None]:
        try:
            with refuse_errors(self, server):
                yield
        except UnknownFlowsError as error:
            print_json(self, make_answer(HTTPStatus.NOT_FOUND, {"message": str(error)}))
            raise CommandError(str(error)) from None

    def _select(self, options: dict[str, Any]) -> Selection:
        """Return the rows to export. Raises NothingToExport where the options say so.

        An empty export into a directory would remove all of its files.
        """
        selection = _select(options["flow_ids"], options["tags"])
        must_have_some = options["fail_on_empty"] or options["to_dir"]
        if must_have_some and not any(selection.values()):
            raise _make_refusal(options["tags"])
        return selection

    def _report(self, statistics: ExportStatistics, path: Path | None) -> None:
        for warning in statistics.warnings:
            print_line(self, f"Warning: {warning}")
        print_statistics(self, statistics, path, warnings=statistics.warnings)

    def _report_directory(self, statistics: DirectoryStatistics, root: Path) -> None:
        for warning in statistics.warnings:
            print_line(self, f"Warning: {warning}")
        print_directory_statistics(self, statistics, root)


def _add_places(parser: ArgumentParser) -> None:
    """Add the options that say where the export is written: exactly one is required."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "-fp", "--file-path", metavar="F",
        help="the file to write; - writes the export to stdout and the statistics to stderr",
    )  # fmt: skip
    where.add_argument(
        "--save-path", metavar="DIR",
        help=f"the directory to write {DEFAULT_NAME} into, or {DEFAULT_NAME}.gz with --gzip",
    )  # fmt: skip
    where.add_argument(
        "--to-dir", metavar="DIR",
        help="the directory to write the export into as files that review well in git: only "
        "what changed is written, and files of items that left the export are removed",
    )  # fmt: skip


def _check_no_file_options(**options: Any) -> None:
    """Raise CommandError for an option that says how one file is written."""
    for option in ("compact", "gzip"):
        if options[option]:
            raise CommandError(
                f"--{option} cannot be given with --to-dir, which writes many files.",
                returncode=USAGE_ERROR,
            )


def _get_path(file_path: str | None, directory: str | None, *, in_gzip: bool) -> Path | None:
    """Return the path of the file to write; None for standard output."""
    if file_path == "-":
        return None
    name = f"{DEFAULT_NAME}{GZIP_SUFFIX * in_gzip}"
    return Path(file_path) if file_path else Path(directory or ".") / name


def _select(flow_ids: str, tags: str) -> Selection:
    uuids, words = _split_words(flow_ids), _split_words(tags)
    return select_flows(uuids=uuids, tags=words) if uuids or words else select_everything()


def _make_refusal(tags: str) -> UnableToImport:
    """Return the refusal of an export without items. An existing file is not changed."""
    return NothingToExport(
        "nothing-to-export", f"{_explain_nothing_found(tags)} No file was written."
    )


def _explain_nothing_found(tags: str) -> str:
    of_tags = f" No flow has any of the tags {', '.join(map(quote, _split_words(tags)))}."
    return f"Nothing was found to export.{of_tags if _split_words(tags) else ''}"


def _split_words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


@contextmanager
def _open(path: Path | None, *, in_gzip: bool) -> Iterator[BinaryIO]:
    """Open what the export is written to: the file, or standard output."""
    with (
        replace_file(path) if path else nullcontext(sys.stdout.buffer) as file,
        open_gzip(file) if in_gzip else nullcontext(file) as export,
    ):
        yield export
