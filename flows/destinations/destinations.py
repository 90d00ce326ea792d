"""Find where connections and flows send the secrets that they use. Pure.

A connection's values decide where it sends a secret: the hosts of a plain object; where none can
be read, its type and every entry but prose, constants and small numbers.
Two connections that are equal in these have the same destination. A value that is no plain object,
and names a secret or may compute a name, is an unknown destination with its whole text, for every
secret. Production uses the development value where it has none of its own. A flow's code may send a
secret anywhere, so the flow itself is the destination.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from flows.content.fields import (
    EXTRA,
    FIELDS,
    PROSE_KEYS,
    Content,
    Kind,
    Shape,
    Value,
)
from flows.content.plain_object import (
    PlainObject,
    read_plain_object,
)
from flows.destinations.labels import (
    find_hosts,
    make_hosts_label,
    make_printable_label,
    normalize_key,
)
from flows.destinations.uses import EVERY, find_secrets_used, find_secrets_used_by, may_compute

DEVELOPMENT = "development"
PRODUCTION = "production"
UNKNOWN = "unknown"
"""The label of a computed destination."""

# What says how, and not where, a connection works. A larger number may be the address of a host.
_NO_PLACE = re.compile(r"-?[0-9]{1,5}|true|false|null|undefined")
_PROSE_KEYS = {"comment", "description", "label"}
_MAY_BE_ADDRESS = re.compile(r"[.:@\\$<\[]")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a secret is sent: two with one `identity` are the same."""

    identity: str
    label: str = field(compare=False)
    """The hosts, or another description; never a credential."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret, by its name or EVERY, that is sent to a destination."""

    secret: str
    environment: str
    """DEVELOPMENT or PRODUCTION of a connection; "" for a flow, which has both."""
    destination: Destination


NO_USES: frozenset[SecretUse] = frozenset()


def find_secret_uses(kind: Kind, uuid: str, content: Content) -> frozenset[SecretUse]:
    """Return the secret uses of a live flow or connection with this content.

    A column that `content` does not have is taken as empty.
    """
    if kind is Kind.FLOW:
        return frozenset(_find_uses_of_flow(uuid, content))
    if kind is Kind.CONNECTION:
        return frozenset(_find_uses_of_connection(content))
    return NO_USES


def find_used_names(kind: Kind, content: Content) -> frozenset[str]:
    """Return the names in `find_secret_uses`, without making a destination: a part of its time."""
    if kind is Kind.FLOW:
        return frozenset(_find_names_in_flow(content))
    if kind is Kind.CONNECTION:
        return frozenset(_find_names_in_connection(content))
    return frozenset()


def _find_uses_of_flow(uuid: str, content: Content) -> Iterator[SecretUse]:
    if names := _find_names_in_flow(content):
        code = Destination(f"flow {uuid}", "its code")
        yield from (SecretUse(name, "", code) for name in names)


def _find_names_in_flow(content: Content) -> set[str]:
    names: set[str] = set()
    for column in _FLOW_DOCUMENTS:
        names |= find_secrets_used_by(content.get(column))
    for column in _FLOW_CODE:
        names |= find_secrets_used(str(content.get(column) or ""))
    return names | find_secrets_used(str(content.get(EXTRA) or ""), json=True)


_FLOW_DOCUMENTS = [spec.column for spec in FIELDS[Kind.FLOW] if spec.shape.is_document]
_FLOW_CODE = [
    spec.column
    for spec in FIELDS[Kind.FLOW]
    if spec.shape is Shape.TEXT and spec.key not in PROSE_KEYS
]


def _find_names_in_connection(content: Content) -> set[str]:
    names = set(find_secrets_used(str(content.get(EXTRA) or ""), json=True))
    for text in set(_get_texts(content).values()):
        names |= _find_names_in_value(text, read_plain_object(text))
    return names


def _find_names_in_value(text: str, settings: PlainObject | None) -> frozenset[str]:
    names = find_secrets_used(text)
    return frozenset({EVERY}) if settings is None and (names or may_compute(text)) else names


def _get_texts(content: Content) -> dict[str, str]:
    """Return the value of each environment."""
    development, production = (str(content.get(name) or "") for name in ("dev_value", "prod_value"))
    return {
        DEVELOPMENT: development,
        PRODUCTION: production if production.strip() else development,
    }


def _find_uses_of_connection(content: Content) -> Iterator[SecretUse]:
    texts = _get_texts(content)
    yield from _find_uses_of_unknown_keys(content, texts)
    for environment, text in texts.items():
        settings = read_plain_object(text)
        if names := _find_names_in_value(text, settings):
            destination = _make_destination(content.get("type"), text, settings)
            yield from (SecretUse(name, environment, destination) for name in names)


def _find_uses_of_unknown_keys(content: Content, texts: Mapping[str, str]) -> Iterator[SecretUse]:
    extra = str(content.get(EXTRA) or "")
    for name in find_secrets_used(extra, json=True):
        for environment, text in texts.items():
            identity = _compute_digest([content.get("type") or "", text, extra])
            yield SecretUse(name, environment, Destination(identity, UNKNOWN))


def _make_destination(type_: Value, text: str, settings: PlainObject | None) -> Destination:
    if settings is None:
        return Destination(_compute_digest([type_ or "", text]), UNKNOWN)
    # The same host is the same destination, whatever else there is.
    deciding: list[object] = [*sorted(find_hosts(settings))] or [
        type_ or "",
        _list_deciding(settings),
    ]
    label = make_hosts_label(settings) or make_printable_label(str(type_ or "")) or UNKNOWN
    return Destination(_compute_digest(deciding), label)


def _list_deciding(settings: PlainObject) -> list[object]:
    return [
        [key, {"": _list_deciding(value)} if isinstance(value, Mapping) else value]
        for key, value in sorted(settings.items())
        if not isinstance(value, str) or not _is_no_place(key, value)
    ]


def _is_no_place(key: str, literal: str) -> bool:
    if normalize_key(key) in _PROSE_KEYS:
        return _MAY_BE_ADDRESS.search(literal) is None
    return _NO_PLACE.fullmatch(literal) is not None


def _compute_digest(value: object) -> str:
    return blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()
