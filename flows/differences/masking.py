"""Hide probable credentials in a connection's text before it is shown. Pure.

A connection's values are a JavaScript-like object, JSON, or any text, which may contain a
credential instead of a reference such as `secrets.NAME`. Several independent rules search for one,
and what any of them finds is hidden: rather too much than too little.
"""

import re
from collections.abc import Iterable, Iterator

from flows.content.code_tokens import UnreadableError, read_tokens
from flows.differences.credential_words import CREDENTIAL, find_credential_literals

Span = tuple[int, int]

_QUOTES = "\"'`"
_REFERENCE = re.compile(r"(?<![\w$.-])secrets\.[A-Za-z_$][\w$]*(?![\w$-])")
_HARMLESS = re.compile(r"|true|false|null|undefined")
_SCHEMES = "bearer|basic|digest|negotiate|token|api-?key|oauth|ssws"
_BETWEEN_REFERENCES = re.compile(rf"(?:[\s\"'`${{}}()+,;]|{_SCHEMES})*", re.IGNORECASE)
# A key with a word for a credential, and the characters between it and its value.
_KEYED = re.compile(
    rf"(?:{CREDENTIAL})[\w$.-]{{0,64}}\\*+[\"'`]?\s{{0,20}}\]?\s{{0,20}}"
    r"(?:=>|:=|[:=>]|\bis\b|\s(?=[\"'`]))\s{0,200}",
    re.IGNORECASE,
)
_OPTION = re.compile(
    rf"(?<![\w-])--?[\w-]{{0,64}}(?:{CREDENTIAL})[\w-]{{0,64}}[ \t]++(\S+)", re.IGNORECASE
)
# The end of an unquoted value in an object: before the next key, or before closing brackets.
_BARE_END = re.compile(r"\s*+(?:,\s*+(?:$|[\"']?[\w$-]{1,64}+[\"']?\s*+:)|[\]})]++\s*+[,;]?\s*+$)")
# Not inside of several closing brackets: what follows them is the same for each.
_MAY_END = re.compile(r"(?<![\s\]})])(?=\s*+[,\]})])|(?<=[\]})])(?=\s*+,|\s++[\]})])")
_BLOCK = re.compile(r"[|>][-+\d]{0,3}[ \t]*\n((?:[ \t]+[^\n]*\n?|\n)*)")
_SCHEME = re.compile(
    rf"\b(?:{_SCHEMES})(?:\s+|\s*[\"'`]\s*\+\s*[\"'`])(?![=:>])([^\s\"'`,;]+)",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN.*?(?:-----END[^\n-]*-----|\Z)", re.DOTALL)
_ADDRESS = re.compile(r"://(?P<user>[^\s/?#\"'`@:]*)(?P<mark>[@:])")
_PORT = re.compile(r"\d{1,5}(?=[^\w@%-]|$)|\$\{(?!secrets)[^}@]{0,200}+\}(?=[^\w@%-]|$)")
_REST_OF_WORD = re.compile(r"[^\s\"'`]*+")
_PASSWORD_AT_HOST = re.compile(r"(?<=[\w.+-]):([^\s\"'`@/]{1,200})@(?=[\w(\[$])")
_KNOWN_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:[spr]k[-_][\w-]{8,}|gh[pousr]_\w{8,}|github_pat_\w+|glpat-[\w-]+|"
    r"xox[a-z]-[\w-]+|A[KS]IA[A-Z0-9]{8,}|AIza[\w-]{10,}|SG\.[\w.-]{8,}|ya29\.[\w.-]+|"
    r"hooks\.slack\.com/services/[\w/]+|eyJ[\w.-]{8,}|npm_\w{8,}|whsec_\w+|shp[a-z]{2}_\w+|hf_\w{8,}|dop_v1_\w+)"
)
_LONG_WORDS = (re.compile(r"[A-Za-z0-9_+=~-]{16,}"), re.compile(r"[A-Za-z0-9+/]{36,}"))
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ALIKE = 32
"""The fewest letters, or digits, in a row that no natural word, or number, has."""
_RANDOM_TURNS = (0.45, 0.45, 0.35, 0.2)
"""How often the kinds of characters change in a random word, by the number of its digits."""
_LONG_RANDOM_TURNS = 0.2
_LONGEST_LINE = 2_000


