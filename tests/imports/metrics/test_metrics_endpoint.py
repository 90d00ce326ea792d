"""Who may read the metrics: nobody, unless the settings say who."""

import pytest
from django.conf import settings as site_settings
from django.test import Client
from rest_framework.settings import api_settings

from flows.security_events import LOGGER

TOKEN = "a-token-of-32-characters-or-more"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("metrics")]


def status(address="127.0.0.1", token=None, **headers):
    if token is not None:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return Client().get("/metrics", REMOTE_ADDR=address, **headers).status_code


@pytest.fixture
def configure(settings, monkeypatch):
    def change(*, token="", networks=(), proxies=0):
        settings.ZIGGY = {**settings.ZIGGY, "METRICS_TOKEN": token, "METRICS_FROM": networks}
        monkeypatch.setattr(api_settings, "NUM_PROXIES", proxies, raising=False)

    return change


def test_nobody_may_without_a_setting(configure):
    configure()
    assert [status(), status(token=""), status(token="anything")] == [403] * 3


def test_nobody_may_where_nothing_is_counted(configure, settings):
    configure(token=TOKEN)
    settings.ZIGGY = {**settings.ZIGGY, "METRICS": False}
    assert status(token=TOKEN) == 403


def test_a_superuser_is_nobody_either(configure, admin_client):
    configure()
    assert admin_client.get("/metrics").status_code == 403


@pytest.mark.parametrize(
    ("token", "expected"),
    [(TOKEN, 200), (TOKEN[:-1], 403), (TOKEN + "x", 403), ("", 403), ("\xff", 403), (None, 403)],
)
def test_a_token_is_compared_as_a_whole(configure, token, expected):
    configure(token=TOKEN)
    assert status(token=token) == expected


def test_the_token_is_no_parameter_and_of_no_other_scheme(configure):
    configure(token=TOKEN)
    assert Client().get("/metrics", {"token": TOKEN}).status_code == 403
    assert Client().get("/metrics", HTTP_AUTHORIZATION=f"Basic {TOKEN}").status_code == 403
    assert Client().get("/metrics", HTTP_AUTHORIZATION=TOKEN).status_code == 403


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.0.8.7", 200),
        ("2001:db8::7", 200),
        ("10.0.9.7", 403),
        ("2001:db9::7", 403),
        ("", 403),
        ("unknown", 403),
    ],
)
def test_an_address_counts_alone(configure, address, expected):
    configure(networks=["127.0.0.1", "10.0.8.0/24", "2001:db8::/32"])
    assert status(address) == expected


def test_with_both_both_are_needed(configure):
    configure(token=TOKEN, networks=["127.0.0.1"])
    answers = [status(token=TOKEN), status(), status("10.0.0.1", token=TOKEN)]
    assert answers == [200, 403, 403]


@pytest.mark.parametrize(
    "header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA"]
)
def test_a_proxy_that_is_not_told_of_makes_nobody_local(configure, header):
    configure(networks=["127.0.0.1"])
    assert status(**{header: "127.0.0.1"}) == 403


@pytest.mark.parametrize("proxies", [None, 0])
def test_without_trusted_proxies_no_header_counts(configure, proxies):
    configure(networks=["10.0.0.0/8"], proxies=proxies)
    assert status("203.0.113.5", HTTP_X_FORWARDED_FOR="10.1.1.1") == 403


def test_behind_a_trusted_proxy_its_own_entry_counts(configure):
    configure(networks=["10.0.0.0/8"], proxies=1)
    assert status("127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.5, 10.1.1.1") == 200
    assert status("127.0.0.1", HTTP_X_FORWARDED_FOR="10.1.1.1, 203.0.113.5") == 403
    configure(networks=["10.0.0.0/8"], proxies=2)
    assert status("127.0.0.1", HTTP_X_FORWARDED_FOR="10.1.1.1") == 403


def test_a_refusal_is_a_security_event_once(configure, caplog):
    configure()
    with caplog.at_level("INFO", LOGGER):
        status("203.0.113.5")
    assert [each.message for each in caplog.records if each.name == LOGGER] == [
        "metrics-refused address=203.0.113.5"
    ]


def test_it_is_read_and_never_written(configure):
    configure(networks=["127.0.0.1"])
    assert Client().post("/metrics").status_code == 405
    answer = Client().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_site_without_the_setting_has_no_such_address(settings):
    settings.ROOT_URLCONF = "ziggy_site.urls"
    assert site_settings.ZIGGY["METRICS"] is True
    assert Client().get("/metrics").status_code == 404
