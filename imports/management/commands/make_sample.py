"""Write a made-up export of any size: the command of imports.samples."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows.content.fields import Kind
from flows.counting import format_count
from imports.management.console import (
    USAGE_ERROR,
    make_help_options,
    print_cancelled,
)
from imports.management.files import may_write, replace_file
from imports.management.statistics import print_statistics
from imports.samples.sample import SampleRequest, SampleStatistics, write_sample

_MOST_FLOWS = 40_000  # with their connections and secrets, a file may hold no more items
_LARGEST_SEED = 2**63 - 1

EPILOG = """\
examples:
  300 flows to try an import with, and the same ones after 40 of them were edited:
    manage.py make_sample --flows 300 --out sample.json
    manage.py make_sample --flows 300 --changed 40 --out changed.json
    manage.py flow_import -s local --overwrite --no-prompt -fp sample.json
    manage.py flow_import -s local --overwrite --dry-run -fp changed.json

  other flows, without a file:
    manage.py make_sample --flows 20 --seed 7 \\
        | manage.py flow_import -s local --skip --no-prompt -fp -

The same options give the same bytes on every machine, for one version of this program.
exit codes: 0 written or cancelled, 1 failed, 2 usage or a file that cannot be written
"""


class Command(BaseCommand):
    help = (
        "Write a made-up export file of any size, to try imports, reviews and pages with: flows as "
        "people build them, with code, notes, branches, namesakes, connections, and secrets "
        "without a value. Needs no database. Prints statistics in JSON on stdout."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, **make_help_options(EPILOG), **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--flows", type=_read_count, default=300, metavar="N",
            help="how many flows, of about 14 kB each (%(default)s); connections and secrets are "
            "added in proportion",
        )  # fmt: skip
        parser.add_argument(
            "--changed", type=_read_count, default=0, metavar="K",
            help="edit so many of the flows as people do: a line of code, a setting, a node, a "
            "name, a new connection. All others stay as they are without this option",
        )  # fmt: skip
        parser.add_argument(
            "--seed", type=_read_seed, default=1, metavar="N",
            help="another number gives other flows (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "-o", "--out", default="-", metavar="F",
            help="the file to write; -, the default, writes the sample to stdout and the "
            "statistics to stderr",
        )  # fmt: skip
        parser.add_argument(
            "--no-prompt", action="store_true", help="replace an existing file without asking"
        )

    def handle(
        self, *, flows: int, changed: int, seed: int, out: str, no_prompt: bool, **options: Any
    ) -> None:
        if changed > flows:
            raise CommandError(
                f"--changed {changed} is more than the {format_count(flows, Kind.FLOW)} of the "
                "sample.",
                returncode=USAGE_ERROR,
            )
        path = None if out == "-" else Path(out)
        if path and not may_write(self, path, ask=not no_prompt):
            print_cancelled(self)
            return
        statistics = _write(SampleRequest(flows=flows, seed=seed, changed=changed), path)
        print_statistics(self, statistics, path)


def _write(sample: SampleRequest, path: Path | None) -> SampleStatistics:
    if path is None:
        return write_sample(sample, sys.stdout.buffer)
    with replace_file(path) as file:
        return write_sample(sample, file)


def _read_count(text: str) -> int:
    return _read_number(text, _MOST_FLOWS)


def _read_seed(text: str) -> int:
    return _read_number(text, _LARGEST_SEED)


def _read_number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= most):
        raise ArgumentTypeError(f"a whole number from 0 to {most} is needed")
    return int(text)
