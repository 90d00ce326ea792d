"""Pages of the admin in tests: what a reader sees of one, and what a browser sends back."""

import re
from html import unescape

from flows.saves.state_tags import compute_state_tag

LOGIN = "login"
"""The answer that leads to the login."""


def assert_answered(response, answer, *, done=""):
    """It has this status; or leads to the login; or, for any other word, to the address `done`."""
    if answer == LOGIN:
        assert response.url.startswith("/admin/login/")
    elif isinstance(answer, str):
        assert response.url == done
    else:
        assert response.status_code == answer


def text_of(response):
    """What a reader sees of a page's main part, on one line."""
    assert response.status_code == 200
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def as_opened(row):
    """What the page that restores a save of the row sends, if it is opened now."""
    return {"opened_on": compute_state_tag(type(row)._default_manager.get(pk=row.pk))}


def form_of(response):
    """What a browser would send back for the form of a page."""
    form = response.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {
        name: re.sub("\r?\n", "\r\n", value) if isinstance(value, str) else value
        for name, value in values.items()
        if value not in (None, False)
    }
