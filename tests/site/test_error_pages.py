"""The pages of refusals and failures: in the site's looks, with what is missing and whom to ask."""

import pytest
from django.contrib.auth.models import Group
from django.db import InterfaceError, OperationalError
from django.db import connection as database
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from flows.models import Flow
from tests.support.factories import FlowFactory
from tests.support.pages import text_of
from tests.support.users import PASSWORD, logged_in, staff_with
from ziggy_site.error_pages import find_page_of_form

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def production(settings):
    settings.DEBUG = False


def shown(response, status):
    """What a reader sees of the page of that status, which has the site's own look."""
    assert response.status_code == status
    assert 'id="site-name"' in response.content.decode()
    response.status_code = 200
    return text_of(response)


# --- 403


@pytest.mark.parametrize(
    ("path", "right", "roles"),
    [
        (
            "secret/",
            "Can view secret (flows.view_secret)",
            "Admin, Editor, Service Account, Planner, Operator",
        ),
        ("secret/add/", "Can add secret (flows.add_secret)", "Admin, Editor, Service Account"),
        ("flow/{}/delete/", "Can delete flow (flows.delete_flow)", "Admin, Editor"),
    ],
)
def test_a_refusal_names_the_right_and_the_roles_that_have_it(path, right, roles):
    flow = FlowFactory()
    text = shown(
        logged_in(staff_with("view_flow")).get(f"/admin/flows/{path.format(flow.pk)}"), 403
    )
    assert f"Your account lacks the right {right.partition(' (')[0]}" in text
    assert f"( {right.partition(' (')[2][:-1]} )" in text
    assert f"Roles that have it: {roles}." in text
    assert "You are logged in as ada" in text


def test_a_form_that_may_not_be_sent_names_the_right_to_change():
    flow = FlowFactory()
    url = reverse("admin:flows_flow_saves", args=[flow.pk])
    text = shown(logged_in(staff_with("view_flow")).post(url, {"name": "x"}), 403)
    assert "flows.change_flow" in text


def test_a_refusal_names_who_can_give_the_right():
    User.objects.create_superuser("root", "root@example.org", PASSWORD)
    grace = User.objects.create_user("grace", is_staff=True)
    grace.groups.add(Group.objects.get(name="Admin"))
    User.objects.create_user("gone", is_superuser=True, is_active=False)
    text = shown(logged_in(staff_with()).get("/admin/flows/flow/"), 403)
    assert "Who can give it: grace , root ." in text
    assert "root@" not in text


def test_without_anybody_else_it_says_an_administrator():
    text = shown(logged_in(staff_with()).get("/admin/flows/flow/"), 403)
    assert "An administrator can give it." in text


def test_the_reason_of_a_refusal_is_shown():
    text = shown(logged_in(staff_with()).get("/admin/imports/importrecord/import/"), 403)
    assert "ada may not import files." in text


# --- 404 and 500


@pytest.mark.parametrize("user", [None, "ada"])
def test_a_page_that_is_not_there(user):
    browser = logged_in(staff_with()) if user else Client()
    response = browser.get(f"/nothing/{SCRIPT}")
    assert SCRIPT not in response.content.decode()
    text = shown(response, 404)
    assert "This server has nothing at /nothing/" in text
    assert ("records of imports" in text) is (user is not None)


