"""The options of flow_import, and the examples of its help."""

from argparse import ArgumentParser, ArgumentTypeError
from enum import StrEnum

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.texts import quote
from imports.management.console import add_run_arguments, read_number
from imports.management.plan_display import (
    add_plan_text_argument,
    check_file_name,
    check_file_to_write,
)
from imports.management.sources import add_source_arguments
from imports.plans.plan import PRUNE_LIMIT, Mode


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    """For people on stderr, beside the JSON on stdout."""
    JSON = "json"
    """As JSON on stdout alone."""
    MARKDOWN = "markdown"
    """As Markdown on stdout in the place of the JSON, and as text on stderr."""


EPILOG = """\
examples:
  see what would happen, write nothing:
    manage.py flow_import --server production --overwrite --dry-run --file-path zexport.json
  the same with all that would change in a file, to read it at leisure:
    manage.py flow_import -s production --overwrite --dry-run -fp zexport.json --plan-text plan.txt
  the plan as Markdown, for a comment of a pull request:
    manage.py flow_import -s production --overwrite --dry-run -fp zexport.json \
        --plan-format markdown > plan.md
  import after a question, with a backup of the database before:
    manage.py flow_import --server production --overwrite --file-path zexport.json
  in a pipeline:
    manage.py flow_import -s production --skip --no-prompt -fp - < zexport.json
  the directory flows/ of a git repository, as it is on disk or in a commit:
    manage.py flow_import -s production --overwrite --from-dir flows
    git archive v1.2 flows | manage.py flow_import -s production --overwrite --no-prompt -fp -
  plan now, review, and apply exactly that later, or nothing:
    manage.py flow_import -s production --overwrite -fp zexport.json --plan-out plan.json
    manage.py flow_import -s production -fp zexport.json --apply-plan plan.json

A reviewer may edit the "decision" of an item in plan.json: skip, duplicate, overwrite, the uuid of
a row that the plan lists, create for a new row beside those of its name, leave-out as if the file
did not have it, or {"mode": ..., "target": ...}. The plan is refused as stale where the
file, the server or a row that it is for is not the same any more. The same words go into a file
for --decisions, by the uuid that an item has in the export; where two kinds have that uuid, as
"flow:UUID": {"decisions": {"UUID": "skip", "UUID": {"mode": "overwrite", "target": "UUID"}}}

Items are matched by uuid, then by exact name. Every item that is overwritten first gets a named
save "Pre import" in its history. Nothing is deleted but with --prune, and then softly and for an
undo to bring back; no secret value is touched.

Some warnings must be acknowledged before anything is written, such as a secret that goes to
another host: the prompt asks for their codes, and with --no-prompt they are given by --accept, or
the import is refused with their list. What is accepted with --plan-out is kept in the plan, for
its warnings.

stdout carries one JSON object, or the plan as Markdown, and stderr everything for people.

exit codes: 0 done or declined,
2 usage, 3 the file is refused or a warning is not acknowledged, 4 another import is running, 5 the
plan is stale, 6 the backup failed, 7 not permitted, 8 wrong or unknown server, 10 nothing to do
(--detailed-exitcode), 1 anything else.
"""


def add_import_arguments(parser: ArgumentParser) -> None:
    """Add every option of an import."""
    parser.add_argument(
        "-s",
        "--server",
        required=True,
        metavar="NAME",
        help="the friendly name of the target: this instance's (ZIGGY_SERVER_NAME) or a "
        "registered server's (ZIGGY_SERVERS); anything else is refused",
    )
    _add_ways(parser)
    add_source_arguments(parser)
    _add_plan_files(parser)
    parser.add_argument(
        "--override-locks", action="store_true", help="overwrite locked flows as well"
    )
    parser.add_argument(
        "--prune", action="store_true",
        help="soft-delete what came from this directory before and is not in it any more",
    )  # fmt: skip
    parser.add_argument(
        "--prune-limit", type=_read_limit, metavar="N",
        help=f"refuse to prune more than this many rows, {PRUNE_LIMIT} without it",
    )  # fmt: skip
    parser.add_argument(
        "--accept", action="extend", type=_read_codes, default=[], metavar="CODE[,CODE]",
        help="acknowledge the plan's warnings with these codes, which else refuse the import or "
        f"are asked for: {', '.join(MAY_ACKNOWLEDGE)}; may be given several times",
    )  # fmt: skip
    add_run_arguments(parser, verb="import")


def _add_ways(parser: ArgumentParser) -> None:
    """Add the options for what happens to items that exist already: exactly one is required."""
    ways = parser.add_mutually_exclusive_group(required=True)
    ways.add_argument(
        "--skip", dest="mode", action="store_const", const=Mode.SKIP,
        help="leave items alone that exist already",
    )  # fmt: skip
    ways.add_argument(
        "--duplicate", dest="mode", action="store_const", const=Mode.DUPLICATE,
        help="make a copy of items that exist already, under a new uuid and name",
    )  # fmt: skip
    ways.add_argument(
        "--overwrite", dest="mode", action="store_const", const=Mode.OVERWRITE,
        help='replace the content of items that exist already, after a named save "Pre import"',
    )  # fmt: skip
    ways.add_argument(
        "--apply-plan", metavar="PLAN", type=check_file_name,
        help="do what this plan of --plan-out says, or nothing where it is out of date; its mode, "
        "its locks, its pruning and its decisions count",
    )  # fmt: skip


def _add_plan_files(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
    parser.add_argument(
        "--plan-format", choices=[*PlanFormat],
        help="with --dry-run or --plan-out, how the plan is printed: text, the default, for people "
        "on stderr beside the JSON on stdout; json, the JSON alone; markdown, for a pull request, "
        "on stdout in the place of the JSON, also where the file or the plan is refused",
    )  # fmt: skip
    parser.add_argument(
        "--plan-out", metavar="PLAN", type=check_file_to_write,
        help="write the plan to this file, to be applied later, and nothing to the server",
    )  # fmt: skip
    add_plan_text_argument(parser)
    parser.add_argument(
        "--only", metavar="NAME|UUID", action="append", type=_check_word,
        help="import only this item with what it uses, and leave all others of the file out; may "
        "be given several times; flow:UUID where several items are called so",
    )  # fmt: skip
    parser.add_argument(
        "--decisions", metavar="D", type=check_file_name,
        help="a JSON file that says of single items what else is to happen to them: see below",
    )  # fmt: skip


def _check_word(word: str) -> str:
    # An unset variable of a script must not mean an item without a name.
    if not word:
        raise ArgumentTypeError("the name or uuid is empty")
    return word


def _read_limit(text: str) -> int:
    return int(read_number(text, "a number of rows", of=int))


def _read_codes(text: str) -> list[str]:
    codes = [code.strip() for code in text.split(",")]
    if unknown := [code for code in codes if code not in MAY_ACKNOWLEDGE]:
        raise ArgumentTypeError(
            f"{quote(unknown[0])} is no warning to acknowledge, such as "
            f"{', '.join(MAY_ACKNOWLEDGE)}"
        )
    return codes
