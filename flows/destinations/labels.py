"""Labels of a connection's destination: its hosts, and never a credential. Pure."""

import re
from collections.abc import Iterator, Mapping

from flows.content.plain_object import PlainObject, strip_quotes
from flows.differences.credential_words import CREDENTIAL

NOT_SHOWN = "(not shown)"
HOST_WORDS = (
    *("host", "server", "endpoint", "address", "broker", "domain", "url", "uri", "proxy"),
    *("region", "bucket"),
)
"""Parts of the keys of settings that decide where a connection connects to, in small letters."""

_SHOWN_LENGTH = 80
_HOSTS_SHOWN = 5
_LONGEST_READ = 500
_CREDENTIAL_KEY = re.compile(CREDENTIAL, re.IGNORECASE)
_HOST = r"(?:[^\s:,;=@/?#&'\"`]+|\[?[0-9a-fA-F:.]+\]?)(?::[0-9]{1,5})?"
_HOSTS = re.compile(rf"(?:tcp:)?{_HOST}(?:,(?:[0-9]{{1,5}}|{_HOST}))*")
_BEHIND_HOST = re.compile(r"[\s/?#;&]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}\Z")
_PORT = re.compile(r"[0-9]{1,5}|secrets\.\w{1,60}")


def make_hosts_label(settings: PlainObject) -> str:
    """Return the hosts in the settings; empty where there are none."""
    hosts = sorted(set(_find_hosts(settings)))
    more = len(hosts) - _HOSTS_SHOWN
    return ", ".join(hosts[:_HOSTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def make_printable_label(text: str) -> str:
    """Return the text, short, on one line, without invisible characters."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: _SHOWN_LENGTH + 1])
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}..."


def normalize_key(key: str) -> str:
    """Return the key in small letters, without the characters between its words."""
    return key.lower().replace("_", "").replace("-", "")


def _find_hosts(settings: PlainObject) -> Iterator[str]:
    port = settings.get("port")
    is_port = isinstance(port, str) and _PORT.fullmatch(strip_quotes(port))
    behind = f":{strip_quotes(port)}" if is_port and isinstance(port, str) else ""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _find_hosts(value)
            continue
        is_host = any(part in normalize_key(key) for part in HOST_WORDS)
        for literal in (value,) if isinstance(value, str) else value:
            text = strip_quotes(literal)[:_LONGEST_READ]
            if "://" in text:
                yield _get_host_of_url(text)
            elif is_host and text:
                # A `serverKey` is no server.
                host = NOT_SHOWN if _CREDENTIAL_KEY.search(key[:_LONGEST_READ]) else _get_host(text)
                yield host if host == NOT_SHOWN else f"{make_printable_label(host)}{behind}"


def _get_host_of_url(url: str) -> str:
    """Return the scheme, host and port of a URL: a path or a query may be a credential."""
    before, _, rest = url.partition("://")
    scheme = _SCHEME.search(before[-20:])
    host = _get_host(rest)
    if "@" in rest and ":" in host:  # before the @ there may be a password, with any characters
        host = NOT_SHOWN
    return make_printable_label(f"{scheme[0] if scheme else ''}://{host}")


def _get_host(text: str) -> str:
    """Return the text up to the end of its hosts and ports; NOT_SHOWN for any other text."""
    end = _BEHIND_HOST.search(text)
    host = text[: end.start()] if end else text
    return host if _HOSTS.fullmatch(host) else NOT_SHOWN
