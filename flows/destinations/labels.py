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

_IS_TIME = re.compile(r"(?:timeout|interval)(?:ms|millis|milliseconds|s|secs?|seconds)?\Z")
_NO_HOSTS = frozenset({"true", "false", "null", "undefined"})
_SHOWN_LENGTH = 80
_HOSTS_SHOWN = 5
_LONGEST_READ = 500
_CREDENTIAL_KEY = re.compile(CREDENTIAL, re.IGNORECASE)
_HOST = r"(?:[^\s:,;=@/?#&'\"`]+|\[?[0-9a-fA-F:.]+\]?)(?::[0-9]{1,5})?"
_HOSTS = re.compile(rf"(?:tcp:)?{_HOST}(?:,(?:[0-9]{{1,5}}|{_HOST}))*")
_BEHIND_HOST = re.compile(r"[\s/?#;&]")
# A backslash is a slash to some readers of URLs, and an escape to JavaScript.
_ONE_HOST = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+:-]*://|tcp:)?(?:[^@/?#;&\s\\]*@)?(?P<host>[^@/?#;&\s\\$]+)"
    r"(?P<rest>[/?#;&\s][^\\]*)?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}\Z")
# A port behind the name, and what stands in front of it.
_AROUND_HOST = re.compile(r"\A(?:[a-z][a-z0-9+.-]*)?:?//|\Atcp:|[:,][0-9]{1,5}\Z")
_PORT = re.compile(r"[0-9]{1,5}|secrets\.\w{1,60}")


def make_hosts_label(settings: PlainObject) -> str:
    """Return the hosts in the settings; empty where there are none."""
    found = ((host, behind) for host, behind, *_ in _find_hosts(settings))
    hosts = sorted(
        {
            host if host == NOT_SHOWN else make_printable_label(host) + behind
            for host, behind in found
        }
    )
    more = len(hosts) - _HOSTS_SHOWN
    return ", ".join(hosts[:_HOSTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def find_hosts(settings: PlainObject) -> frozenset[str]:
    """Return the hosts in the settings, in small letters and without schemes and ports.

    None are returned where one cannot be read, where more of its text may name another one, and
    where different objects have them: then which secret goes to which host is not known from them.
    """
    found = [*_find_hosts(settings)]
    if not all(_has_one_host(text) for *_, text, _ in found):
        return frozenset()
    hosts = {host for host, *_ in found}
    if NOT_SHOWN in hosts or len({holder for *_, holder in found}) > 1:
        return frozenset()
    return frozenset(_AROUND_HOST.sub("", host.lower()) for host in hosts)


def _has_one_host(text: str) -> bool:
    """Return whether nothing but the host itself in the text decides where it leads."""
    found = _ONE_HOST.fullmatch(text)
    if found is None or "secrets." in found["host"]:
        return False
    rest = normalize_key(found["rest"] or "")
    return "@" not in rest and not any(word in rest for word in HOST_WORDS)


def make_printable_label(text: str) -> str:
    """Return the text, short, on one line, without invisible characters."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: _SHOWN_LENGTH + 1])
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}..."


def normalize_key(key: str) -> str:
    """Return the key in small letters, without the characters between its words."""
    return key.lower().replace("_", "").replace("-", "")


def _find_hosts(settings: PlainObject) -> Iterator[tuple[str, str, str, int]]:
    """Yield a host, its port from another setting, its whole text, and which object has it."""
    port = settings.get("port")
    is_port = isinstance(port, str) and _PORT.fullmatch(strip_quotes(port))
    behind = f":{strip_quotes(port)}" if is_port and isinstance(port, str) else ""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _find_hosts(value)
            continue
        word = normalize_key(key)
        is_host = any(part in word for part in HOST_WORDS) and not _IS_TIME.search(word)
        for literal in (value,) if isinstance(value, str) else value:
            text = strip_quotes(literal)
            if len(text) > _LONGEST_READ and (is_host or "://" in text):
                yield NOT_SHOWN, "", "", id(settings)
            elif "://" in text:
                yield _get_host_of_url(text), "", text, id(settings)
            elif is_host and text and literal not in _NO_HOSTS:
                # A `serverKey` is no server.
                is_credential = _CREDENTIAL_KEY.search(key[:_LONGEST_READ])
                host = NOT_SHOWN if is_credential else _get_host(text)
                yield host, behind, text, id(settings)


def _get_host_of_url(url: str) -> str:
    """Return the scheme, host and port of a URL: a path or a query may be a credential."""
    before, _, rest = url.partition("://")
    scheme = _SCHEME.search(before[-20:])
    end = _BEHIND_HOST.search(rest)
    authority, later = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    host = _get_host(authority.rpartition("@")[2])
    # A password before the @ may have any characters.
    if host == NOT_SHOWN or ("@" in later and ":" in authority):
        return NOT_SHOWN
    return f"{scheme[0] if scheme else ''}://{host}"


def _get_host(text: str) -> str:
    """Return the text up to the end of its hosts and ports; NOT_SHOWN for any other text."""
    end = _BEHIND_HOST.search(text)
    host = text[: end.start()] if end else text
    return host if _HOSTS.fullmatch(host) else NOT_SHOWN
