"""Every function that takes text of a file takes time in proportion to it, whatever the text is.

The functions are found in the modules that know no database (pyproject.toml lists them) and in
those beside them: each public one that takes more than numbers and the product's own words needs a
case here, or a reason why not. A case names what it is for, and is held to it: it has to call it.
"""

import gzip
import importlib
import inspect
import json
import pkgutil
import sys
import tarfile
import tomllib
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from types import UnionType
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.conf import settings

from flows import change_summary, texts
from flows.content import (
    canonical,
    copy_names,
    depth,
    documents,
    field_values,
    invisible,
    known_keys,
    references,
    representation,
)
from flows.content.code_tokens import UnreadableError, read_tokens
from flows.content.fields import FIELDS, Kind, is_value_like
from flows.destinations import destinations
from flows.destinations import uses as secret_uses
from flows.destinations.changes import SecretState, SecretUser
from flows.differences import lines as line_diff
from flows.differences import matching, pieces, value_differences
from flows.differences.credential_words import find_credential_literals
from flows.differences.graphs import (
    graph,
    graph_edges,
    graph_layout,
    graph_looks,
    graph_parts,
    graph_svg,
    graph_texts,
    graph_view,
    three_ways,
)
from flows.differences.graphs.graph_difference import compare_graphs
from flows.differences.masking import Masks
from flows.differences.matching import Budget
from flows.differences.values import compare_contents
from flows.garbage import pause_garbage_collection
from flows.relations import document_rewriting, mentions
from flows.rest.bodies import item_body, placeholders
from flows.rest.requests.refusals import Refused
from flows.strict_json import problems as json_problems
from flows.strict_json import read as strict_json
from flows.upgrades import moved_keys
from imports.api.form import Form, read_form
from imports.errors import FileInvalid, Issue, PlanRefused, UnableToImport
from imports.exportfile import companion as given_file
from imports.exportfile import gzipped, invisible_characters, known_items, size_limit, writing
from imports.exportfile.directory.archive import is_archive, read_archive
from imports.exportfile.directory.reading import LooseFiles
from imports.exportfile.directory.zip_writing import write_zip
from imports.exportfile.document import parse, parse_item
from imports.exportfile.unpacking import locate
from imports.management.text_columns import format_columns
from imports.planfile import changes as plan_changes
from imports.planfile import decisions as decision_file
from imports.planfile import file as plan_file
from imports.planfile import item_list, problems
from imports.planfile import page as plan_page
from imports.planfile import shape as plan_shape
from imports.planfile import snapshot as plan_snapshot
from imports.planfile.markdown.refusal_page import format_refusal_markdown
from imports.planfile.outline import find_position, make_outline
from imports.planfile.page_parts import PageCandidate
from imports.planfile.shape import SavedFile
from imports.plans import comparison, decisions, left_out, likeness, only
from imports.plans.acknowledgement import find_red_warnings
from imports.plans.build import add_pruning, build_plan
from imports.plans.dangling import find_unresolved
from imports.plans.drift import LastImport
from imports.plans.matching import MatchMethod
from imports.plans.one_item import ItemInputs, plan_item
from imports.plans.plan import Mode, Result, UndoResult, compute_content_digest
from imports.plans.pruning import BroughtRow
from imports.status import decide as status
from imports.undo.plans import decision_file as undo_decisions
from imports.undo.plans.lost_names import warn_of_lost_names
from imports.undo.plans.plan import UndoChange
from imports.uploads.uploaded_file import FilePart
from tests.support import archiving
from tests.support.directories import split_document
from tests.support.growing import PER_DOUBLING, growth, seconds, slowest_growth
from tests.support.imagined import DEFAULTS, Server, a_file, stored
from tests.support.imagined import planned as planned_for
from tests.support.markdown_pages import markdown_of
from ziggy_site.content_type import clean_content_type

MUCH = 10**9

# --- Which functions there are

BESIDE_THE_PURE = (
    *(
        "flows.content.representation",
        "flows.rest.bodies.json_body",
        "imports.api.form",
        "imports.uploads.uploaded_file",
    ),
    *("flows.rest.endpoint.parser", "ziggy_site.content_type"),
    *("imports.errors", "imports.records.kept_states", "imports.management.text_columns"),
    *("imports.database.backup_retention", "imports.database.bound_process"),
    "imports.database.errors",
)
HARMLESS_TYPES = (int, bool, float, Kind, Enum, datetime, UUID, line_diff.Budget, type(None))


def modules() -> list[str]:
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [pure] = [each for each in contracts if each["name"] == "Decisions and documents are pure"]
    return [
        each
        for name in (*pure["source_modules"], *BESIDE_THE_PURE)
        for each in with_modules_of(name)
    ]


