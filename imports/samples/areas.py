"""The areas of a sample: one process at one site, with the words that its flows have."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from imports.samples.chance import Chance
from imports.samples.processes import PROCESSES, Process

FLOWS_PER_AREA = 16

# The name of a site, and how hosts and secrets spell it.
_SITES = (
    *(("Lübeck", "luebeck"), ("Graz", "graz"), ("Leeds", "leeds"), ("Århus", "aarhus")),
    *(("Porto", "porto"), ("Kraków", "krakow"), ("Lyon", "lyon"), ("Gent", "gent")),
    *(("Turku", "turku"), ("Malmö", "malmoe"), ("Brno", "brno"), ("Cork", "cork")),
    *(("Bilbao", "bilbao"), ("Zürich", "zuerich"), ("Trieste", "trieste"), ("Tartu", "tartu")),
    *(("Utrecht", "utrecht"), ("Győr", "gyoer"), ("Sibiu", "sibiu"), ("Patras", "patras")),
    *(("Bergen", "bergen"), ("Maribor", "maribor"), ("Nantes", "nantes"), ("Dundee", "dundee")),
)
_WORD = re.compile(r"@(\w+)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One process at one site."""

    number: int
    process: Process
    site: str
    slug: str
    """In hosts and paths; no other area has it."""
    words: Mapping[str, str]
    """What stands for `@word@` in a text."""

    def fill(self, text: str) -> str:
        """Return the text with the area's words in place of `@word@`."""
        return _WORD.sub(lambda found: self.words[found[1]], text)


def make_area(seed: int, number: int) -> Area:
    """Return the area of this number; no two have the same process, site and slug."""
    turn, at = divmod(number, len(PROCESSES))
    shift = Chance(seed, "site", at).pick_number(0, len(_SITES) - 1)
    again, place = divmod(turn, len(_SITES))
    site, slug = _SITES[(place + shift) % len(_SITES)]
    if again:
        site, slug = f"{site} {again + 1}", f"{slug}{again + 1}"
    process = PROCESSES[at]
    return Area(
        number=number,
        process=process,
        site=site,
        slug=f"{_join_words(process.plural, '-')}-{slug}",
        words=_make_words(process, site, slug),
    )


def _make_words(process: Process, site: str, slug: str) -> dict[str, str]:
    noun, camel = process.noun, _make_camel(process.noun)
    fields = {f"field{at}": name for at, name in enumerate(process.fields[:3], start=1)}
    columns = {f"column{at}": _make_snake(name) for at, name in enumerate(process.fields, start=1)}
    states = {f"state{at}": name for at, name in enumerate(process.states, start=1)}
    return {
        **fields, **columns, **states,
        "aNoun": f"an {noun}" if noun[0] in "aeio" else f"a {noun}",
        "noun": noun, "Noun": noun[0].upper() + noun[1:],
        "plural": process.plural, "Plural": process.plural[0].upper() + process.plural[1:],
        "item": camel, "items": _make_camel(process.plural),
        "table": _join_words(process.plural, "_"), "path": _join_words(process.plural, "-"),
        "number": f"{camel}No", "numberColumn": f"{_join_words(noun, '_')}_no",
        "prefix": process.prefix, "amount": process.fields[3], "day": process.fields[4],
        "party": process.party, "Party": process.party[0].upper() + process.party[1:],
        "partyColumn": _join_words(process.party, "_"), "partyItem": _make_camel(process.party),
        "team": process.team, "Team": process.team[0].upper() + process.team[1:],
        "mailbox": _join_words(process.team, "."), "channel": _join_words(process.team, "-"),
        "system": process.system, "partner": process.partner,
        "systemHost": f"{process.system.lower()}.{slug}.example.org",
        "partnerHost": f"api.{process.partner.lower()}.example.com",
        "site": site, "siteSlug": slug,
    }  # fmt: skip


def _join_words(text: str, joint: str) -> str:
    return text.replace(" ", joint)


def _make_camel(text: str) -> str:
    first, *others = text.split()
    return "".join((first, *map(str.capitalize, others)))


def _make_snake(camel: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", camel)
