"""Read which secrets the live connections and flows use, without finding where they are sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from operator import or_

import msgspec
from django.db.models import Q

from flows.content.fields import EXTRA, FIELDS, STORED_ONCE, Content, Kind, Shape, get_columns
from flows.destinations.destinations import find_used_names
from flows.destinations.uses import EVERY
from flows.documents.mentions import uses_secrets
from flows.documents.read import group_rows
from flows.models import MODELS

# Flows of 20 kB each: a chunk is a few megabytes.
_CHUNK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedSecrets:
    """Which secrets the live connections and flows use."""

    rows: Mapping[str, frozenset[tuple[Kind, int]]]
    """By the name of a secret, or EVERY, the rows that use it, by their kinds and keys."""
    tag: str
    """A digest of what decides where the secrets that were asked for are sent."""

    def has(self, name: str) -> bool:
        """Return whether anything uses the secret of that name."""
        return name in self.rows or EVERY in self.rows

    def find_rows(self, names: Iterable[str]) -> dict[Kind, list[int]]:
        """Return the keys of the rows that use one of these secrets, by kind."""
        found = set().union(*(self.rows.get(name, ()) for name in {*names, EVERY}))
        return {kind: sorted(pk for each, pk in found if each is kind) for kind in CONDITIONS}


NO_USED_SECRETS = UsedSecrets(rows={}, tag="")


def read_used_secrets(names: Iterable[str]) -> UsedSecrets:
    """Return which secrets are used, and the tag of the users of the secrets with these names.

    Takes a part of the time of `read_destinations` where there are many names. Two equal tags are
    of the same destinations; another one may be, too.
    """
    wanted = {*names, EVERY}
    rows: dict[str, set[tuple[Kind, int]]] = {}
    states = []
    for kind, condition in CONDITIONS.items():
        for pk, uuid, content in read_contents(kind, condition()):
            found = find_used_names(kind, content)
            for name in found:
                rows.setdefault(name, set()).add((kind, pk))
            if not wanted.isdisjoint(found):
                texts = [content[column] for column in _DECIDING] if kind is Kind.CONNECTION else []
                states.append([kind, uuid, sorted(found & wanted), texts])
    return UsedSecrets(
        rows={name: frozenset(users) for name, users in rows.items()},
        tag=sha256(msgspec.json.encode([sorted(wanted), sorted(states)])).hexdigest(),
    )


# What decides where a connection sends a secret. A flow's code may send it anywhere.
_DECIDING = ("type", "dev_value", "prod_value", EXTRA)


def _may_use_secrets() -> Q:
    """Return a condition for every flow that uses a secret, and few others."""
    fields = [field for field in FIELDS[Kind.FLOW] if field.shape not in (Shape.NAME, Shape.CHOICE)]
    documents = {
        EXTRA,
        *(field.column for field in fields if field.shape.is_document),
    } - STORED_ONCE
    texts = {field.column for field in fields if field.shape is Shape.TEXT}
    return reduce(
        or_,
        [
            *(Q((f"{name}__contains", "secrets")) for name in sorted(documents | texts)),
            *(Q((f"{name}__contains", "\\\\")) for name in sorted(documents)),
            uses_secrets(Kind.FLOW),
        ],
    )


# For each kind that can use a secret, the condition for those rows that may.
CONDITIONS: Mapping[Kind, Callable[[], Q]] = {Kind.CONNECTION: Q, Kind.FLOW: _may_use_secrets}


def read_contents(kind: Kind, condition: Q) -> Iterator[tuple[int, str, Content]]:
    """Yield the key, the uuid and the content of each live row that meets the condition."""
    names = get_columns(kind)
    rows = MODELS[kind]._default_manager.filter(condition, is_deleted=False).order_by("pk")
    found = rows.values_list("pk", "uuid", *names).iterator(chunk_size=_CHUNK)
    for pk, uuid, *values in group_rows(found):
        yield pk, str(uuid), dict(zip(names, values, strict=True))
