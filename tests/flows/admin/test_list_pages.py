"""Lists a page at a time: the pages joined are the whole list, whatever happens in between."""

import re
from base64 import urlsafe_b64encode
from urllib.parse import quote, urlencode

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from flows.models import Connection, Flow, Secret
from tests.flows.rest.test_flows_api import Caller, places, refusal
from tests.support.factories import FACTORIES, FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db

MODELS = {"flow": Flow, "connection": Connection, "secret": Secret}
KINDS = pytest.mark.parametrize("kind", FACTORIES)
ODD = ["", " ", "a", "A", "b", "é", "e\u0301", "ß", "SS", "İ", "i", "ı", "ﬃ", "_", "%", "Z", "z"]
ODD += ["\U0001f600", "\ufffd", "\uffff", "\u202e", "a ", "a\n", "0", "Ⅷ", "á", "ж", "漢", "-"]


@pytest.fixture
def api():
    return Caller(User.objects.create_superuser("root"))


def next_of(answer):
    link = answer.headers.get("Link")
    if link is None:
        return None
    return re.fullmatch(r'<(/api/.*)>; rel="next"', link)[1].removeprefix("/api")


def pages(api, path):
    """The pages from that address on."""
    found = []
    while path is not None:
        answer = api.get(path)
        assert answer.status_code == 200, answer.content
        found.append(answer.json())
        path = next_of(answer)
    return found


@pytest.mark.parametrize("kind", ["flow", "connection"])
@given(
    names=st.lists(
        st.sampled_from(ODD)
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
        max_size=25,
    ),
    limit=st.integers(1, 30),
    search=st.sampled_from(["", "a", "s", "ß", "-0"]),
)
def test_the_pages_joined_are_the_whole_list(kind, names, limit, search, api):
    MODELS[kind].objects.all().delete()
    for name in names:
        FACTORIES[kind](name=name)
    whole = api.get(f"/{kind}?search={quote(search)}").json()
    found = pages(api, f"/{kind}?limit={limit}&search={quote(search)}")
    assert [item for page in found for item in page] == whole
    assert {len(page) for page in found[:-1]} <= {limit}
    assert 1 <= len(found[-1]) <= limit or found == [[]]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_pages_of_secrets_and_their_keys_are_those_of_the_whole_list(limit, api):
    for name in ("b", "$", "_", "A", "a", "é", "Z1"):
        SecretFactory(name=name, dev_value="CANARY-value")
    whole = api.get("/secret").json()
    assert [item for page in pages(api, f"/secret?limit={limit}") for item in page] == whole


def test_conditions_hold_for_every_page(api):
    for number in range(9):
        FlowFactory(name=f"é {number}", tags='["x"]' if number % 2 else '["y"]')
    path = "/flow?" + urlencode({"limit": 2, "tags": "x,z", "search": "É"})
    assert [[flow["name"] for flow in page] for page in pages(api, path)] == [
        ["é 1", "é 3"],
        ["é 5", "é 7"],
    ]


@KINDS
@pytest.mark.parametrize("what", ["renamed", "deleted", "purged"])
def test_the_next_page_is_there_whatever_became_of_the_last_row(kind, what, api):
    rows = [FACTORIES[kind](name=name) for name in "abcd"]
    answer = api.get(f"/{kind}?limit=2")
    last = MODELS[kind].objects.filter(pk=rows[1].pk)
    match what:
        case "renamed":
            last.update(name="zzz")
        case "deleted":
            last.update(is_deleted=True)
        case "purged":
            last.delete()
    names = [item["name"] for item in api.get(next_of(answer)).json()]
    assert names == ["c", "d"]


@KINDS
def test_without_parameters_it_is_the_whole_list_as_ever(kind, api):
    FACTORIES[kind].create_batch(3)
    for path in (f"/{kind}", f"/{kind}?limit=&after="):
        answer = api.get(path)
        assert len(answer.json()) == 3
        assert "Link" not in answer.headers
    exact = api.get(f"/{kind}?limit=3")
    assert len(exact.json()) == 3
    assert "Link" not in exact.headers


@KINDS
@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "1.0", "ten", "٣", " 1", "9" * 5000, "1e1", "+1", "0x1"]
)
def test_a_limit_that_is_none_is_named(kind, limit, api):
    answer = api.get(f"/{kind}?limit={quote(limit)}")
    assert refusal(answer) == (422, "invalid-limit")
    assert places(answer) == [("invalid-limit", "limit")]


def packed(text):
    return urlsafe_b64encode(text.encode()).decode()


@KINDS
@pytest.mark.parametrize(
    "after",
    [
        "x",
        "é",
        "%00",
        packed("[]"),
        packed('["a"]'),
        packed('["a", "b"]'),
        packed('["\\u0000", "0000000f-0000-4000-8000-0000000000aa"]'),
        packed('["\\ud800", "0000000f-0000-4000-8000-0000000000aa"]'),
        "99999999-9999-4999-8999-999999999999",
    ],
)
def test_a_cursor_that_is_none_is_named(kind, after, api):
    answer = api.get(f"/{kind}?limit=1&after={after}")
    assert refusal(answer) == (422, "invalid-cursor")
    assert places(answer) == [("invalid-cursor", "after")]


@pytest.mark.parametrize("kind", ["connection", "secret"])
def test_no_more_documents_are_read_than_the_page_shows(kind, api):
    FACTORIES[kind].create_batch(30)
    with CaptureQueriesContext(database) as queries:
        assert len(api.get(f"/{kind}?limit=5").json()) == 5
    documents = [query["sql"] for query in queries if '"extra"' in query["sql"]]
    assert len(documents) == 1
    numbers = re.search(r'"id" IN \(([^)]*)\)', documents[0])[1]
    assert len(numbers.split(",")) == 5


def test_both_databases_order_by_code_points(api):
    for name in ODD:
        FlowFactory(name=name)
    names = [flow["name"] for page in pages(api, "/flow?limit=4") for flow in page]
    assert names == sorted(ODD)
