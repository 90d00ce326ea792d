"""Our own endpoints refuse names that they do not declare; those of the wire contract take them.

Every address under /api is asked, so that a new one is covered by itself: it is our own, unless it
is one that the contract with existing clients names.
"""

import json
from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS

from tests.product.test_permission_matrix import (
    ROWS,
    caller_in,
    endpoints,
    methods_of,
    quick_and_quiet,
    request_of,
    without_converters,
)
from tests.support.digest import all_rows
from tests.support.importing import export_file
from tests.support.uploading import BOUNDARY, file_part, form, words

__all__ = ["quick_and_quiet"]  # a fixture

pytestmark = pytest.mark.django_db

# The table "Endpoints" of the wire contract.
WIRE = {
    *("health", "auth/health", "auth/login", "auth/refresh-token", "auth/logout/<user_id>"),
    *("auth/profile", "flow", "flow/<uuid>", "flow/<name>/<receiver_type>", "flow/clone/<uuid>"),
    *("flow/export-tagged", "flow/tagged-export", "flow/export-all", "flow/import", "flow/vacuum"),
    *("connection", "connection/<uuid>", "secret", "secret/<uuid>", "secret/update-secret-value"),
    *("secret/get-obfuscated-by-name/<name>", "ziggy/named-saves/<uuid>"),
    *("ziggy/history-named-save/<uuid>/<name>", "ziggy/history-load/<uuid>"),
    *("system/backup-db", "system/transfer-db", "system/download-transfer"),
    "system/version-info",
}
SERVED = sorted(
    (method, route)
    for route, view in endpoints()
    for method in methods_of(view)
    if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
)
OWN = [pair for pair in SERVED if without_converters(pair[1]) not in WIRE]
OF_THE_WIRE = [pair for pair in SERVED if without_converters(pair[1]) in WIRE]
WITH_A_BODY = {"POST", "PUT", "PATCH", "DELETE"}
FORMS = [("POST", "plans")]
WITH_AN_OBJECT = [one for one in OWN if one[0] in WITH_A_BODY and one not in FORMS]


def ask(method: str, route: str, query: str = "", **more: Any) -> Any:
    """A request that succeeds, with that query and with more keys in its body."""
    cases = [row for row in ROWS if (row["method"], row["route"]) == (method, route)]
    case = next(row["case"] for row in cases if row["superuser"] == "2xx")
    caller = caller_in("superuser")
    sent = request_of(method, without_converters(route), case, caller)
    path = f"/api/{without_converters(route)}"
    for name, value in sent.parameters.items():
        path = path.replace(f"<{name}>", value)
    if sent.form is not None:
        body, kind = sent.form, f"multipart/form-data; boundary={BOUNDARY}"
    else:
        body, kind = b"", "application/json"
        if sent.body is not None or more:
            body = json.dumps({**(sent.body or {}), **more}).encode()
    before = all_rows()
    answer = caller.client().generic(method, path + query, body, content_type=kind)
    if answer.streaming:
        assert b"".join(answer.streaming_content) or method == "HEAD"  # which closes the file
    return answer, before


