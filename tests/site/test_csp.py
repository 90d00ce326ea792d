"""The headers that keep a page from doing what its text says, on every answer."""

import re
from html.parser import HTMLParser

import pytest
import reversion
from django.test import Client
from django.urls import reverse
from reversion.models import Version

from tests.support.factories import FACTORIES

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
}

pytestmark = pytest.mark.django_db


def policy_of(response):
    directives = response.headers["Content-Security-Policy"].split(";")
    return dict(each.strip().split(" ", 1) for each in directives)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 302),
        ("/admin/", 302),
        ("/admin/login/", 200),
        ("/nothing", 404),
        ("/api/health", 200),
        ("/api/nothing", 404),
        ("/api/flow", 401),
    ],
)
def test_every_answer_has_the_policy_and_its_neighbours(path, status, client):
    response = client.get(path)
    assert response.status_code == status
    assert policy_of(response) == POLICY
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


def test_an_answer_to_an_unforeseen_error_has_it_too(monkeypatch):
    monkeypatch.setattr("django.contrib.auth.views.LoginView.get_form_class", None)
    response = Client(raise_request_exception=False).get("/admin/login/")
    assert response.status_code == 500
    assert policy_of(response) == POLICY


def test_the_description_of_the_api_may_show_the_icons_of_its_style_sheet_and_no_more(client):
    assert policy_of(client.get("/api/docs")) == POLICY | {"img-src": "'self' data:"}


def test_a_page_of_the_admin_is_kept_nowhere(admin_client):
    for path in ("/admin/", "/admin/flows/secret/", "/admin/accounts/apitoken/add/"):
        assert "no-store" in admin_client.get(path).headers["Cache-Control"]


# --- What a page's own text may not hold, since the policy would block it


class _Inline(HTMLParser):
    """Finds the scripts and styles that stand in the text of a page."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._is_script = False

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self._is_script = tag == "script" and names.get("type") != "application/json"
        if tag == "style":
            self.found.append("<style>")
        for name, value in attrs:
            if name == "style" or name.startswith("on") or "javascript:" in (value or "").lower():
                self.found.append(f"<{tag} {name}>")

    def handle_data(self, data):
        if self._is_script and data.strip():
            self.found.append("<script> with a text")
        self._is_script = False


def inline_parts(response):
    parser = _Inline()
    parser.feed(response.content.decode())
    return parser.found


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<script src="/a.js"></script><script type="application/json">[]</script>', []),
        ("<script>alert(1)</script>", ["<script> with a text"]),
        ("<style>p {}</style>", ["<style>"]),
        ('<p style="color: red" onclick="go()">', ["<p style>", "<p onclick>"]),
        ('<a href="JavaScript:go()">', ["<a href>"]),
    ],
)
def test_what_stands_in_the_text_of_a_page_is_found(page, found):
    parser = _Inline()
    parser.feed(page)
    assert parser.found == found


@pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
def test_no_page_of_a_kind_has_a_script_or_a_style_in_its_text(kind, admin_client):
    with reversion.create_revision():
        item = FACTORIES[kind]()
    version = Version.objects.get_for_object(item).get()
    pages = [
        reverse(f"admin:flows_{kind}_{name}", args=args)
        for name, args in [
            ("changelist", []),
            ("add", []),
            ("change", [item.pk]),
            ("history", [item.pk]),
            ("delete", [item.pk]),
            ("revision", [item.pk, version.pk]),
            ("recoverlist", []),
        ]
    ]
    found = {page: inline_parts(admin_client.get(page)) for page in pages}
    assert found == {page: [] for page in pages}


@pytest.mark.parametrize("path", ["/admin/login/", "/nothing", "/api/docs"])
def test_nor_has_a_page_for_strangers(path, client):
    assert inline_parts(client.get(path)) == []


@pytest.mark.parametrize("debug", [True, False])
def test_nor_has_the_page_that_refuses_a_forged_form(debug, settings):
    settings.DEBUG = debug
    response = Client(enforce_csrf_checks=True).post("/admin/login/", {})
    assert response.status_code == 403
    assert inline_parts(response) == []
    assert re.search("<h1>\\s*This form could not be taken", response.content.decode())
    assert policy_of(response) == POLICY
