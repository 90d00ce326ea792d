"""Pages of the admin in tests: what a reader sees of one, and what a browser sends back."""

import re
from html import unescape
from html.parser import HTMLParser

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


def sent_form_of(response, *, field=""):
    """What a browser sends for a form of a page as it stands, read from its HTML alone.

    The last form, or the last one that has this field.
    """
    assert response.status_code == 200
    forms = _Forms()
    forms.feed(response.content.decode())
    forms.close()
    return {
        name: [re.sub("\r\n|\r|\n", "\r\n", value) for value in values]
        for name, values in [found for found in forms.found if not field or field in found][
            -1
        ].items()
    }


class _Forms(HTMLParser):
    """The named values of each form: as a browser has them before anybody types."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._by_id = {}
        self._owner = None
        self._textarea = None
        self._select = None
        self._options = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.found.append({})
            self._by_id[attrs.get("id")] = self.found[-1]
        elif tag == "input":
            self._add_input(attrs)
        elif tag == "textarea":
            self._textarea = (attrs.get("name"), "")
        elif tag == "select":
            self._select, self._options = attrs.get("name"), []
            self._owner = attrs.get("form")
        elif tag == "option" and self._select:
            self._options.append((attrs.get("value", ""), "selected" in attrs))

    def handle_endtag(self, tag):
        if tag == "textarea":
            name, text = self._textarea
            self._textarea = None
            self._add(name, text.removeprefix("\n"))
        elif tag == "select":
            chosen = [value for value, is_selected in self._options if is_selected]
            values = chosen or [value for value, _ in self._options[:1]]
            self._add(self._select, *values, owner=self._owner)
            self._select = None

    def handle_data(self, data):
        if self._textarea:
            name, text = self._textarea
            self._textarea = (name, text + data)

    def _add_input(self, attrs):
        sort, value = attrs.get("type", "text"), attrs.get("value")
        if "disabled" in attrs or sort in {"submit", "button", "reset", "image", "file"}:
            return
        if sort not in {"checkbox", "radio"}:
            self._add(attrs.get("name"), value or "", owner=attrs.get("form"))
        elif "checked" in attrs:
            value = "on" if value is None else value
            self._add(attrs.get("name"), value, owner=attrs.get("form"))

    def _add(self, name, *values, owner=None):
        """Add it to the form with the id `owner`, which may be elsewhere; else to the last one."""
        if name and self.found:
            form = self._by_id[owner] if owner else self.found[-1]
            form.setdefault(name, []).extend(values)
