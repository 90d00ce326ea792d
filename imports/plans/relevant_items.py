"""The items of a file that have a say in what becomes of one of them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from flows.content.fields import Kind
from flows.content.references import find_secret_names, find_uuids
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans.decisions import Decisions, get_targets
from imports.plans.matching import Row
from imports.plans.place_warnings import DecidedItem
from imports.plans.plan import Result

_Key = tuple[Kind, str]
"""An item by its kind and its uuid."""


class RelevantItems:
    """Items of a file: one, what it mentions, what may match the rows of these, their namesakes.

    Where one of them becomes a copy, all others of its kind are in it, too: the copy gets a name
    that none of them has. Add what is known until it grows no more; then no item is missing, and
    some may be in it that have no say.
    """

    def __init__(self, outline: ExportDocument, decisions: Decisions) -> None:
        self._outline = outline
        self._keys: set[_Key] = set()
        self._size_before = (0, 0)
        self._by_uuid: dict[str, list[_Key]] = defaultdict(list)
        self._by_name: dict[tuple[Kind, str], list[_Key]] = defaultdict(list)
        self._names: dict[_Key, str] = {}
        self._secrets = {item.name: item.uuid for item in outline.items[Kind.SECRET]}
        self.whole_kinds: set[Kind] = set()
        """The kinds of which all items are relevant."""
        for kind in Kind:
            targets = get_targets(kind, decisions)
            for item in outline.items[kind]:
                self._names[kind, item.uuid] = item.name
                self._by_name[kind, item.name].append((kind, item.uuid))
                for uuid in {item.uuid, targets.get(item.uuid, item.uuid)}:
                    self._by_uuid[uuid].append((kind, item.uuid))

    def make_document(self) -> ExportDocument:
        """Return the document of the relevant items, in the file's order."""
        items = {
            kind: tuple(each for each in of_kind if (kind, each.uuid) in self._keys)
            for kind, of_kind in self._outline.items.items()
        }
        return replace(self._outline, items=items)

    def has_grown(self) -> bool:
        """Return whether an item or a whole kind was added since this was asked before."""
        before, self._size_before = self._size_before, (len(self._keys), len(self.whole_kinds))
        return self._size_before != before

    def add_namesakes(self, item: FileItem) -> None:
        """Add the item and all others of its kind and name, which may match the same row."""
        self._add((item.kind, item.uuid))

    def add_mentioned(self, texts: Iterable[str]) -> None:
        """Add the items that are mentioned in these texts, and those decided to be such a row."""
        for text in texts:
            # Whether a text is JSON or not, what it mentions is among these.
            self._add_by_uuids(find_uuids(text))
            for name in find_secret_names(text) | find_secret_names(text, json=True):
                if name in self._secrets:
                    self._add((Kind.SECRET, self._secrets[name]))

    def add_rivals(self, rows: Mapping[Kind, Sequence[Row]]) -> None:
        """Add the items that have the uuid of one of these rows, or are decided to be it.

        A row that such an item matches is not matched by name.
        """
        for of_kind in rows.values():
            self._add_by_uuids(row.uuid for row in of_kind)

    def add_copies(self, decided_items: Mapping[Kind, Sequence[DecidedItem]]) -> None:
        """Add all items of each kind of which a copy is made: the copy's name depends on theirs."""
        for kind, of_kind in decided_items.items():
            if kind not in self.whole_kinds and any(
                result is Result.DUPLICATE for _, _, result in of_kind
            ):
                self.whole_kinds.add(kind)
                self._keys.update((kind, item.uuid) for item in self._outline.items[kind])

    def _add_by_uuids(self, uuids: Iterable[str]) -> None:
        for uuid in uuids:
            for key in self._by_uuid.get(uuid, ()):
                self._add(key)

    def _add(self, key: _Key) -> None:
        """Add an item with its namesakes: whether a name is ambiguous depends on them."""
        if key not in self._keys:
            self._keys.update(self._by_name[key[0], self._names[key]])