def refused(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    body = answer.json()
    return (
        answer.status_code,
        body["code"],
        [(issue["code"], issue["path"]) for issue in body["issues"]],
    )


def test_the_endpoints_of_the_contract_are_there():
    assert {without_converters(route) for _, route in SERVED} >= WIRE
    assert {without_converters(route) for _, route in OWN} >= {
        "imports", "imports/<pk>", "imports/<pk>/undo", "imports/items/<kind>/<uuid>",
        "ziggy/named-saves/<uuid>/restore", "schema", "docs",
    }  # fmt: skip


@pytest.mark.parametrize(("method", "route"), OWN)
def test_an_unknown_parameter_of_our_own_endpoint_is_refused_by_its_name(method, route):
    answer, before = ask(method, route, "?bogus=&dryRun=true")
    assert answer.status_code == 422
    if method != "HEAD":
        issues = [("unknown-parameter", "bogus"), ("unknown-parameter", "dryRun")]
        assert refused(answer) == (422, "unknown-parameter", issues)
        assert answer.json()["message"].startswith("bogus: This parameter is unknown. The")
    assert all_rows() == before


@pytest.mark.parametrize(("method", "route"), WITH_AN_OBJECT)
def test_an_unknown_key_of_our_own_endpoint_is_refused_by_its_name(method, route):
    GENERATOR_STATS.reset()
    answer, before = ask(method, route, dryrun=True)
    assert not GENERATOR_STATS  # what is not declared is guessed, and said so on stderr
    assert refused(answer) == (422, "unknown-key", [("unknown-key", "dryrun")])
    assert answer.json()["message"].startswith("dryrun: This key is unknown. The")
    assert all_rows() == before


@pytest.mark.parametrize(("method", "route"), WITH_AN_OBJECT)
@pytest.mark.parametrize("body", [b"[]", b'"dryRun"', b"null", b"1"])
def test_a_body_that_is_no_object_is_refused(method, route, body):
    caller = caller_in("superuser")
    path = f"/api/{without_converters(route)}"
    sent = request_of(method, without_converters(route), "", caller)
    for name, value in sent.parameters.items():
        path = path.replace(f"<{name}>", value)
    before = all_rows()
    answer = caller.client().generic(method, path, body, content_type="application/json")
    assert refused(answer)[:2] == (400, "wrong-type")
    assert all_rows() == before


@pytest.mark.parametrize(("method", "route"), FORMS)
def test_an_unknown_part_of_our_own_form_is_refused_by_its_name(method, route):
    client = caller_in("superuser").client()
    before = all_rows()
    body = form(file_part(export_file()), *words(duplicatesMode="OVERWRITE", dryrun="true"))
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    answer = client.generic(method, f"/api/{route}", body, content_type=kind)
    assert refused(answer) == (422, "unknown-part", [("unknown-part", "dryrun")])
    answer = client.generic(method, f"/api/{route}", b"{}", content_type="application/json")
    assert answer.status_code == 415
    assert all_rows() == before


@pytest.mark.parametrize(("method", "route"), OF_THE_WIRE)
def test_an_endpoint_of_the_contract_takes_parameters_that_nobody_knows(method, route):
    known = "" if route == "flow/import" else "&dryRun=true"  # there it is a part of the form
    answer, _ = ask(method, route, f"?bogus=1&format=xml{known}")
    assert 200 <= answer.status_code < 300


@pytest.mark.parametrize(
    ("method", "route"),
    [one for one in OF_THE_WIRE if one[0] in WITH_A_BODY and one[1] != "flow/import"],
)
def test_an_endpoint_of_the_contract_takes_keys_that_nobody_knows(method, route):
    answer, _ = ask(method, route, bogus={"a": 1})
    assert 200 <= answer.status_code < 300


def test_unknown_keys_of_items_are_kept(client):
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {caller_in('superuser').token}"}
    made = client.post(
        "/api/connection",
        json.dumps({"name": "New", "bogus": {"a": 1}}),
        content_type="application/json",
        **bearer,
    )
    read = client.get(f"/api/connection/{made.json()['uuid']}", **bearer)
    assert read.json()["bogus"] == {"a": 1}


@pytest.mark.parametrize("parameter", ["search", "flowId", "tags"])
def test_an_empty_parameter_of_the_contract_says_nothing(client, parameter):
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {caller_in('superuser').token}"}
    assert client.get(f"/api/flow?{parameter}=", **bearer).json() == []


@pytest.mark.parametrize("query", ["", "page=1&pageSize=5", "status=&user=", "door=api"])
def test_declared_parameters_are_taken(client, query):
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {caller_in('superuser').token}"}
    for method in (client.get, client.head, client.options):
        assert method(f"/api/imports?{query}", **bearer).status_code == 200


def test_who_may_not_ask_is_not_told_of_names(client):
    assert client.get("/api/imports?bogus=1").status_code == 401
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {caller_in('no role').token}"}
    assert client.get("/api/imports?bogus=1", **bearer).status_code == 403