class Masks:
    """Hides literals behind numbers: the same literal has the same number in every text.

    A change from one hidden literal to another is shown as a change of the number.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mask_credentials(self, text: str) -> str:
        """Return the text with all probable credentials hidden."""
        pieces: list[str] = []
        done = 0
        for start, end in _merge_spans(_find_spans(text)):
            pieces += [text[done:start], self._hide(text[start:end])]
            done = end
        return "".join([*pieces, text[done:]])

    def _hide(self, text: str) -> str:
        """Return a mask for the text, or for the parts of it around references to secrets."""
        references = list(_REFERENCE.finditer(text))
        shown = _BETWEEN_REFERENCES if references else _HARMLESS
        pieces: list[str] = []
        done = 0
        for reference in references:
            pieces += [self._mask_part(text[done : reference.start()], shown), reference[0]]
            done = reference.end()
        return "".join([*pieces, self._mask_part(text[done:], shown)])

    def _mask_part(self, text: str, shown: re.Pattern[str]) -> str:
        literal = text.strip()
        if shown.fullmatch(literal):
            return text
        number = self._numbers.setdefault(literal, len(self._numbers) + 1)
        return text.replace(literal, f"[hidden {number}]", 1)


def _find_spans(text: str) -> Iterator[Span]:
    """Yield where a credential may be, by every rule; the spans may overlap."""
    try:
        tokens = read_tokens(text)
    except UnreadableError:
        yield from _find_from_first_quote(text)
        tokens = []
    literals = [(token.start, token.end) for token in tokens if token.is_text]
    yield from find_credential_literals(tokens)
    yield from _find_beside_keys(text, literals)
    for rule in (_OPTION, _SCHEME, _PASSWORD_AT_HOST):
        yield from (found.span(1) for found in rule.finditer(text))
    yield from _find_in_addresses(text)
    for rule in (_PEM, _UUID, _KNOWN_TOKEN):
        yield from (found.span() for found in rule.finditer(text))
    for rule in _LONG_WORDS:
        for word in rule.finditer(text):
            if _looks_random(word[0]) and not text.endswith("secrets.", 0, word.start()):
                yield word.span()


def _find_from_first_quote(text: str) -> Iterator[Span]:
    """Yield every line from the first quote on, for a text whose quotes do not match."""
    first = min((at for at in map(text.find, _QUOTES) if at >= 0), default=len(text))
    for line in re.compile(r"[^\n]+").finditer(text, first):
        yield line.span()


def _find_beside_keys(text: str, literals: list[Span]) -> Iterator[Span]:
    is_object = text.lstrip()[:1] in ("{", "[", "(")
    around = iter([*literals, (len(text), len(text))])
    literal = next(around)
    line_end = block_end = bare_end = -1
    for key in _KEYED.finditer(text):
        start = key.end()
        if start < block_end:  # hidden already
            continue
        while literal[1] <= start < len(text):
            literal = next(around)
        block = _BLOCK.match(text, start)
        if block:
            block_end = block.end()
            yield block.span(1)
        elif text.startswith((*_QUOTES,), start):
            yield start + 1, _find_end_of_literal(text, start)
        elif not (is_object and literals and text.startswith(("{", "[", "("), start)):
            if line_end < start:
                line_end = _find_end_of_line(text, start)
            if literal[0] < start:  # inside of a literal, such as an address with parameters
                yield start, min(line_end, literal[1] - 1)
            elif start >= bare_end:
                bare_end = _find_end_of_bare(text, start, line_end) if is_object else line_end
                yield start, bare_end


def _find_end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _find_end_of_literal(text: str, start: int) -> int:
    """Return the end of the literal whose quote is at start; the text's end if it has none.

    A doubled quote is part of the literal, as in SQL.
    """
    quote, at = text[start], start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == quote:
            if text[at + 1 : at + 2] != quote:
                return at
            at += 1
        at += 1
    return len(text)


def _find_end_of_bare(text: str, start: int, line_end: int) -> int:
    line = text[start:line_end]
    if len(line) > _LONGEST_LINE:
        return line_end
    for mark in _MAY_END.finditer(line):
        if _BARE_END.match(line, mark.start()):
            return start + mark.start()
    return line_end


def _find_in_addresses(text: str) -> Iterator[Span]:
    """Yield the password of `scheme://user:password@host`, whatever characters it has.

    The end of a word or line of many addresses, and its last `@`, is searched for only once.
    """
    word_end = word_at = line_end = line_at = -1
    for address in _ADDRESS.finditer(text):
        start = address.end()
        if address["mark"] == "@":
            yield address.span("user")
            continue
        if word_end <= start:
            word = _REST_OF_WORD.match(text, start)
            word_end = word.end() if word else start
            word_at = text.rfind("@", start, word_end)
        if word_at >= start:
            yield start, word_at
        elif not _PORT.match(text, start):
            if line_end <= start:
                line_end = _find_end_of_line(text, start)
                line_at = text.rfind("@", start, line_end)
            yield start, max(word_end, line_at)


def _looks_random(word: str) -> bool:
    """Return whether a word is probably generated, such as a key.

    In a random word, small letters, capitals and digits change often.
    """
    runs = re.findall(r"[a-z]+|[A-Z]+|[0-9]+", word)
    if any(len(run) >= _ALIKE for run in runs):
        return True
    characters = sum(map(len, runs))
    digits = sum(len(run) for run in runs if run.isdigit())
    turns = (len(runs) - len(re.findall(r"[A-Za-z0-9]+", word))) / max(1, characters)
    return turns > (_LONG_RANDOM_TURNS if characters >= _ALIKE else _RANDOM_TURNS[min(digits, 3)])


def _merge_spans(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the spans in order, overlapping ones merged."""
    last_start = last_end = 0
    for start, end in sorted(spans):
        if start >= end:
            continue
        if start < last_end:
            last_end = max(last_end, end)
            continue
        if last_end:
            yield last_start, last_end
        last_start, last_end = start, end
    if last_end:
        yield last_start, last_end
