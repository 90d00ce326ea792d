"""Which characters of a text are not seen where they stand, and which of them make code lie. Pure.

What is shown has them written out, whatever they are there for. A plan counts those that are no
spaces and that no writing needs. Some make code read as another one than it is
(https://trojansource.codes): those that change the order of reading, and those without width inside
of a word.
"""

import re
from collections.abc import Iterator

# Letters and marks that are drawn as nothing or as a space, and count as printable in Python. The
# selectors of an emoji's style (U+FE0E, U+FE0F) are in many plain texts, and change no reading.
_BLANK = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    "\ufe00-\ufe0d\U000e0100-\U000e01ef"
)
_IS_BLANK = re.compile(rf"[{_BLANK}]")
MAY_BE_INVISIBLE = re.compile(r"[^ -~\n\t]")
"""Matches every invisible character, and others."""

# Of Unicode: what ends a line unseen (Zl, Zp), what is a control or changes the format (Cc, Cf).
# Not the signs around numbers, such as U+06DD, and U+070F: these are seen. Spaces are ordinary.
_ORDERS = "\u202a-\u202e\u2066-\u2069"
_WITHOUT_WIDTH = (
    "\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff\U000e0001"
    f"\U000e0020-\U000e007f{_BLANK}"
)
_FORMATS = (
    "\u0080-\u009f\u00ad\u2028\u2029\ufff9-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    f"\U0001d173-\U0001d17a{_ORDERS}{_WITHOUT_WIDTH}"
)
_ORDER = re.compile(rf"[{_ORDERS}]")
# Inside of an identifier or a host; and the letters that are blank are one by themselves.
_LIES = rf"[{_ORDERS}]|(?<=[\w$.-])[{_WITHOUT_WIDTH}]+(?=[\w$.-])|[\u115f\u1160\u3164\uffa0]"

# Between two letters or marks of these scripts, a joiner (U+200C, U+200D) chooses their form, as in
# Persian, Hindi and Bengali; a selector chooses the form of the Mongolian letter before it.
_JOINED = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_MONGOLIAN = "\u1820-\u18aa"
# What a joiner joins to one emoji: pictures, skin tones, signs, and the selector of a sign's style.
_EMOJI = "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff"
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Mathematical signs of which U+FE00 chooses a form.
_SIGNS = "\u2200-\u22ff\u2a00-\u2aff"
_ORDINARY = (
    rf"(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])",
    r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f",  # a region's flag
    rf"(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])",
    rf"(?<=[{_MONGOLIAN}])[\u180b-\u180f]",
    rf"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
    rf"(?<=[{_SIGNS}])\ufe00",
)
_IS_UNSEEN = re.compile(rf"[{_FORMATS}]")
_UNSEEN = re.compile(rf"{'|'.join(_ORDINARY)}|(?P<lies>{_LIES})|(?P<unseen>[{_FORMATS}])")


def is_invisible(char: str) -> bool:
    """Return whether a character is not seen where it stands, or not as what it is."""
    if char in "\n\t":
        return False
    return not char.isprintable() or _IS_BLANK.match(char) is not None


def changes_order(char: str) -> bool:
    """Return whether a character changes the order in which what follows is read."""
    return _ORDER.match(char) is not None


def has_unseen(text: str) -> bool:
    """Return whether the text has any character of which `find_unseen` may tell."""
    # Whether it is ASCII is known of a text without reading it.
    return not text.isascii() and _IS_UNSEEN.search(text) is not None


def find_unseen(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield place and character of what is not seen in the text, and not ordinary where it stands.

    The third is whether it makes the text lie, if that is code, a host or a name.
    """
    if not has_unseen(text):
        return
    for found in _UNSEEN.finditer(text):
        if found["lies"]:
            yield from ((at, text[at], True) for at in range(*found.span()))
        elif found["unseen"]:
            yield found.start(), found["unseen"], False