def with_modules_of(name: str) -> list[str]:
    """The module, and where it is a room, all modules in it."""
    path = getattr(importlib.import_module(name), "__path__", [])
    found = pkgutil.walk_packages(path, prefix=f"{name}.")
    return [name, *(each.name for each in found)]


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The name and code of each public function and method that takes more than what is harmless."""
    for name in modules():
        for key, value in vars(importlib.import_module(name)).items():
            if key.startswith("_") or getattr(value, "__module__", None) != name:
                continue
            if inspect.isfunction(value):
                yield f"{name}.{key}", value
            elif inspect.isclass(value):
                for method, code in vars(value).items():
                    if not method.startswith("_") and inspect.isfunction(code):
                        yield f"{name}.{key}.{method}", code


def takes_text(function: Callable[..., Any]) -> bool:
    function = inspect.unwrap(function)
    hints = typing.get_type_hints(function)
    given = [
        hints.get(name, Any) for name in inspect.signature(function).parameters if name != "self"
    ]
    return not all(map(_is_harmless, given))


def _is_harmless(hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return all(map(_is_harmless, typing.get_args(hint)))
    return isinstance(hint, type) and issubclass(hint, HARMLESS_TYPES)


FUNCTIONS = {name: code for name, code in functions() if takes_text(code)}

EXEMPT = {
    "imports.exportfile.directory.form.make_root_files": "see make_head",
    "imports.planfile.wording.format_prunable": "puts a number into words of the product's own",
    "imports.planfile.kept.make_kept_answer": "encodes what a dry run answers, once",
    "imports.planfile.kept.pack_answer": "packs what make_kept_answer returns",
    "imports.planfile.kept.unpack_answer": "unpacks what pack_answer returns",
    "imports.planfile.markdown.shown_item.summarize_unread": "takes one item, and reads nothing of it",
    "flows.destinations.destinations.find_used_names": "a part of find_secret_uses",
    "flows.destinations.labels.find_hosts": "a part of find_secret_uses",
    "flows.destinations.uses.may_compute": "a part of find_secret_uses",
    "imports.drift.decide.decide_state": "takes two digests of one row",
    "imports.overview.figures.choose_figures": "takes the rights of one user",
    "imports.overview.figures.format_age": "takes a time",
    "imports.overview.figures.make_cards": "takes the figures of the cards, which are a few",
    "imports.planfile.page_parts.make_candidates": "takes the rows of one name, one after the other",
    "imports.planfile.page_parts.make_page_fields": "takes the fields of one item",
    "imports.planfile.page_parts.make_page_row": "takes one row",
    "imports.planfile.problems.may_create": "takes one item",
    "imports.exportfile.raw_items.make_issue": "joins what is told of one problem, and its place",
    "imports.exportfile.raw_items.make_refusal": "joins what is told of the first problem and a number",
    "flows.differences.graphs.chosen_parts.write_part": "joins values that find_values found, one by one",
    "flows.differences.graphs.three_ways.LostPaths.meet": "takes a path, which find_differing_paths cuts",
    "flows.differences.graphs.three_ways.is_lost": "looks at one value, and at the paths of its node",
    "flows.differences.graphs.graph_view.View.join": "joins two rectangles",
    "flows.content.invisible.is_invisible": "it takes one character",
    "imports.planfile.acknowledgement.make_page_warnings": "takes warnings, one after the other",
    "imports.planfile.acknowledgement.group_by_code": "takes warnings, one after the other",
    "imports.plans.acknowledgement.count_items": "takes warnings, one after the other",
    "imports.plans.acknowledgement.filter_codes": "takes warnings, one after the other",
    "imports.plans.acknowledgement.find_red_warnings": "takes the warnings of a plan, which it sorts",
    "imports.plans.invisible_characters.forget_known_characters": "see warn_of_new_invisible",
    "imports.plans.invisible_characters.list_file_warnings": "takes the warnings of one item",
    "flows.counting.format_count": "takes a noun of the product's own",
    "flows.counting.format_others": "takes a noun of the product's own, and a length",
    "flows.rest.requests.refusals.make_invalid_refusal": "joins what is told of the first problem and a number",
    "flows.rest.requests.refusals.make_not_found_refusal": "takes a word of the product's own",
    "flows.rest.requests.refusals.make_permission_refusal": "takes sentences of the product's own",
    "flows.content.depth.get_max_depth": "takes a column's name",
    "flows.rest.bodies.json_body.ItemParser.parse": "the site's parser, and a walk: see read_value",
    "flows.rest.bodies.json_body.check_text": "looks for one character",
    "flows.destinations.warnings.DestinationWarning.find_described_kinds": "takes a row's key",
    "flows.destinations.warnings.DestinationWarning.get_text_for": "takes the kinds that somebody may see",
    "flows.destinations.warnings.DestinationWarning.make_detail_for": "takes the kinds that somebody may see",
    "imports.exportfile.warnings.make_users_data": "tells of the first few users",
    "imports.exportfile.warnings.sort_keys": "takes one warning, of a few rows",
    "flows.counting.format_problems": "joins what is told of the first problem and a number",
    "flows.counting.format_list": "joins words of the product's own, and the first few names",
    "imports.database.backup_retention.find_superfluous": "takes the backups of a directory, and no file's text",
    "imports.database.bound_process.make_bound_command": "takes a command of the product's own",
    "imports.database.errors.format_code": "looks at the code of one error",
    "imports.database.errors.make_failure": "looks at the code of one error",
    "imports.database.errors.is_by_another_writer": "looks at the code of one error",
    "imports.database.errors.format_for_log": "see get_first_line",
    "imports.database.errors.find_trouble": "looks at the code of one error",
    "imports.plans.destinations.add_destination_warnings": "takes a plan's changes, one after the other",
    "imports.plans.drift.mark_drift": "takes rows, one after the other: test_linearity",
    "imports.exportfile.companion.make_invalid_refusal": "joins what is told of the first problem and a number",
    "imports.exportfile.companion.make_issue": "see make_json_path",
    "imports.exportfile.size_limit.make_too_large_error": "takes a number, and a word of the product's own",
    "imports.exportfile.companion.refuse_unreadable": "takes a word of the product's own",
    "flows.strict_json.read.read_unchecked": "see read_value",
    "flows.strict_json.problems.JSONProblem.format_message": "joins words of the product's own",
    "imports.exportfile.items.FileItem.make_issue": "keeps a message beside the item's own name",
    "imports.records.kept_states.find_state_after": "takes one row",
    "imports.records.kept_states.find_state_before": "takes one row",
    "imports.exportfile.repeated.find_repeated": "takes the items of a file, which parse has a case for",
    "imports.plans.build.make_change": "takes one item",
    "imports.plans.build.make_content": "see ReferenceMap.rewrite_content",
    "imports.plans.plan.are_comparable": "compares four characters",
    "imports.plans.plan.merge_warnings": "takes the warnings of one change",
    "imports.plans.plan.differ": "compares two digests",
    "imports.planfile.file.make_saved_row": "takes one row",
    "imports.planfile.snapshot.make_row_snapshot": "takes one row",
    "imports.planfile.origin.find_origin_changes": "compares two files' hashes",
    "imports.undo.plans.conflicts.find_conflicts": "takes one row",
    "imports.undo.plans.conflicts.make_name_taken_conflict": "takes one row",
    "imports.undo.plans.conflicts.make_used_by_conflict": "tells of three users",
    "imports.undo.plans.destinations.find_destination_warnings": "hands rows of records to find_new_destinations",
    "imports.undo.plans.destinations.make_user_changes": "takes rows of records, one after the other",
    "imports.undo.plans.destinations.add_destination_warnings": "takes one row",
    "imports.undo.plans.build.build_undo": "takes rows of records: test_linearity has the undo",
    "imports.undo.plans.kept_rows.decide_rows": "takes rows of records: test_linearity has the undo",
    **{
        f"imports.undo.plans.snapshot.{name}": "takes rows of records: test_linearity has the undo"
        for name in (
            *("make_undo_snapshot", "make_undo_token", "pack_rows"),
            *("find_row_changes_since", "find_undo_changes_since"),
        )
    },
    "imports.undo.plans.decision_file.read_decision": "takes one of two words, or raises",
    "imports.api.form.FormParser.parse": "Django's parser, which the size of the body limits",
    "imports.uploads.uploaded_file.FileCollector.new_file": "keeps a name",
    "imports.uploads.uploaded_file.FileCollector.receive_data_chunk": "appends to a buffer",
    "flows.rest.endpoint.parser.StrictJSONParser.parse": "see read_value",
    "flows.content.documents.Document.join": "keeps a list",
    "flows.content.documents.DocumentReader.read_secrets": "is a form, which StoredDocuments has",
    "flows.content.documents.DocumentReader.read_texts": "is a form, which StoredDocuments has",
    "flows.content.documents.group_documents": "takes documents, one after the other",
    **{
        f"imports.history.decide.{name}": "takes the runs of a database, and no file's text"
        for name in (
            *("decide_items", "find_kept_older", "find_oldest_stay", "find_prunable"),
            "split_chains",
        )
    },
    "imports.history.wording.format_pruned": "takes four numbers",
    "imports.history.wording.format_kept_older": "takes the runs of a database: counts them",
}
"""By name, why a function needs no case."""


# --- Texts: every function of one text, over every text that is made to be slow


def _connection(text: str) -> dict[str, Any]:
    return {**DEFAULTS[Kind.CONNECTION], "dev_value": text, "prod_value": text, "name": "C"}


def _tokens(text: str) -> object:
    with suppress(UnreadableError):
        return list(find_credential_literals(read_tokens(text)))
    return None


def _refused(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with suppress(UnableToImport, Refused, field_values.FieldProblem, json_problems.JSONProblem):
        return work(*args, **kwargs)
    return None


def directory_of(text: str, **keys: Any) -> dict[str, bytes]:
    """The files of a directory in which each text is this one, or has it twice."""
    lines = f"{text}\n{text}\n"
    data = {text: lines, "label": text, "$file": [lines], "code": lines}
    node = {"id": text, "type": text, "position": {"x": text}, "data": data}
    flow = {"uuid": str(UUID(int=1)), "name": text[:200], "nodes": [node], "edges": [], **keys}
    secret = {"uuid": str(UUID(int=2)), "name": "KEY"}
    files = split_document({"flows": [flow], "secrets": [secret]})
    (path,) = (path for path in files if path.endswith("flow.json"))
    return {**files, f"{path.removesuffix('flow.json')}{text[:50]}.txt": b""}


def _located(files: dict[str, bytes]) -> object:
    source = LooseFiles(files=files)
    try:
        return parse(source, max_bytes=MUCH)
    except FileInvalid as error:
        return locate(error, source, max_bytes=MUCH)
    except UnableToImport:
        return None


def markdown_of_text(text: str) -> tuple[str, str]:
    """A plan in Markdown, with an overwritten and a new flow, all of whose texts are this one."""

    def nodes(word: str) -> list[dict[str, Any]]:
        code = f"{text}\nsame\n{word}{text}\n"
        ids = (text, f"{text}2")
        return [{"id": key, "data": {"label": key, "code": code, word: text}} for key in ids]

    edges = [{"id": "e", "source": text, "target": f"{text}2"}]
    old = stored(
        Kind.FLOW, str(UUID(int=1)), "A",
        nodes=canonical.encode(nodes("a")), edges=canonical.encode(edges), info="x\n" * 20 + text,
    )  # fmt: skip
    flows = [
        {"uuid": old.row.uuid, "name": text[:200] or "A", "info": "x\n" * 20 + "y", "nodes": nodes("b"), "edges": edges},
        {"uuid": str(UUID(int=3)), "name": "New", "nodes": nodes("c"), "edges": edges, "isDeleted": True},
    ]  # fmt: skip
    plan = planned_for(a_file(flows=flows), old, mode=Mode.OVERWRITE)
    issue = Issue(code="x", message=text, path=text, name=text)
    refusal = PlanRefused("x", text, [issue])
    red = tuple(find_red_warnings(plan))
    page = markdown_of(plan, old, source=text, refusal=refusal, unacknowledged=red, whole=text)
    return page, format_refusal_markdown(server=text, source=text, refusal=refusal)


def _raised(text: str) -> object:
    data = text.encode()
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        return _refused(json_problems.raise_problem, error, data)
    return None


_TEXT_FIELD = next(spec for spec in FIELDS[Kind.FLOW] if spec.column == "info")

_MOVE = moved_keys.Move(
    kind=Kind.FLOW,
    field=next(spec for spec in FIELDS[Kind.FLOW] if spec.column == "queue_uuid"),
    default=None,
    fits=lambda _: True,
)
_UUIDS = {"c4492541-118e-4e23-9450-f2d28204ebee": "0" * 36}
_NAMES = {"A": "B" * 40}


def _use_secrets(text: str) -> object:
    return (
        secret_uses.find_secrets_used(text),
        secret_uses.find_secrets_used(canonical.encode(text), json=True),
    )


def _use_document(text: str) -> object:
    document = documents.Document(canonical.encode([{"code": text, text: 1}]))
    return (
        secret_uses.find_secrets_used_by(document),
        documents.compute_document_digest(documents.read_text(document)),
        documents.is_document_digest(text),
    )


def _warn_of_unseen(text: str, stored: str) -> object:
    """Of a text between such characters, of one that is full of them, and of its lines."""
    after, before = (
        {
            "info": f"{each}{UNSEEN * len(each)}",
            "nodes": canonical.encode([{"id": each, "code": each, each: UNSEEN * len(each)}]),
        }
        for each in (text, stored)
    )
    return (
        [invisible.changes_order(char) for char in text],
        list(invisible.find_unseen(text)),
        invisible.has_unseen(text),
        invisible_characters.warn_of_invisible(Kind.FLOW, after),
        invisible_characters.warn_of_new_invisible(Kind.FLOW, after, before),
    )


UNSEEN = "\u200b\u200d\u3000\U0001f3f4"


def _know_flow(text: str) -> object:
    """A flow that is read, packed, and known by its slice, of which its text is read again."""
    item = {"uuid": "c4492541-118e-4e23-9450-f2d28204ebee", "name": "F", "nodes": [{"code": text}]}
    raw = msgspec.Raw(msgspec.json.encode(item))
    [digest] = known_items.compute_slice_digests([bytes(raw)], depth=2)
    read = _refused(parse, b'{"flows":[' + bytes(raw) + b"]}", max_bytes=10**9)
    if read is None:
        return digest
    [flow] = read
    known = known_items.unpack_item(known_items.pack_item(flow), 0, raw)
    return known.content["nodes"].text


TEXT_CASES: dict[str, tuple[tuple[str, ...], Callable[[str], object]]] = {
    "canonical text": (
        ("flows.content.canonical.encode", "flows.content.canonical.decode"),
        lambda text: canonical.decode(canonical.encode(text)),
    ),
    "tokens": (
        (
            "flows.content.code_tokens.read_tokens",
            "flows.differences.credential_words.find_credential_literals",
        ),
        _tokens,
    ),
    "a key": (("flows.content.fields.is_value_like",), is_value_like),
    "masks": (
        ("flows.differences.masking.Masks.mask_credentials",),
        lambda text: Masks().mask_credentials(text),
    ),
    "mentions": (
        ("flows.relations.mentions.find_mentions", "flows.relations.mentions.find_references"),
        lambda text: (
            mentions.find_mentions(Kind.CONNECTION, _connection(text)),
            [*mentions.find_references(Kind.CONNECTION, _connection(text))],
        ),
    ),
    "mentions of a document": (
        ("flows.relations.mentions.find_references",),
        lambda text: [
            *mentions.find_references(
                Kind.FLOW, {"nodes": canonical.encode([{"a": text, text: 1}])}
            )
        ],
    ),
    "a document": (
        (
            "flows.content.documents.compute_document_digest",
            "flows.content.documents.is_document_digest",
            "flows.content.documents.read_text",
            "flows.destinations.uses.find_secrets_used_by",
        ),
        _use_document,
    ),
    "a known flow": (
        (
            "imports.exportfile.known_items.compute_slice_digests",
            "imports.exportfile.known_items.pack_item",
            "imports.exportfile.known_items.unpack_item",
        ),
        _know_flow,
    ),
    "identifier": (("flows.content.references.is_identifier",), references.is_identifier),
    "uuids": (
        ("flows.content.references.find_uuids",),
        lambda text: [references.find_uuids(text, json=json) for json in (True, False)],
    ),
    "names": (
        ("flows.content.references.find_secret_names",),
        lambda text: [references.find_secret_names(text, json=json) for json in (True, False)],
    ),
    "rewrite": (
        (
            "flows.content.references.rewrite",
            "flows.relations.document_rewriting.rewrite_document",
        ),
        lambda text: [
            *(
                references.rewrite(text, uuids=_UUIDS, names=_NAMES, json=json)
                for json in (True, False)
            ),
            document_rewriting.rewrite_document(
                canonical.encode({text: f"secrets.A {text}"}), uuids=_UUIDS, names=_NAMES
            ),
        ],
    ),
    "secrets used": (
        (
            "flows.destinations.uses.find_secrets_used",
            "flows.content.references.find_identifier_end",
        ),
        lambda text: _use_secrets(text + " secrets.A"),
    ),
    "many uses of secrets": (
        ("flows.destinations.uses.find_secrets_used", "flows.content.references.is_in_word"),
        lambda text: _use_secrets(text.replace(text[:2], "secrets.")),
    ),
    "a plain object": (
        (
            *(
                "flows.content.plain_object.read_plain_object",
                "flows.content.plain_object.is_number_or_constant",
            ),
            *(
                "flows.content.plain_object.strip_quotes",
                "flows.destinations.destinations.find_secret_uses",
            ),
            *(
                "flows.destinations.labels.make_hosts_label",
                "flows.destinations.labels.normalize_key",
            ),
            "flows.destinations.labels.make_printable_label",
        ),
        lambda text: [
            destinations.find_secret_uses(Kind.CONNECTION, "a uuid", _connection(value))
            for value in (
                text,
                "{ maxRows: 1, host: 'a', key: secrets.A }",
                f"{{ '{text}': 1, host: 'a', key: secrets.A }}",
                f"{{ {text}: 1, host: 'a', key: secrets.A }}",
                f"{{ host: '{text}', url: `{text}`, a: {text}, key: secrets.A }}",
            )
        ],
    ),
    "placeholder": (
        (
            "flows.rest.bodies.placeholders.is_placeholder",
            "flows.rest.bodies.item_body.read_secret_value",
        ),
        lambda text: (
            placeholders.is_placeholder(text),
            _refused(item_body.read_secret_value, text),
        ),
    ),
    "shown text": (
        (
            "flows.differences.pieces.make_visible",
            "flows.differences.pieces.make_pieces",
            "flows.differences.pieces.mark_words",
            "flows.differences.matching.match_closely",
        ),
        lambda text: (
            pieces.make_visible(text),
            pieces.make_pieces(text),
            pieces.mark_words(text, f"{text}x", Budget()),
        ),
    ),
    "text that is not seen": (
        (
            "flows.content.invisible.changes_order",
            "flows.content.invisible.find_unseen",
            "flows.content.invisible.has_unseen",
            "imports.exportfile.invisible_characters.warn_of_invisible",
            "imports.exportfile.invisible_characters.warn_of_new_invisible",
        ),
        lambda text: _warn_of_unseen(f"{text}\u200b", f"\u200b{text}"),
    ),
    "message": (
        (
            *("flows.texts.quote", "flows.texts.make_printable", "flows.texts.shorten"),
            *(
                "flows.texts.make_storable",
                "flows.texts.make_json_path",
                "flows.texts.get_first_line",
            ),
        ),
        lambda text: (
            texts.quote(text),
            texts.shorten(text),
            texts.make_storable(text),
            texts.make_json_path(text, 1),
            texts.get_first_line(ValueError(text)),
        ),
    ),
    "field": (
        (
            *("flows.content.field_values.read_field", "flows.content.field_values.read_uuid"),
            "flows.content.field_values.read_time",
        ),
        lambda text: (
            field_values.read_field(Kind.FLOW, _TEXT_FIELD, text),
            _refused(field_values.read_uuid, text),
            _refused(field_values.read_time, text),
        ),
    ),
    "copy": (
        ("flows.content.copy_names.make_copy_name",),
        lambda text: copy_names.make_copy_name(Kind.FLOW, text, 2),
    ),
    "decision": (
        ("imports.planfile.decisions.read_key", "imports.planfile.decisions.read_decision"),
        lambda text: (
            _refused(decision_file.read_key, text),
            _refused(decision_file.read_decision, text),
            _refused(decision_file.read_decision, {text: text}),
        ),
    ),
    "broken JSON": (
        (
            *(
                "flows.strict_json.problems.raise_problem",
                "flows.strict_json.read.split_top_level",
            ),
            *("imports.exportfile.companion.read_object", "imports.exportfile.document.parse"),
            *("imports.planfile.decisions.read_decisions", "imports.planfile.file.read_plan"),
            *(
                "imports.planfile.decisions.read_file_with",
                "imports.undo.plans.decision_file.read_decision_file",
            ),
        ),
        lambda text: (
            _raised(text),
            _refused(parse, text.encode(), max_bytes=MUCH),
            _refused(decision_file.read_decisions, text.encode(), max_bytes=MUCH),
            _refused(undo_decisions.read_decision_file, text.encode(), max_bytes=MUCH),
            _refused(plan_file.read_plan, text.encode(), max_bytes=MUCH),
        ),
    ),
    "a directory of a flow": (
        (
            *(
                f"imports.exportfile.directory.code_files.{name}"
                for name in (
                    "choose_suffix",
                    "make_file_stem",
                    "make_node_stem",
                    "may_be_file",
                )
            ),
            "imports.exportfile.directory.conflicts.find_conflict",
            *(
                f"imports.exportfile.directory.form.{name}"
                for name in (
                    "find_flow_folder",
                    "find_kind",
                    "format_json",
                    "get_item_file",
                    "is_directory_id",
                    "make_head",
                    "name_item_files",
                )
            ),
            *(
                f"imports.exportfile.directory.joining.{name}"
                for name in (
                    "check_text",
                    "join_flow",
                    "join_other",
                    "read_object",
                )
            ),
            "imports.exportfile.directory.note.format_note",
            "imports.exportfile.directory.note.read_note",
            "imports.exportfile.directory.note.make_leftovers_warning",
            "imports.exportfile.directory.reading.find_directory",
            "imports.exportfile.directory.reading.join_directory",
            *(
                f"imports.exportfile.directory.references.{name}"
                for name in (
                    "escape_key",
                    "get_referred",
                    "is_reserved",
                    "may_be_reserved",
                    "make_reference",
                    "unescape_key",
                )
            ),
            "imports.exportfile.directory.slugs.Slugs.give",
            "imports.exportfile.directory.slugs.make_slug",
            "imports.exportfile.directory.splitting.split_item",
            "imports.exportfile.directory.splitting.split_item_into",
            "imports.exportfile.unpacking.unpack_export",
        ),
        lambda text: _refused(parse, LooseFiles(files=directory_of(text)), max_bytes=MUCH),
    ),
    "a bad directory": (
        (
            "imports.exportfile.directory.lines.find_line",
            "imports.exportfile.directory.reading.locate_issues",
            "imports.exportfile.directory.reading.make_refusal",
            "imports.exportfile.unpacking.locate",
            "flows.texts.read_json_path",
            "flows.strict_json.problems.find_line_at",
        ),
        lambda text: (
            _located(directory_of(text, timeout="soon")),
            _located({**directory_of(text), "connections/x.json": text.encode() + b"\n{"}),
        ),
    ),
    "a plan in Markdown": (
        (
            *(
                f"imports.planfile.markdown.{name}"
                for name in (
                    "blocks.fit_blocks",
                    "blocks.fit_lines",
                    "blocks.measure",
                    "blocks.measure_blocks",
                    "blocks.share_out",
                    "difference_blocks.make_blocks",
                    "escaping.show_line",
                    "escaping.show_text",
                    "escaping.write_block",
                    "escaping.write_code",
                    "escaping.write_html_code",
                    "escaping.write_label",
                    "escaping.write_marker",
                    "escaping.write_place",
                    "escaping.write_sentence",
                    "item_parts.is_red",
                    "item_parts.make_item_blocks",
                    "item_parts.measure_heading",
                    "item_parts.wrap_details",
                    "item_parts.write_heading",
                    "picture.draw_change",
                    "picture.draw_new",
                    "plan_page.format_plan_markdown",
                    "refusal_page.format_refusal_markdown",
                    "refusal_page.write_refusal",
                    "refusal_page.write_server",
                    "shown_item.compare_item",
                    "shown_item.summarize_fields_of",
                    "warning_lines.find_serious",
                    "warning_lines.write_item",
                    "warning_lines.write_others",
                    "warning_lines.write_serious",
                    "warning_lines.write_unacknowledged",
                )
            ),
            "imports.planfile.wording.count_results",
            "flows.differences.lines.format_line_numbers",
            "flows.differences.shortening.shorten_same",
        ),
        lambda text: _refused(markdown_of_text, text),
    ),
    "gzip": (
        (
            *("imports.exportfile.gzipped.unpack", "imports.exportfile.gzipped.is_gzip"),
            *(
                "imports.exportfile.archives.refuse_archive",
                "imports.exportfile.archives.is_tar",
                "imports.exportfile.archives.find_packed_form",
            ),
            *(
                "imports.exportfile.size_limit.GatheredFile.add",
                "imports.exportfile.size_limit.ContentCounter.add",
                "imports.exportfile.size_limit.count_content",
                "imports.exportfile.size_limit.check_size",
            ),
        ),
        lambda text: (
            gzipped.unpack(gzip.compress(text.encode()), max_bytes=MUCH),
            _refused(size_limit.check_size, text.encode(), len(text.encode()) - 1),
            _refused(parse, b"\x1f\x8b" + text.encode(), max_bytes=MUCH),
        ),
    ),
    "a JSON text": (
        (
            *(
                "flows.strict_json.read.read_value",
                "imports.exportfile.companion.read_part",
            ),
            *(
                "flows.strict_json.problems.is_deep",
                "flows.strict_json.problems.format_place",
            ),
        ),
        lambda text: (
            _refused(strict_json.read_value, msgspec.Raw(msgspec.json.encode({text: [text]}))),
            _refused(given_file.read_part, msgspec.Raw(text.encode()), "a"),
            json_problems.format_place(text.encode(), len(text)),
        ),
    ),
    "content type": (
        ("ziggy_site.content_type.clean_content_type",),
        lambda text: clean_content_type("multipart/form-data;" + text),
    ),
    "a form's words": (
        ("imports.api.form.read_form",),
        lambda text: _refused(
            read_form,
            Form(
                words={"duplicatesMode": [text], "dryRun": [text], text: [text], "plan": [text]},
                files=[FilePart(part="file", name=text, content=text.encode())],
            ),
        ),
    ),
    "a row": (
        ("flows.content.representation.represent",),
        lambda text: representation.represent(
            Kind.CONNECTION,
            _connection(text)
            | {"uuid": "u", "created_at": _NOW, "updated_at": _NOW, "is_deleted": False},
        ),
    ),
}
_NOW = datetime(2026, 3, 16, tzinfo=UTC)


# --- Values: very many of something, or one thing that is very long and often meant


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured: the work, on what is built for a size; and the functions it is for."""

    covers: tuple[str, ...]
    build: Callable[[int], Any]
    work: Callable[[Any], object]
    size: int = 1_000


