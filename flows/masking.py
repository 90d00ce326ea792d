"""What seems to be a credential in a connection's text is hidden before people see it. Pure."""

import re

_QUOTED = re.compile(r"""(["'`])((?:\\.|(?!\1).)*)(?:\1|$)""", re.DOTALL)


class Masks:
    """Hides literals behind numbers: the same literal has the same number in every text."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def masked(self, text: str) -> str:
        """The text with everything hidden that seems to be a credential."""
        return _QUOTED.sub(lambda found: f"{found[1]}{self._mask(found[2])}{found[1]}", text)

    def _mask(self, literal: str) -> str:
        number = self._numbers.setdefault(literal, len(self._numbers) + 1)
        return f"[hidden {number}]"
