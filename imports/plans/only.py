"""Leave out all of a file but chosen items and what they use, through references. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flows.content.field_values import FieldProblem, read_uuid
from flows.content.fields import Kind
from flows.counting import format_others
from flows.relations.mentions import find_mentions
from flows.texts import make_json_path, quote
from imports.errors import Issue, PlanRefused
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans.decisions import Decisions, ItemAction, ItemDecision
from imports.plans.left_out import is_left_out

ONLY = "only"
"""The option's name in the path of an issue."""

_MOST_NAMED = 5

_Key = tuple[Kind, str]
_ByText = Mapping[str, Sequence[FileItem]]


def leave_out_others(
    document: ExportDocument, words: Sequence[str], decisions: Decisions
) -> Decisions:
    """Return the decisions, with all items left out but those of `words` and what they use.

    A word is the uuid or the exact name of an item, also after its kind: `flow:NAME`. What an item
    uses is what its content mentions, as in an export; an item that is decided to be left out uses
    nothing. Raises PlanRefused where a word means no item or several.
    """
    chosen = find_chosen(document, words)
    kept = _follow_mentions(document, chosen, decisions)
    left_out = {
        (item.kind, item.uuid): ItemDecision(action=ItemAction.LEAVE_OUT)
        for item in document
        if (item.kind, item.uuid) not in kept
    }
    return {**decisions, **left_out}


def find_chosen(document: ExportDocument, words: Sequence[str]) -> set[tuple[Kind, str]]:
    """Return the kind and uuid of the items that the words mean. Raise PlanRefused."""
    by_text: dict[str, list[FileItem]] = {}
    for item in document:
        for text in {item.uuid, item.name, f"{item.kind}:{item.uuid}", f"{item.kind}:{item.name}"}:
            by_text.setdefault(text, []).append(item)
    chosen: set[_Key] = set()
    issues: list[Issue] = []
    for position, word in enumerate(words):
        found = _find_meant(word, by_text)
        if len(found) == 1:
            chosen.add((found[0].kind, found[0].uuid))
        else:
            issues.append(_make_issue(position, word, found))
    if issues:
        message = f"{issues[0].path}: {issues[0].message}{format_others(issues)}"
        raise PlanRefused(issues[0].code, message, issues)
    return chosen


def _find_meant(word: str, by_text: _ByText) -> list[FileItem]:
    """Return the items that a word means: by kind and uuid only the one, else by all its senses."""
    kind, _, rest = word.partition(":")
    if kind in list(Kind) and (uuid := _read_uuid(rest)):
        found = by_text.get(f"{kind}:{uuid}", ())
        if of_uuid := [item for item in found if (item.kind, item.uuid) == (kind, uuid)]:
            return of_uuid
    texts = [text for text in dict.fromkeys((word, _read_uuid(word))) if text]
    meant = {(item.kind, item.uuid): item for text in texts for item in by_text.get(text, ())}
    return list(meant.values())


def _read_uuid(text: str) -> str:
    try:
        return read_uuid(text)
    except FieldProblem:
        return ""


def _make_issue(position: int, word: str, found: Sequence[FileItem]) -> Issue:
    path = make_json_path(ONLY, position)
    if not found:
        message = f"The file has no item with the name or uuid {quote(word)}."
        return Issue(code="unknown-item", path=path, message=message)
    keys = ", ".join(f"{item.kind}:{item.uuid}" for item in found[:_MOST_NAMED])
    more = len(found) - _MOST_NAMED
    return Issue(
        code="ambiguous-item",
        path=path,
        message=f"{len(found)} items of the file are {quote(word)}: {keys}"
        f"{f' and {more} more' if more > 0 else ''}. Say which one in this form.",
    )


def _follow_mentions(
    document: ExportDocument, chosen: Iterable[_Key], decisions: Decisions
) -> set[_Key]:
    """Return the chosen items and all that they use in the file, directly or through others."""
    items = {(item.kind, item.uuid): item for item in document}
    secrets = {item.name: item.uuid for item in document.items[Kind.SECRET]}
    kept: set[_Key] = set()
    waiting = list(chosen)
    while waiting:
        key = waiting.pop()
        if key in kept or is_left_out(items[key], decisions):
            continue
        kept.add(key)
        waiting += (used for used in _find_used(items[key], secrets) if used in items)
    return kept


def _find_used(item: FileItem, secrets: Mapping[str, str]) -> Iterator[_Key]:
    """Yield what an item mentions, whether or not the file has it."""
    uuids, names = find_mentions(item.kind, item.content)
    names |= {one.target for one in item.references if one.by_name}
    uuids |= {one.target for one in item.references if not one.by_name}
    uuids |= {secrets[name] for name in names & secrets.keys()}
    yield from ((kind, uuid) for uuid in uuids for kind in Kind)
