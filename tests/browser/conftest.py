"""The browser of these tests, its pages, and who is logged in on them.

Every page is watched: a console error or warning, a failed request, a violation of the
Content-Security-Policy, a script's error or a dialog fails the test at its end, unless the test
said `faults.expect(...)`.
"""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.accessibility import read_axe, violations
from tests.browser.chromium import launch, skipping_what_is_missing
from tests.browser.faults import Faults, watch
from tests.support.queue_fixtures import _may_queue, _queue_tables, shared_queue
from tests.support.users import PASSWORD

__all__ = ["_may_queue", "_queue_tables", "shared_queue"]

_WIDE = {"width": 1280, "height": 800}
_PHONE = {"width": 360, "height": 740}
_PATIENCE = 60_000  # milliseconds: nothing is awaited that does not come, on however busy a machine


@pytest.fixture(scope="module", autouse=True)
def _database_beside_the_browser() -> Iterator[None]:
    """Playwright runs an event loop in this thread, in which Django would refuse its database."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="module")
def browser(_database_beside_the_browser: None) -> Iterator[Browser]:
    """Of one module: the tests of others run without an event loop in their thread."""
    with sync_playwright() as playwright:
        with skipping_what_is_missing():
            browser = launch(playwright)
        expect.set_options(timeout=_PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def superuser(transactional_db: None) -> User:
    """Ada, who may do everything, and logs in by her form with PASSWORD."""
    return User.objects.create_superuser("ada", "ada@example.org", PASSWORD)


@pytest.fixture
def faults() -> Faults:
    """What went wrong on the pages of this test; `faults.expect(pattern)` allows for it."""
    return Faults()


@pytest.fixture
def open_page(
    transactional_db: None, live_server: LiveServer, browser: Browser, faults: Faults
) -> Iterator[Callable[..., Page]]:
    """`open_page(user=None, color_scheme="light", phone=False)`: a page in a fresh context.

    Its addresses begin at the test's own server: `page.goto("/admin/")`. With `scripts=False`
    it runs no script of ours.
    """
    contexts = []

    def open_page(
        user: User | None = None,
        *,
        color_scheme: str = "light",
        phone: bool = False,
        scripts: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme=color_scheme,
            viewport=_PHONE if phone else _WIDE,
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        watch(context, faults)
        if user:
            context.add_cookies([_session_cookie(user, live_server.url)])
        return context.new_page()

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.evaluate("0")  # what the page reported before has arrived once this has
        context.close()
    if unexpected := faults.unexpected():
        pytest.fail("\n".join(["The pages were not without fault:", *unexpected]), pytrace=False)


def _session_cookie(user: User, url: str) -> dict[str, str]:
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url}


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page on which nobody is logged in."""
    return open_page()


@pytest.fixture
def logged_in_page(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """`logged_in_page(user, color_scheme="light", phone=False)`, without the way by the form."""
    return open_page


@pytest.fixture
def axe(browser: Browser) -> Callable[..., list[str]]:
    """`axe(page)`: its serious and critical violations, in light and in dark, told for a person."""
    with skipping_what_is_missing():
        source = _axe_source()

    def axe(page: Page) -> list[str]:
        page.emulate_media(color_scheme="light")
        light = violations(page, source)
        page.emulate_media(color_scheme="dark")
        dark = violations(page, source, of_colours=True)
        return light + [f"in dark: {each}" for each in dark if each not in light]

    return axe


_axe_source = cache(read_axe)
