"""A file that is refused as Markdown: what is wrong, with each place. Pure."""

import re

from imports.errors import Issue, UnableToImport
from imports.planfile.markdown.blocks import MOST_BYTES, fit_lines, measure
from imports.planfile.markdown.escaping import write_code, write_marker, write_sentence

_ROOM_OF_TITLE = 300

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII)


def format_refusal_markdown(*, server: str, source: str, refusal: UnableToImport) -> str:
    """Return the refusal as Markdown of at most MOST_BYTES, in which no text of the file acts.

    Its marker is that of the plan of the same server and source: see plan_page.
    """
    top = [
        write_marker(server=server, source=source),
        f"{write_server(server)}: {write_code(source)} cannot be imported",
    ]
    room = MOST_BYTES - sum(measure(part) + 2 for part in top) - _ROOM_OF_TITLE
    return "\n\n".join([*top, *write_refusal(refusal, room=room)]) + "\n"


def write_refusal(refusal: UnableToImport, *, room: int) -> list[str]:
    """Return the paragraphs that say why: the message where there are no single problems."""
    title = f"### Refused: {write_code(refusal.code)}"
    if not refusal.issues:
        return [title, write_sentence(refusal.message)]
    lines = [_write_issue(issue) for issue in refusal.issues]
    return [title, "\n".join(fit_lines(lines, room, "problem"))]


def write_server(name: str) -> str:
    """Return the name of a server in bold; as code too, where it is more than one word."""
    return f"**{name if _PLAIN_NAME.fullmatch(name) else write_code(name)}**"


def _write_issue(issue: Issue) -> str:
    # A path counts the items of a file, which nobody finds in a directory: the name is for people.
    places = [write_code(place) for place in (issue.path, issue.name) if place]
    return f"- {' '.join(places)}{': ' if places else ''}{write_sentence(issue.message)}"
