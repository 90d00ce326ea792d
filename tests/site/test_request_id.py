"""Every answer has the id of its request; so have the body of an error and the log's lines."""

import io
import json
import logging
import logging.config
from uuid import UUID

import pytest
from django.conf import settings as site
from django.test import Client
from django.urls import path
from rest_framework.permissions import AllowAny

from accounts.models import User
from accounts.tokens import issue_login_token
from flows.rest.endpoint.view import ApiView
from flows.web.request_id import get_request_id
from ziggy_site.urls import urlpatterns as site_urlpatterns


class Fails(ApiView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request):
        raise RuntimeError("inside")


def failing_page(request):
    raise RuntimeError("inside")


urlpatterns = [
    path("api/test/fails", Fails.as_view()),
    path("page/fails", failing_page),
    *site_urlpatterns,
]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def client(settings):
    settings.WHITENOISE_USE_FINDERS = True
    return Client(raise_request_exception=False)


EVERYWHERE = pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/health", 200),
        ("/api/flow", 401),
        ("/api/no-such-thing", 404),
        ("/api/test/fails", 500),
        ("/page/fails", 500),
        ("/no-such-page", 404),
        ("/admin/login/", 200),
        ("/admin/", 302),
        ("/static/admin/css/base.css", 200),
    ],
)


@EVERYWHERE
def test_every_answer_of_every_door_has_an_id_of_its_own(address, status, client):
    answers = [client.get(address) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    for answer in answers:
        answer.close()
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert len({UUID(each).version for each in ids} | {4}) == 1
    assert ids[0] != ids[1]


@EVERYWHERE
def test_the_id_that_a_caller_gives_is_taken(address, status, client):
    answer = client.get(address, headers={"X-Request-ID": "proxy.7:a/B_c-9=+"})
    answer.close()
    assert answer.headers["X-Request-ID"] == "proxy.7:a/B_c-9=+"
    if status >= 400 and address.startswith("/api"):
        assert answer.json()["requestId"] == "proxy.7:a/B_c-9=+"


@pytest.mark.parametrize(
    "given",
    ["", " ", "a b", "é", "a" * 129, "<script>", "a\tb", "a,b", '"a"', "a\x7f", "{}", "a;b", "%0a"],
)
def test_an_id_that_is_no_plain_word_is_not_taken(given, client):
    answer = client.get("/api/flow", headers={"X-Request-ID": given})
    assert UUID(answer.headers["X-Request-ID"]).version == 4
    assert answer.json()["requestId"] == answer.headers["X-Request-ID"]


def test_the_longest_id_that_is_taken(client):
    answer = client.get("/api/flow", headers={"X-Request-ID": "a" * 128})
    assert answer.headers["X-Request-ID"] == "a" * 128


@pytest.mark.parametrize("debug", [True, False])
def test_a_refused_host_is_told_with_the_id(debug, settings, client):
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, ["ziggy.example.org"]
    answer = client.get("/api/health", headers={"Host": "evil.example.org"})
    assert answer.status_code == 400
    assert answer.json()["requestId"] == answer.headers["X-Request-ID"]


def test_a_refusal_of_the_items_api_and_one_of_an_import_have_it_last(client):
    user = User.objects.create_superuser("root")
    headers = {"Authorization": f"Bearer {issue_login_token(user)}"}
    gone = "/api/flow/99999999-9999-4999-8999-999999999999"
    for answer in (
        client.get(gone, headers=headers),
        client.post("/api/flow/import", headers=headers, content_type="multipart/form-data"),
        client.get("/api/imports/99", headers=headers),
    ):
        assert answer.status_code >= 400
        assert [*json.loads(answer.content)] == ["message", "code", "issues", "requestId"]
        assert answer.json()["requestId"] == answer.headers["X-Request-ID"]


@pytest.fixture
def log():
    """What the site's own configuration of the log writes."""
    stream = io.StringIO()
    configured = logging.config.DictConfigurator(site.LOGGING)
    configured.configure()
    (handler,) = [
        each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler
    ]
    kept, handler.stream = handler.stream, stream
    yield stream
    handler.stream = kept
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("address", ["/api/test/fails", "/page/fails"])
def test_the_lines_of_the_log_have_it(address, client, log):
    answer = client.get(address)
    first = log.getvalue().splitlines()[0]
    assert f" [{answer.headers['X-Request-ID']}] Internal Server Error: {address}" in first


def test_outside_of_a_request_there_is_none(client, log):
    client.get("/api/health")
    assert get_request_id() == ""
    logging.getLogger("commands").error("A line")
    assert log.getvalue().endswith(" ERROR commands A line\n")