def test_a_failure_has_the_number_of_the_request_and_uses_no_database(monkeypatch):
    monkeypatch.setattr("django.contrib.auth.views.LoginView.get_form_class", None)
    browser = Client(raise_request_exception=False)
    with CaptureQueriesContext(database) as queries:
        response = browser.get("/admin/login/", headers={"X-Request-ID": "number-4711"})
    assert "number-4711" in shown(response, 500)
    assert len(queries) == 0


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
@pytest.mark.parametrize(
    "name", ["index", "flows_flow_changelist", "imports_importrecord_changelist", "login"]
)
def test_no_page_fails_where_the_database_is_away(kind, name, ada):
    """It may be there again in a moment, as for the API."""

    def fail(*_args, **_more):
        raise kind('connection to "db.internal" as "ziggy" failed: CANARY')

    browser = logged_in(ada)
    browser.raise_request_exception = False
    sent = {"username": "ada", "password": PASSWORD}
    with database.execute_wrapper(fail):
        path = reverse(f"admin:{name}")
        response = browser.post(path, sent) if name == "login" else browser.get(path)
    assert "The database does not answer" in shown(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    assert "CANARY" not in response.content.decode()


def test_the_api_answers_in_json_as_before():
    response = Client().get("/api/nothing")
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/json")


# --- The session has ended


def log_in(browser, response, name="ada"):
    """Follow the redirect to the login, log in by the form that is there, and follow on."""
    assert response.status_code == 302
    assert response.url.startswith("/admin/login/?next=")
    page = browser.get(response.url)
    assert page.status_code == 200
    sent = {"username": name, "password": PASSWORD, "next": page.context["next"]}
    return page, browser.post(response.url, sent)


@pytest.fixture
def ada():
    return User.objects.create_superuser("ada", "ada@example.org", PASSWORD)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/flows/flow/?tag=sms&q=caf%C3%A9",
        "/admin/imports/importrecord/drift/?kind=flow",
        "/admin/imports/importrecord/import/",
        "/admin/imports/importrecord/?status__exact=succeeded",
    ],
)
def test_a_link_that_needs_a_login_comes_back_to_where_it_led(path, ada):
    browser = Client()
    _, answer = log_in(browser, browser.get(path))
    assert (answer.status_code, answer.url) == (302, path)
    assert browser.get(answer.url).status_code == 200


def test_a_form_that_is_sent_after_the_session_ended_leads_back_to_its_page(ada):
    flow = FlowFactory()
    browser = Client()
    page = f"/admin/flows/flow/{flow.pk}/saves/?page=2"
    undelete = reverse("admin:flows_flow_undelete", args=[flow.pk])  # which has no page
    response = browser.post(undelete, headers={"Referer": f"http://testserver{page}"})
    login, answer = log_in(browser, response)
    assert (
        "Your session has ended, and nothing of what you sent was done." in login.content.decode()
    )
    assert (answer.status_code, answer.url) == (302, page)


def test_without_a_page_it_leads_to_its_own_address(ada):
    response = Client().post("/admin/flows/flow/add/")
    assert response.url == "/admin/login/?next=/admin/flows/flow/add/"


def test_nothing_is_done_of_it():
    flow = FlowFactory(is_deleted=True)
    Client().post(reverse("admin:flows_flow_undelete", args=[flow.pk]))
    assert Flow.objects.get().is_deleted


@pytest.mark.parametrize(
    ("sender", "page"),
    [
        ("http://testserver/admin/x/?a=1", "/admin/x/?a=1"),
        ("http://elsewhere.example/admin/", ""),
        ("javascript:alert(1)", ""),
        ("//elsewhere.example/", ""),
        ("http://testserver", ""),
        ("", ""),
    ],
)
def test_only_a_page_of_ours_is_led_back_to(sender, page):
    request = RequestFactory().post("/admin/", headers={"Referer": sender})
    assert find_page_of_form(request) == page


def test_a_form_of_another_session_says_so_and_leads_back(ada):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    page = "http://testserver/admin/flows/flow/add/"
    response = browser.post("/admin/flows/flow/add/", {}, headers={"Referer": page})
    text = shown(response, 403)
    assert "This form could not be taken" in text
    assert "Its session has ended" in text
    assert '<a href="/admin/flows/flow/add/">open the page anew</a>' in response.content.decode()
    stranger = Client(enforce_csrf_checks=True)
    response = stranger.post("/admin/flows/flow/add/", {}, headers={"Referer": page})
    assert "/admin/login/?next=/admin/flows/flow/add/" in response.content.decode()
