"""The form of a plan to keep: that of an import, with what the plan is for.

What it is for is shown to people: a link leads to a page of the web, and nothing else.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from imports.api.form import (
    ACCEPT,
    DECISIONS,
    FILE,
    MODE,
    ONLY,
    OVERRIDE_LOCKS,
    PRUNE,
    Form,
    Upload,
    read_form,
)
from imports.errors import Issue
from imports.uploads.keeping import PlanDetails

KEY = "key"
LINK = "link"
TITLE = "title"
COMMIT = "commit"
LONGEST = {KEY: 255, LINK: 2000, TITLE: 500, COMMIT: 255}
"""The most characters of each text."""

PARTS = (FILE, MODE, OVERRIDE_LOCKS, PRUNE, DECISIONS, ONLY, ACCEPT, *LONGEST)
_FILES = (FILE, DECISIONS)
_SCHEMES = ("http", "https")


def read_plan_form(form: Form) -> tuple[Upload, PlanDetails]:
    """Return the content of the form, and remove the files from it.

    Raises what `read_form` raises, with the problems of these texts as well.
    """
    issues: list[Issue] = []
    texts = {part: _read_text(form, part, issues) for part in LONGEST}
    issues += _find_wrong_link(texts[LINK])
    upload = read_form(form, parts=PARTS, files=_FILES, found=issues)
    return upload, PlanDetails(
        key=texts[KEY], link=texts[LINK], title=texts[TITLE], commit=texts[COMMIT]
    )


def _read_text(form: Form, part: str, issues: list[Issue]) -> str:
    words = form.words.get(part, [""])
    text = words[0].strip()
    if len(words) > 1:
        issues.append(Issue(code="invalid-choice", path=part, message="Send one of these."))
    elif len(text) > LONGEST[part]:
        message = f"This has {len(text):,} characters, and may have {LONGEST[part]:,}."
        issues.append(Issue(code="too-long", path=part, message=message))
    elif not text.isprintable():
        message = "This has characters that are not seen, such as a line break. Leave them out."
        issues.append(Issue(code="invalid-text", path=part, message=message))
    return text


def _find_wrong_link(link: str) -> Iterator[Issue]:
    if link and not _is_web_address(link):
        yield Issue(
            code="invalid-link",
            path=LINK,
            message="This must be an address that begins with https:// or http://, with a host, "
            "and without a user's name, spaces and backslashes.",
        )


def _is_web_address(link: str) -> bool:
    if any(character.isspace() or character in '\\"<>`' for character in link):
        return False
    try:
        parts = urlsplit(link)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return False
    has_user = "@" in parts.netloc
    return parts.scheme in _SCHEMES and bool(parts.hostname) and not has_user
