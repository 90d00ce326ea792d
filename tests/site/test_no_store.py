"""Nothing that needs a login is kept by a browser or a proxy: every address, as somebody logged in."""

import pytest
from django.conf import settings as site
from django.test import Client

from accounts.models import User
from tests.support.walking import addresses, bearer, stored_things, user_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "head"])
def test_no_answer_to_a_user_is_stored(method):
    root = user_in(None)
    client = Client(raise_request_exception=False)
    headers = bearer(root)
    walked = addresses(stored_things(root))
    assert len(walked) > 100
    stored, statuses = {}, set()
    for address in walked:
        client.force_login(root)
        answer = getattr(client, method)(address, headers=headers)
        statuses.add(answer.status_code)
        assert not answer.streaming or answer.getvalue() or method == "head"
        if "no-store" not in answer.headers.get("Cache-Control", ""):
            stored[address] = answer.headers.get("Cache-Control")
    assert stored == {}
    assert {200, 302, 404, 405} <= statuses


def test_static_files_are_everybodys_and_may_be_stored(settings):
    settings.WHITENOISE_USE_FINDERS = True
    answer = Client().get("/static/admin/css/base.css")
    assert answer.status_code == 200
    assert "no-store" not in answer.headers.get("Cache-Control", "")
    answer.close()


def test_what_django_itself_would_let_a_browser_keep_is_not_kept():
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    for address in ("/admin/jsi18n/", "/no-such-page", "/"):
        assert client.get(address).headers["Cache-Control"] == "no-store"


def test_it_is_one_middleware_beneath_the_static_files():
    order = site.MIDDLEWARE
    assert order.index("ziggy_site.headers.forbid_storing") == (
        order.index("whitenoise.middleware.WhiteNoiseMiddleware") + 1
    )
