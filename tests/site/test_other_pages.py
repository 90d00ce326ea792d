"""The middleware of the apps in a project: its own pages are none of their business."""

import pytest
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path

from flows.encryption import WrongKeyError
from flows.security_events import SecurityEvent, note_security_events
from flows.web.api_paths import is_of_api
from flows.web.own_pages import is_own_page
from tests.support.users import logged_in, staff_with

LOCKED = "database is locked"
MIDDLEWARE = [
    "flows.web.refusals.log_refusals",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "flows.web.statement_timeout.StatementTimeoutMiddleware",
    "flows.web.wrong_key.WrongKeyMiddleware",
    "imports.admin.busy.BusyMiddleware",
]


def shop(request):
    if request.method == "PUT":
        raise OperationalError(LOCKED)
    if request.method == "DELETE":
        raise PermissionDenied
    return HttpResponse("sold")


nested = [path("integrations/", include("imports.api.urls"))]
urlpatterns = [
    path("shop/", shop),
    path("admin/", admin.site.urls),
    path("v1/", include((nested, "v1"), namespace="v1")),
]
without_admin = [path("shop/", shop)]


@pytest.fixture(autouse=True)
def project(settings):
    settings.MIDDLEWARE = MIDDLEWARE
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def wrong_key(monkeypatch):
    def fail(_method):
        raise WrongKeyError

    monkeypatch.setattr("flows.web.wrong_key.check_keys_before_write", fail)


@pytest.mark.django_db
def test_a_wrong_key_stops_the_pages_of_the_apps_alone(wrong_key):
    client = Client()
    assert client.post("/shop/").content == b"sold"
    assert client.post("/admin/login/").status_code == 200
    assert client.post("/admin/flows/flow/add/").status_code == 503


def test_a_project_without_an_admin_has_its_pages(wrong_key, settings):
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": without_admin})
    assert Client().post("/shop/").content == b"sold"


def test_the_error_of_a_page_of_the_project_is_the_project_s():
    with pytest.raises(OperationalError, match=LOCKED):
        Client().put("/shop/")


@pytest.mark.django_db
def test_a_refusal_of_a_page_of_the_project_is_no_event_of_ours():
    client = logged_in(staff_with())
    for refuse, events_of_it in (
        (lambda: client.delete("/shop/"), []),
        (lambda: client.get("/admin/auth/group/"), []),
        (lambda: client.get("/admin/flows/flow/"), [SecurityEvent.PERMISSION_REFUSED]),
    ):
        with note_security_events() as events:
            assert refuse().status_code == 403
        assert events == events_of_it


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("/shop/", False),
        ("/nothing/", False),
        ("/admin/", False),
        ("/admin/auth/group/", False),
        ("/admin/flows/flow/", True),
        ("/admin/imports/importrecord/", True),
        ("/v1/integrations/flow", True),
    ],
)
def test_it_is_known_which_pages_are_the_apps(address, is_own):
    assert is_own_page(RequestFactory().get(address)) is is_own


@pytest.mark.parametrize(
    ("address", "is_api"),
    [("/v1/integrations", True), ("/v1/integrations/x", True), ("/v1/integrationsx", False)],
)
def test_the_api_is_known_at_any_address(address, is_api):
    assert is_of_api(RequestFactory().get(address)) is is_api
