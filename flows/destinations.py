"""Where connections and flows send the secrets that they use. Pure.

A connection sends a secret wherever its values say. What says so is everything in a plain object
but a few settings that are known to be harmless, and its type: two connections with the same of
these have the same destination. A value that is no plain object may compute anything, so that its
whole text is an unknown destination, for every secret. Production uses the development value where
it has none of its own. For a flow's code, which may send a secret anywhere, the flow itself is the
destination.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from flows.content import EXTRA, FIELDS, Content, Kind, Shape, Value
from flows.plain_object import PlainObject, is_number_or_constant, read_plain_object
from flows.secret_uses import EVERY, secrets_used

DEVELOPMENT = "development"
PRODUCTION = "production"
UNKNOWN = "unknown"
"""The label of a destination that is computed."""

# Numbers and constants under keys with these words change how, not where, a connection works.
_HARMLESS_WORDS = ("timeout", "interval")
_HARMLESS_STARTS = (
    *("pool", "max", "min", "retry", "retries", "keepalive", "debug"),
    *("batchsize", "pagesize"),
)
# Texts under these keys, as long as they could be no address.
_HARMLESS_TEXTS = {
    *("applicationname", "charset", "comment", "debug", "description", "encoding"),
    *("label", "locale", "loglevel", "timezone"),
}
_OF_ADDRESSES = frozenset(".:@\\$<[")
_HOST_WORDS = (
    *("host", "server", "endpoint", "address", "broker", "domain", "url", "uri", "proxy"),
    *("region", "bucket"),
)
# Markdown and descriptions may speak of a secret without using it.
_PROSE = {"info", "description"}
_NOT_SHOWN = "(not shown)"
_SHOWN_LENGTH = 80
_HOSTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a secret is sent: two with one `identity` are the same."""

    identity: str
    label: str = field(compare=False)
    """The hosts, or what else can be said; never a credential."""
    parts: frozenset[tuple[str, str]] = field(compare=False, repr=False, default=frozenset())
    """Each setting by its key and a digest, to tell which ones differ between two."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret, by its name or EVERY, that is sent to a destination."""

    secret: str
    environment: str
    """DEVELOPMENT or PRODUCTION of a connection; "" for a flow, which has both."""
    destination: Destination


NO_USES: frozenset[SecretUse] = frozenset()


def secret_uses(kind: Kind, uuid: str, content: Content) -> frozenset[SecretUse]:
    """What a live flow or connection with this content does with secrets.

    A column that `content` has not is taken as empty.
    """
    if kind is Kind.FLOW:
        return frozenset(_uses_of_flow(uuid, content))
    if kind is Kind.CONNECTION:
        return frozenset(_uses_of_connection(content))
    return NO_USES


def _uses_of_flow(uuid: str, content: Content) -> Iterator[SecretUse]:
    names: set[str] = set()
    for spec in FIELDS[Kind.FLOW]:
        text = content.get(spec.column)
        is_code = spec.shape not in (Shape.NAME, Shape.CHOICE) and spec.key not in _PROSE
        if is_code and isinstance(text, str):
            names |= secrets_used(text, json=spec.shape.is_document)
    names |= secrets_used(str(content.get(EXTRA) or ""), json=True)
    if names:
        code = Destination(f"flow {uuid}", "its code")
        yield from (SecretUse(name, "", code) for name in names)


def _uses_of_connection(content: Content) -> Iterator[SecretUse]:
    development, production = (str(content.get(name) or "") for name in ("dev_value", "prod_value"))
    texts = {DEVELOPMENT: development, PRODUCTION: production or development}
    for environment, text in texts.items():
        if not text.strip():
            continue
        settings = read_plain_object(text)
        names = {EVERY} if settings is None else secrets_used(text)
        if names:
            destination = _destination(content.get("type"), text, settings)
            yield from (SecretUse(name, environment, destination) for name in names)


def _destination(type_: Value, text: str, settings: PlainObject | None) -> Destination:
    if settings is None:
        return Destination(_digest([type_ or "", text]), UNKNOWN)
    parts = frozenset((key, _digest(value)) for key, value in _leaves(settings))
    identity = _digest([type_ or "", _without_harmless(settings)])
    return Destination(identity, _label(type_, settings), parts | {("type", _digest(type_))})


def _without_harmless(settings: PlainObject) -> list[object]:
    return [
        [key, _without_harmless(value) if isinstance(value, Mapping) else value]
        for key, value in sorted(settings.items())
        if isinstance(value, Mapping) or not _is_harmless(key, value)
    ]


def _is_harmless(key: str, literal: str) -> bool:
    word = _word(key)
    if is_number_or_constant(literal):
        return word.startswith(_HARMLESS_STARTS) or any(part in word for part in _HARMLESS_WORDS)
    return word in _HARMLESS_TEXTS and _OF_ADDRESSES.isdisjoint(literal)


def _word(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _leaves(settings: PlainObject) -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield key[:_SHOWN_LENGTH], "{"
            yield from _leaves(value)
        elif not _is_harmless(key, value):
            yield key[:_SHOWN_LENGTH], value


def _digest(value: object) -> str:
    return blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()


def _label(type_: Value, settings: PlainObject) -> str:
    hosts = sorted(set(_hosts(settings)))
    if not hosts:
        return printable_label(str(type_ or "")) or UNKNOWN
    more = len(hosts) - _HOSTS_SHOWN
    return ", ".join(hosts[:_HOSTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _hosts(settings: PlainObject) -> Iterator[str]:
    port = settings.get("port")
    behind = f":{printable_label(port)}" if isinstance(port, str) else ""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _hosts(value)
        elif "://" in value:
            yield _host_of_url(value)
        elif value and any(part in _word(key) for part in _HOST_WORDS):
            yield _NOT_SHOWN if "@" in value else f"{printable_label(value)}{behind}"


def _host_of_url(url: str) -> str:
    """The scheme, host and port of a URL: a path or a query may be a credential."""
    scheme, _, rest = url.partition("://")
    host = rest[: next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))]
    if "@" in host:  # before it there may be a password
        host = _NOT_SHOWN
    return printable_label(f"{scheme.strip('`')[-20:]}://{host}")


def printable_label(text: str) -> str:
    """The text, short, on one line, without characters that cannot be seen."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: _SHOWN_LENGTH + 1])
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}..."