def uuid(kind: str, number: int) -> str:
    return f"{kind * 8}-0000-4000-8000-{number:012}"


def file_of(size: int, **keys: Any) -> bytes:
    """So many flows of one name that refer to one another, and secrets that nobody has."""
    flows = [
        {
            "uuid": uuid("f", at),
            "name": "Same",
            "nodes": [{"id": "n", "data": {"flowUuid": uuid("f", at // 2), "x": f"secrets.S{at}"}}],
            "updatedAt": "2026-03-16T17:10:06.000Z",
            **keys,
        }
        for at in range(size)
    ]
    connections = [
        {"uuid": uuid("c", at), "name": f"C{at}", "devValue": f"{{a: secrets.S{at}}}"}
        for at in range(size)
    ]
    secrets = [{"uuid": uuid("5", at), "name": f"S{at}"} for at in range(size)]
    return json.dumps({"flows": flows, "connections": connections, "secrets": secrets}).encode()


def files_of_archives(size: int) -> dict[str, bytes]:
    """Files in directories of several depths, of names that are in no order."""
    return {f"{'d/' * (at % 50)}{at * 7919 % 10007}é-{at}.js": b"{}" * 9 for at in range(size)}


def packed_and_read(files: dict[str, bytes]) -> object:
    packed = [b"".join(write_zip(files.items())), archiving.make_tar(files)]
    return [is_archive(data) and read_archive(data, max_bytes=MUCH) for data in packed]


def refused_archives(path: str) -> object:
    return [
        _refused(read_archive, archiving.make_tar_of(path + "a", type=kind), max_bytes=MUCH)
        for kind in (tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.REGTYPE)
    ] + [_refused(read_archive, b"PK\x03\x04" + path.encode(), max_bytes=MUCH)]


def secret_with_keys(size: int) -> bytes:
    keys = {f"password{at}": "x" for at in range(size)}
    return json.dumps({"secrets": [{"uuid": uuid("5", 1), "name": "S", **keys}]}).encode()


def wrong_items(size: int) -> bytes:
    return json.dumps(
        {"flows": [{"uuid": at, "name": at, "tags": at} for at in range(size)]}
    ).encode()


def planned(size: int, mode: Mode = Mode.OVERWRITE) -> Any:
    """A plan for a server that has the flows under other uuids and the rest, and what it is of."""
    document = parse(file_of(size), max_bytes=MUCH)
    rows = [
        *(stored(Kind.FLOW, uuid("a", at), "Same") for at in range(size)),
        *(stored(Kind.CONNECTION, uuid("c", at), f"X{at}") for at in range(size)),
        *(stored(Kind.SECRET, uuid("b", at), f"S{at}", has_value=True) for at in range(size)),
    ]
    known = Server(rows).as_stored(
        {item.path: [mentions.Reference(item.kind, "x")] for item in document}
    )
    return document, known, mode


def plan_of(given: Any) -> Any:
    document, known, mode = given
    return build_plan(document, known, server="local", mode=mode, override_locks=False)


def left_directory(size: int) -> Any:
    """A directory whose flows use secrets that it brought once, and does not have any more."""
    lists = {**json.loads(file_of(size)), "secrets": []}
    document = parse(json.dumps(lists).encode(), max_bytes=MUCH)
    rows = [stored(Kind.SECRET, uuid("b", at), f"S{at}") for at in range(size)]
    last = LastImport(at=datetime(2026, 3, 16, tzinfo=UTC), digest="")
    known = replace(
        Server(rows).as_stored(),
        brought={Kind.SECRET: [BroughtRow(row=each.row, last=last, record=1) for each in rows]},
        imported={Kind.SECRET: {each.row.uuid for each in rows}},
        find_users=lambda _names: (
            (Kind.FLOW, uuid("e", at), "x", [(Kind.SECRET, uuid("b", at))]) for at in range(size)
        ),
    )
    plan = build_plan(
        document, replace(known, rows=dict.fromkeys(Kind, ())), server="x", mode="skip"
    )
    return plan, replace(document, directory_id="an id"), known


def pruned(given: Any) -> object:
    plan, document, known = given
    return add_pruning(plan, document, known, prune=True, limit=10).issues


def page_of_plan(size: int, mode: Mode) -> Any:
    """A file, the page of its plan, and the server and mode that it was planned for."""
    document, known, _ = planned(size)
    plan = build_plan(document, known, server="local", mode=mode, override_locks=False)
    return file_of(size), plan_page.make_page(plan, {}), known, mode


def item_of(given: Any) -> Any:
    """What becomes of the file's last flow, which is planned alone."""
    data, page, known, mode = given
    shown = [each for each in page.items if each.kind is Kind.FLOW][-1]
    item = parse_item(data, Kind.FLOW, find_position(page, shown), max_bytes=MUCH)
    assert item
    inputs = ItemInputs(
        read_rows=lambda _document, _decisions: known.rows,
        read_live_names=lambda kind: known.live_names[kind],
        read_contents=known.read_contents,
    )
    with pause_garbage_collection():
        return plan_item(item, make_outline(page, item), inputs, mode=mode, decisions={})


def kept_plan(size: int) -> Any:
    document, known, mode = planned(size)
    plan = plan_of((document, known, mode))
    return plan, saved(plan)


def saved(plan: Any) -> Any:
    return plan_file.make_saved_plan(
        plan,
        {},
        {},
        identity="x",
        file=SavedFile(name="f", size=1, sha256="0" * 64),
        created_at="2026-03-16T17:10:06.000Z",
        created_by="ada",
    )


def sent_secrets(size: int) -> Any:
    """Connections that send every secret, or each another one, to a server with as many of both."""
    texts = ["{ host: 'h%d', key: secrets.S%d }", "{ host: f(%d), key: secrets.S%d }"]
    items = [
        {"uuid": uuid("c", at), "name": f"C{at}", "devValue": texts[at % 2] % (at, at)}
        for at in range(size)
    ]
    rows = [
        *(stored(Kind.SECRET, uuid("b", at), f"S{at}", has_value=True) for at in range(size)),
        *(
            stored(Kind.CONNECTION, uuid("d", at), f"X{at}", dev_value=texts[at % 2] % (-at, at))
            for at in range(size)
        ),
    ]
    payload = json.dumps({"connections": items}).encode()
    return parse(payload, max_bytes=MUCH), Server(rows).as_stored(), Mode.OVERWRITE


def renamed_secrets(size: int) -> Any:
    """Secrets of a file that each get another name, with a connection each that keeps the old one."""
    items = [{"uuid": uuid("b", at), "name": f"N{at}"} for at in range(size)]
    rows = [stored(Kind.SECRET, uuid("b", at), f"S{at}") for at in range(size)]
    users = [
        (Kind.CONNECTION, uuid("d", at), _connection(f"{{ key: secrets.S{at} }}"))
        for at in range(size)
    ]
    known = replace(Server(rows).as_stored(), read_naming=lambda _names: users)
    payload = json.dumps({"secrets": items}).encode()
    return parse(payload, max_bytes=MUCH), known, Mode.OVERWRITE


def graph_of(nodes: list[Any], edges: list[Any]) -> tuple[str, str]:
    return canonical.encode(nodes), canonical.encode(edges)


def flows_of(size: int) -> list[dict[str, Any]]:
    return [
        {
            **DEFAULTS[Kind.FLOW],
            "info": "\n".join(f"{x} {at % 9}" for at in range(size)),
            "nodes": canonical.encode([{"id": f"n{at}", "x": [x] * 9} for at in range(size)]),
        }
        for x in (1, 2)
    ]


def long_label(size: int) -> tuple[tuple[str, str], tuple[str, str]]:
    nodes = [{"id": "a", "data": {"label": "word " * size * 20}}, {"id": "b"}]
    edges = [
        [{"id": f"e{at}", "source": "a", "target": "b", "x": x} for at in range(size)]
        for x in (1, 2)
    ]
    return graph_of(nodes, edges[0]), graph_of(nodes, edges[1])


def long_key(size: int) -> tuple[tuple[str, str], tuple[str, str]]:
    sides = [[{"id": "a", "k" * size * 10: {f"c{at}": x for at in range(size)}}] for x in (1, 2)]
    return graph_of(sides[0], []), graph_of(sides[1], [])


def same_ids(size: int) -> tuple[tuple[str, str], tuple[str, str]]:
    nodes = [
        {"id": f"a #{at}" if at % 2 else "a", "position": {"x": at, "y": 0}} for at in range(size)
    ]
    edges = [{"source": "a", "target": "a"} for _ in range(size)]
    return graph_of(nodes, edges), graph_of(nodes[::-1], edges[: size // 2])


def compared_graphs(sides: Any) -> object:
    before, after = (graph.read_graph(*side) for side in sides)
    diff = graph.compare(before, after)
    graph_svg.draw(before, title="x")
    places = graph_layout.place(before.nodes)
    graph_layout.place_pair(before, after)
    size = graph_layout.compute_size(places.values())
    numbers = {("node", key): at for at, key in enumerate(diff.nodes, start=1)}
    focus = graph_view.find_focus((before, after), diff, numbers)
    graph_view.find_opening([places], focus, size)
    marks = graph_parts.Marks(diff=diff, numbers=numbers, focus=focus)
    graph_svg.draw_pair(before, after, diff, numbers=numbers)
    for node in before.nodes:
        graph_looks.find_look(node)
        graph_looks.find_area(node)
        note = graph_looks.read_note(node)
        graph_texts.wrap(note, 20, 100)
        graph_texts.cut(note, 20)
        graph_texts.escape_text(graph_texts.put_on_one_line(note))
    stump = graph.Edge(key="", source="", target="", value={})
    nodes = graph_parts.NodeDrawing(places, marks)
    edges = graph_parts.EdgeDrawing(marks, "arrow", {})
    for node in before.nodes:
        nodes.draw(node, graph_looks.find_look(node))
    for edge in (*before.edges, stump):
        if way := graph_edges.find_way(edge, places):
            edges.draw(edge, way)
    edges.draw(stump, graph_edges.EdgeWay(path="", middle=(0, 0)))
    states = (before, after, before)
    graph_layout.place_states(states)
    lost = three_ways.find_lost(before, after, diff)
    graph_svg.draw_three(*states, diff, numbers=numbers, lost=frozenset(lost))
    return compare_graphs(*sides, Budget(0))


def notes_over_nodes(size: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Half of the nodes are notes, each of which covers all that comes after it."""
    nodes = [
        {
            "id": f"n{at}",
            "type": "stickyNote" if at % 2 else "step",
            "position": {"x": at * 10, "y": at % 7 * 10},
            "data": {"parameters": {"content": "word " * 20, "width": 1e5, "height": 1e5}},
        }
        for at in range(size)
    ]
    return graph_of(nodes, []), graph_of(nodes[1:], [])


_GRAPH = (
    *(
        "flows.differences.graphs.graph.read_graph",
        "flows.differences.graphs.graph.compare",
        "flows.differences.graphs.graph.find_differing_paths",
    ),
    *(
        "flows.differences.graphs.graph_difference.compare_graphs",
        "flows.differences.graphs.flow_order.order_nodes",
        "flows.differences.graphs.graph.count_changes",
        "flows.differences.graphs.graph_svg.draw",
        "flows.differences.graphs.graph_svg.draw_pair",
        "flows.differences.graphs.graph_svg.draw_three",
        "flows.differences.graphs.graph_parts.NodeDrawing.draw",
        "flows.differences.graphs.graph_parts.EdgeDrawing.draw",
        "flows.differences.graphs.three_ways.find_lost",
    ),
    *(
        "flows.differences.graphs.graph_layout.place",
        "flows.differences.graphs.graph_layout.place_pair",
        "flows.differences.graphs.graph_layout.place_states",
        "flows.differences.graphs.graph_layout.compute_size",
    ),
    *(
        "flows.differences.graphs.graph_view.find_focus",
        "flows.differences.graphs.graph_view.find_opening",
    ),
    *(
        "flows.differences.graphs.graph_looks.find_look",
        "flows.differences.graphs.graph_looks.find_area",
        "flows.differences.graphs.graph_looks.read_note",
    ),
    *(
        "flows.differences.graphs.graph_texts.wrap",
        "flows.differences.graphs.graph_texts.cut",
        "flows.differences.graphs.graph_texts.escape_text",
        "flows.differences.graphs.graph_texts.put_on_one_line",
    ),
    "flows.differences.graphs.graph_edges.find_way",
)


def summarized(sides: Any) -> object:
    before, after = (dict(zip(("nodes", "edges"), side, strict=True)) for side in sides)
    inside = change_summary.summarize_change(Kind.FLOW, before, after)
    change_summary.summarize_new(Kind.FLOW, after)
    return change_summary.summarize_fields((), inside)


def left_out_others(document: Any) -> object:
    word = document.items[Kind.FLOW][-1].uuid
    chosen = only.leave_out_others(document, [word], {})
    left_out.remove_left_out(document, chosen)
    decisions.find_decided_on(Kind.FLOW, decisions.ItemAction.LEAVE_OUT, chosen)
    return left_out.add_left_out(document, dict.fromkeys(Kind, ()))


def compared_likeness(contents: Any) -> object:
    parts = [
        likeness.count_item_parts(Kind.FLOW, {key: each[key] for key in ("info", "nodes")}, "{}")
        for each in contents
    ]
    return likeness.compute_share(*parts)


def ambiguous_page(size: int) -> Any:
    return plan_page.PlanPage(
        token="",
        items=tuple(
            plan_page.PageItem(
                kind=Kind.CONNECTION,
                uuid=uuid("c", at),
                name=f"C{at // 2}",
                result=Result.AMBIGUOUS,
                method=MatchMethod.NAME,
                target_uuid="",
                target_name="",
                issues=("Several have this name.",) if at % 3 else (),
                candidates=tuple(
                    PageCandidate(pk=row, uuid=uuid("d", row), name=f"C{at}", share=row % 5)
                    for row in (at, at + 1)
                ),
            )
            for at in range(size)
        ),
    )


def solved_problems(page: Any) -> object:
    for group in problems.group_problems(page):
        problems.solve_group(page, group.key, Mode.SKIP)
        problems.solve_group_by_likeness(page, group.key)
    return problems.find_solved(page, ((item.kind, item.uuid) for item in page.items))


def shown_again(given: Any) -> object:
    plan, _ = given
    shown = plan_page.unpack_page(plan_page.pack_page(plan_page.make_page(plan, {})))
    before = plan_page.make_page_snapshot(shown)
    changes = plan_changes.find_changes_since(before, plan_snapshot.make_snapshot(plan))
    differences = plan_page.find_differences(changes, shown, is_decided=False)
    again = plan_page.make_page(plan, {}, differences=differences)
    chosen = item_list.ListFilter(show=item_list.Show.UNREVIEWED, text="same")
    return item_list.list_items(again.items, chosen)


def held_against(given: Any) -> object:
    plan, kept = given
    read = plan_file.read_plan(plan_file.write_plan(kept), max_bytes=MUCH)
    before = plan_shape.make_saved_plan_snapshot(read)
    rows = {(item.kind, row.uuid): row for item in before.items for row in item.rows}
    after = plan_snapshot.make_snapshot(plan, {}, plan_snapshot.get_decided_contents(plan))
    return (
        saved(plan),
        plan_changes.find_edited_rows(before, rows),
        plan_snapshot.make_confirmation_token(after),
        plan_changes.find_changes_since(before, after),
    )


def decided(given: Any) -> object:
    document, plan = given
    file = {f"flow:{item.uuid}": "skip" for item in document.items[Kind.FLOW]}
    data = json.dumps({"decisions": file}).encode()
    settled = decision_file.match_decisions(
        decision_file.read_decisions(data, max_bytes=MUCH), document
    )
    words = {item.uuid: "keep" for item in document}
    undo_decisions.read_decisions(words)
    return (
        [*decision_file.find_skipped_nothing(plan, settled)],
        [decision_file.make_decision_value(each) for each in settled.values()],
        decisions.read_decision_list(decisions.convert_decisions(settled)),
        decisions.get_targets(Kind.FLOW, settled),
        [*decisions.find_decisions_to_nothing(document, settled)],
    )


def status_of(plan: Any) -> object:
    known = status.StatusInputs(
        last_imports={},
        blank_content=lambda kind: DEFAULTS[kind],
        read_last_writes=lambda kind, pks: {},
        only_here={},
    )
    return status.decide_status(plan, known), status.find_ambiguous_paths(plan)


class ServerOfNames:
    """Has a secret for each of the names, and a flow that uses all of them."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def read_secrets(self) -> Mapping[str, SecretState]:
        return {f"s{name}": SecretState(name=name, has_value=False) for name in self._names}

    def read_connections(self) -> Iterable[SecretUser]:
        return ()

    def read_flows(self) -> Iterable[SecretUser]:
        content = {**DEFAULTS[Kind.FLOW], "info": " ".join(f"secrets.{n}" for n in self._names)}
        uses = destinations.find_secret_uses(Kind.FLOW, "f", content)
        return [SecretUser(kind=Kind.FLOW, uuid="f", name="F", uses=uses)]


def undone_names(size: int) -> tuple[Any, ...]:
    names = [f"N{at}" for at in range(size)]
    secrets = [
        UndoChange(
            kind=Kind.SECRET,
            position=at,
            uuid=f"s{name}",
            name=name,
            target_name=f"OLD{at}",
            result=UndoResult.RESTORE,
        )
        for at, name in enumerate(names)
    ]
    changes = {Kind.FLOW: [], Kind.CONNECTION: [], Kind.SECRET: secrets}
    return changes, [], ServerOfNames(names)


def body_of(size: int) -> dict[str, Any]:
    return {f"password{at}": "x" for at in range(size)}


def unknown_keys(size: int) -> str:
    return canonical.encode({"queueUuid": "q", **{f"k{number}": number for number in range(size)}})


CASES = {
    "renamed secrets that others use": Case(
        covers=(
            "imports.plans.place_warnings.warn_of_lost_names",
            "imports.plans.place_warnings.make_renamed_in_use_warning",
        ),
        build=renamed_secrets,
        work=plan_of,
        size=500,
    ),
    "secrets that are sent": Case(
        covers=(
            *(
                "flows.destinations.new.find_new_destinations",
                "flows.destinations.warnings.make_warnings",
            ),
            *(
                "imports.plans.destinations.make_user_change",
                "imports.plans.destinations.find_destination_warnings",
            ),
            "imports.plans.plan.get_destination_keys",
        ),
        build=sent_secrets,
        work=lambda given: plan_snapshot.make_confirmation_token(
            plan_snapshot.make_snapshot(plan_of(given))
        ),
        size=500,
    ),
    "an undo that renames secrets which others use": Case(
        covers=("imports.undo.plans.lost_names.warn_of_lost_names",),
        build=undone_names,
        work=lambda given: warn_of_lost_names(*given),
        size=2_000,
    ),
    "columns of text": Case(
        covers=("imports.management.text_columns.format_columns",),
        build=lambda size: [((f"name {at}", "x" * (at % 99)), "") for at in range(size)],
        work=lambda rows: [*format_columns(("NAME", "WHAT"), rows)],
        size=5_000,
    ),
    "a file of many items": Case(
        covers=(
            "imports.exportfile.document.parse",
            "imports.exportfile.items.read_item",
            "imports.exportfile.items.count_colons",
            "flows.strict_json.read.split_quickly",
            "flows.strict_json.read.check_value",
        ),
        build=file_of,
        work=lambda data: parse(data, max_bytes=MUCH),
    ),
    "a file of many items beyond ASCII": Case(
        covers=(
            "flows.strict_json.read.is_utf8",
            "imports.exportfile.raw_items.check_encoding",
            "imports.exportfile.raw_items.read_raw_items",
        ),
        build=lambda size: file_of(size).replace(b'"name": "', '"name": "ü'.encode()),
        work=lambda data: parse(data, max_bytes=MUCH),
    ),
    "a file of many items and an unknown list": Case(
        covers=("flows.strict_json.read.split_list",),
        build=lambda size: file_of(size).replace(b"{", b'{"more": [], ', 1),
        work=lambda data: parse(data, max_bytes=MUCH),
    ),
    "unknown keys, of which one became a field": Case(
        covers=(
            "flows.content.known_keys.find_cleared_fields",
            "flows.content.known_keys.remove_known_keys",
        ),
        build=unknown_keys,
        work=lambda extra: (
            known_keys.remove_known_keys(Kind.FLOW, extra, ["queue_uuid"]),
            [
                *known_keys.find_cleared_fields(
                    Kind.FLOW, {**DEFAULTS[Kind.FLOW], "extra": extra}, {"queue_uuid": None}
                )
            ],
        ),
    ),
    "unknown keys, of which one is moved": Case(
        covers=("flows.upgrades.moved_keys.move_back", "flows.upgrades.moved_keys.move_out"),
        build=unknown_keys,
        work=lambda extra: (
            moved_keys.move_back(_MOVE, extra, "q"),
            moved_keys.move_out(_MOVE, extra, None),
        ),
    ),
    "a secret of many keys": Case(
        covers=(
            "imports.exportfile.items.read_item",
            "flows.content.fields.split_unknown_of_secret",
        ),
        build=secret_with_keys,
        work=lambda data: parse(data, max_bytes=MUCH),
    ),
    "a file of wrong items": Case(
        covers=("imports.exportfile.document.parse",),
        build=wrong_items,
        work=lambda data: _refused(parse, data, max_bytes=MUCH),
    ),
    "a repeated key": Case(
        covers=(
            "flows.strict_json.read.read_value",
            "flows.strict_json.problems.find_value",
        ),
        build=lambda size: msgspec.Raw(b"[" + b'{"a\\u003a":1},' * size + b'{"a":1,"a":2}]'),
        work=lambda raw: _refused(strict_json.read_value, raw),
    ),
    "texts without an end between many commas": Case(
        covers=("flows.strict_json.read.read_value",),
        build=lambda size: msgspec.Raw(b"," * 2_000_001 + b'"' + b'\\"' * size),
        work=lambda raw: _refused(strict_json.read_value, raw),
        size=4_000,
    ),
    "a deep value": Case(
        covers=(
            "flows.strict_json.read.read_value",
            "flows.strict_json.problems.check_depth",
            "flows.content.depth.is_deeper",
        ),
        build=lambda size: msgspec.Raw(b"[" * 900 + b"0," * size + b"0" + b"]" * 900),
        work=lambda raw: _refused(strict_json.read_value, raw),
    ),
    "a deep document of a save": Case(
        covers=("flows.content.depth.find_too_deep_columns",),
        build=lambda size: {
            **DEFAULTS[Kind.FLOW],
            "extra": '{"x":' + "[" * 900 + "0," * size + "0" + "]" * 900 + "}",
        },
        work=lambda content: [*depth.find_too_deep_columns(Kind.FLOW, content)],
    ),
    "a body of many keys": Case(
        covers=(
            "flows.rest.bodies.item_body.read_item_body",
            "flows.rest.bodies.item_body.read_value_body",
        ),
        build=body_of,
        work=lambda body: [
            _refused(item_body.read_item_body, Kind.SECRET, body),
            _refused(item_body.read_item_body, Kind.FLOW, {"name": "x", **body}),
            _refused(item_body.read_value_body, body),
        ],
    ),
    "copies of a name": Case(
        covers=("flows.content.copy_names.find_free_copy_name",),
        build=lambda size: {copy_names.make_copy_name(Kind.FLOW, "x", at) for at in range(1, size)},
        work=lambda used: copy_names.find_free_copy_name(Kind.FLOW, "x", used),
    ),
    **{
        f"a plan to {mode}": Case(
            covers=(
                *("imports.plans.build.build_plan", "imports.plans.matching.match_items"),
                "imports.plans.item_destinations.decide_items",
                "imports.plans.item_destinations.find_ambiguous_uuids",
                *(
                    "imports.plans.reference_map.map_references",
                    "imports.plans.reference_map.ReferenceMap.rewrite_content",
                )[: 1 if mode is Mode.SKIP else 2],
            ),
            build=lambda size, mode=mode: planned(size, mode),
            work=plan_of,
            size=500,
        )
        for mode in Mode
    },
    **{
        f"one item to {mode}": Case(
            covers=(
                "imports.exportfile.document.parse_item",
                "imports.planfile.outline.find_position",
                "imports.planfile.outline.make_outline",
                "imports.plans.one_item.plan_item",
                *(
                    f"imports.plans.relevant_items.RelevantItems.add_{which}"
                    for which in ("copies", "mentioned", "namesakes", "rivals")
                ),
            ),
            build=lambda size, mode=mode: page_of_plan(size, mode),
            work=item_of,
            size=500,
        )
        for mode in Mode
    },
    "rows that left a directory": Case(
        covers=(
            "flows.content.documents.copy_unread",
            "imports.plans.build.add_pruning",
            *(
                f"imports.plans.pruning.{name}"
                for name in (
                    *(
                        "count_imported_elsewhere",
                        "find_obstacles",
                        "find_refusals",
                        "find_unnamed",
                    ),
                    *("make_pruned_path", "make_prunes"),
                )
            ),
        ),
        build=left_directory,
        work=pruned,
        size=500,
    ),
    "an overwrite": Case(
        covers=(
            *("imports.plans.comparison.compare", "imports.plans.plan.compute_content_digest"),
            *(
                "imports.plans.place_warnings.find_lost_names",
                "imports.plans.place_warnings.find_place_warnings",
            ),
            "imports.plans.place_warnings.warn_of_shared_names",
        ),
        build=planned,
        work=plan_of,
        size=500,
    ),
    "contents of many keys": Case(
        covers=(
            "imports.plans.comparison.find_differences",
            "imports.plans.plan.compute_content_digest",
        ),
        build=lambda size: [
            {**DEFAULTS[Kind.FLOW], "extra": canonical.encode({f"k{at}": x for at in range(size)})}
            for x in (1, 2)
        ],
        work=lambda sides: (
            comparison.find_differences(Kind.FLOW, *sides),
            compute_content_digest(sides[0], tuple(sides[0])),
        ),
    ),
    "gzip of many members": Case(
        covers=("imports.exportfile.gzipped.unpack",),
        build=lambda size: gzip.compress(b"") * size,
        work=lambda data: gzipped.unpack(data, max_bytes=MUCH),
        size=2_000,
    ),
    "archives of many files": Case(
        covers=(
            "imports.exportfile.archives.is_archive",
            *(
                "imports.exportfile.directory.archive.read_archive",
                "imports.exportfile.directory.archive_entries.read_entry",
            ),
            *(
                "imports.exportfile.directory.archive_paths.check_all_paths",
                "imports.exportfile.directory.archive_paths.check_path",
            ),
            *(
                "imports.exportfile.directory.tar_files.list_tar",
                "imports.exportfile.directory.zip_files.list_zip",
            ),
            "imports.exportfile.directory.zip_writing.write_zip",
        ),
        build=files_of_archives,
        work=packed_and_read,
    ),
    "an archive of a large file": Case(
        covers=("imports.exportfile.directory.archive_entries.read_entry",),
        build=lambda size: {"a": b"[" + bytes(range(250)) * 100 * size},
        work=packed_and_read,
        size=100,
    ),
    "archives that are refused": Case(
        covers=(
            *(
                "imports.exportfile.directory.archive_entries.make_problem",
                "imports.exportfile.directory.archive_entries.make_broken_problem",
            ),
            "imports.exportfile.directory.archive_entries.make_special_problem",
        ),
        build=lambda size: "x/" * size,
        work=refused_archives,
    ),
    "what is dangling": Case(
        covers=("imports.plans.dangling.find_unresolved",),
        build=lambda size: parse(file_of(size), max_bytes=MUCH),
        work=find_unresolved,
    ),
    "a shown plan": Case(
        covers=(
            *("imports.planfile.page.make_page", "imports.planfile.page.pack_page"),
            *("imports.planfile.page.unpack_page", "imports.planfile.item_list.list_items"),
            *("imports.planfile.item_list.find_group", "imports.planfile.item_list.is_change"),
            "imports.planfile.item_list.make_review_mark",
            *("imports.planfile.page.make_page_snapshot", "imports.planfile.page.find_differences"),
        ),
        build=kept_plan,
        work=shown_again,
        size=250,
    ),
    "a saved plan": Case(
        covers=(
            *(
                "imports.planfile.file.make_saved_plan",
                "imports.planfile.file.write_plan",
                "imports.planfile.file.read_plan",
            ),
            *(
                "imports.planfile.changes.find_edited_rows",
                "imports.planfile.changes.find_changes_since",
            ),
            *(
                "imports.planfile.snapshot.make_snapshot",
                "imports.planfile.shape.make_saved_plan_snapshot",
            ),
            "imports.planfile.snapshot.get_decided_contents",
            "imports.planfile.snapshot.make_confirmation_token",
        ),
        build=kept_plan,
        work=held_against,
        size=250,
    ),
    "decisions": Case(
        covers=(
            *(
                "imports.planfile.decisions.match_decisions",
                "imports.planfile.decisions.find_skipped_nothing",
            ),
            *(
                "imports.planfile.decisions.make_decision_value",
                "imports.plans.decisions.convert_decisions",
            ),
            *("imports.plans.decisions.read_decision_list", "imports.plans.decisions.get_targets"),
            *(
                "imports.plans.decisions.find_decisions_to_nothing",
                "imports.undo.plans.decision_file.read_decisions",
            ),
        ),
        build=lambda size: ((given := planned(size))[0], plan_of(given)),
        work=decided,
        size=500,
    ),
    "a status": Case(
        covers=(
            "imports.status.decide.decide_status",
            "imports.status.decide.find_ambiguous_paths",
        ),
        build=lambda size: plan_of(planned(size)),
        work=status_of,
        size=500,
    ),
    "the bytes of an export": Case(
        covers=("imports.exportfile.writing.format_export",),
        build=lambda size: {kind: [{"uuid": str(at)} for at in range(size)] for kind in Kind},
        work=lambda items: [
            [*writing.format_export(items, server="local", changed_at=None, is_compact=is_compact)]
            for is_compact in (False, True)
        ],
        size=2_000,
    ),
    "lines that are all new": Case(
        covers=("flows.differences.lines.compare_lines", "flows.differences.matching.match"),
        build=lambda size: ("", "\n".join(str(at) for at in range(size))),
        work=lambda sides: line_diff.compare_lines(*sides).parts,
    ),
    "lines of which many differ": Case(
        covers=("flows.differences.lines.compare_lines", "flows.differences.matching.match"),
        build=lambda size: [
            "\n".join(f"{at}{x * (at % 3 == 0)}" for at in range(size)) for x in ("", "!")
        ],
        work=lambda sides: line_diff.compare_lines(*sides).parts,
        size=8_000,
    ),
    "documents of many values": Case(
        covers=(
            "flows.differences.lines.format_document",
            "flows.differences.value_differences.compare_values",
            "flows.differences.value_differences.find_values",
        ),
        build=lambda size: [{"x": [at, {"y": x}]} for at in range(size) for x in (1, 2)],
        work=lambda values: (
            line_diff.format_document(canonical.encode(values)),
            value_differences.compare_values(values[::2], values[1::2], Budget()),
            value_differences.find_values(values, Budget(), is_new=True),
        ),
        size=4_000,
    ),
    "a flow in two states": Case(
        covers=("flows.differences.values.compare_contents",),
        build=flows_of,
        work=lambda sides: compare_contents(Kind.FLOW, *sides),
        size=2_000,
    ),
    "graphs with one long label": Case(covers=_GRAPH, build=long_label, work=compared_graphs),
    "a summary of graphs": Case(
        covers=(
            "flows.change_summary.summarize_change",
            "flows.change_summary.summarize_fields",
            "flows.change_summary.summarize_new",
        ),
        build=same_ids,
        work=summarized,
        size=2_000,
    ),
    "items of a file that alone are imported": Case(
        covers=(
            "imports.plans.only.find_chosen",
            "imports.plans.only.leave_out_others",
            "imports.plans.left_out.add_left_out",
            "imports.plans.left_out.is_left_out",
            "imports.plans.left_out.make_left_out",
            "imports.plans.left_out.remove_left_out",
            "imports.plans.decisions.find_decided_on",
        ),
        build=lambda size: parse(file_of(size), max_bytes=MUCH),
        work=left_out_others,
    ),
    "contents that are alike": Case(
        covers=(
            "imports.plans.likeness.count_parts",
            "imports.plans.likeness.count_item_parts",
            "imports.plans.likeness.compute_share",
        ),
        build=flows_of,
        work=compared_likeness,
    ),
    "problems of a page": Case(
        covers=(
            "imports.planfile.problems.group_problems",
            "imports.planfile.problems.find_solved",
            "imports.planfile.problems.find_most_alike",
            "imports.planfile.problems.is_ambiguous",
            "imports.planfile.problems.make_decision",
            "imports.planfile.problems.solve_group",
            "imports.planfile.problems.solve_group_by_likeness",
        ),
        build=ambiguous_page,
        work=solved_problems,
    ),
    "graphs of notes over nodes": Case(
        covers=_GRAPH, build=notes_over_nodes, work=compared_graphs, size=2_000
    ),
    "graphs with one long key": Case(covers=_GRAPH, build=long_key, work=compared_graphs),
    "graphs whose nodes have one id": Case(
        covers=_GRAPH, build=same_ids, work=compared_graphs, size=2_000
    ),
}


# --- What is bounded rather than linear


def lines_of(size: int) -> tuple[str, str]:
    return (
        "\n".join(str(at % 7) for at in range(size)),
        "\n".join(str(at % 5) for at in range(size)),
    )


BOUNDED = {
    "lines that repeat": Case(
        covers=("flows.differences.matching.match",),
        build=lines_of,
        work=lambda sides: list(matching.match(*(side.split() for side in sides), Budget())),
    ),
}
"""What takes quadratic time up to its budget."""

AT_MOST = 6.0
"""Seconds of the processor, whatever the size."""

ALL_COVERS = [
    *(
        (
            name,
            covers,
            lambda work=work: work("password: 'secrets.A' c4492541-118e-4e23-9450-f2d28204ebee"),
        )
        for name, (covers, work) in TEXT_CASES.items()
    ),
    *(
        (name, case.covers, lambda case=case: case.work(case.build(4)))
        for name, case in (CASES | BOUNDED).items()
    ),
]


# --- The tests


def test_every_function_has_a_case_or_a_reason():
    covered = {name for _, covers, _ in ALL_COVERS for name in covers}
    missing = sorted(FUNCTIONS.keys() - covered - EXEMPT.keys())
    assert not missing, f"no case of growth, and no reason why not: {', '.join(missing)}"
    unknown = sorted((covered | EXEMPT.keys()) - FUNCTIONS.keys())
    assert not unknown, f"there are no such functions: {', '.join(unknown)}"
    assert not covered & EXEMPT.keys()


@pytest.mark.parametrize(
    ("covers", "work"), [pytest.param(*each[1:], id=each[0]) for each in ALL_COVERS]
)
def test_a_case_calls_what_it_is_for(covers, work):
    called = set()

    def on_event(frame, event, _argument):
        if event == "call":
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(before)
    for name in covers:
        assert inspect.unwrap(FUNCTIONS[name]).__code__ in called, name


def test_a_new_function_would_be_missed():
    def new(document: str) -> None: ...
    def counts(number: int, kind: Kind, at: datetime | None) -> None: ...

    assert takes_text(new)
    assert not takes_text(counts)
    assert len(FUNCTIONS) > 90


@pytest.mark.parametrize(
    ("name", "work"),
    [
        pytest.param(
            name,
            work,
            id=name,
        )
        for name, (_, work) in TEXT_CASES.items()
    ],
)
def test_time_is_in_proportion_to_a_text(name, work):
    ratio, told = slowest_growth(work, 2_000)
    assert ratio < PER_DOUBLING, f"{name}: {told}"


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_time_is_in_proportion_to_how_much_there_is(case):
    ratio, told = growth(case.work, case.build, case.size)
    assert ratio < PER_DOUBLING, told


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in BOUNDED.items()])
def test_time_is_bounded_where_it_is_not_in_proportion(case):
    for size in (1_000, 8_000, 32_000):
        assert seconds(case.work, case.build(size)) < AT_MOST, size


def test_a_square_would_be_seen():
    ratio, _ = growth(lambda text: [text.count("b") for _ in text], lambda size: "a" * size, 4_000)
    assert ratio > PER_DOUBLING
