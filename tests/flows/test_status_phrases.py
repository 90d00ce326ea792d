"""The words of a status are the same with every version of Python and Django."""

import ast
from http import HTTPStatus
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.http import response as django_responses
from rest_framework import exceptions

from flows.status_phrases import get_status_phrase, make_status_code
from flows.web.status_line import set_reason_phrase

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "flows", "imports", "ziggy_site")

RENAMED = {
    413: ("Request Entity Too Large", "request-entity-too-large"),
    416: ("Requested Range Not Satisfiable", "requested-range-not-satisfiable"),
    422: ("Unprocessable Entity", "unprocessable-entity"),
}
"""Those that Python 3.13 calls otherwise than 3.11."""


def find_statuses_in_code() -> set[int]:
    """The statuses that the packages name."""
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "HTTPStatus":
                    found.add(int(HTTPStatus[node.attr]))
    return found


def find_statuses_of_frameworks() -> set[int]:
    """The statuses of what Django and the REST framework raise and answer themselves."""
    raised = {kind.status_code for kind in exceptions.APIException.__subclasses__()}
    answered = {
        kind.status_code
        for kind in vars(django_responses).values()
        if isinstance(kind, type) and issubclass(kind, HttpResponse)
    }
    return {int(status) for status in raised | answered} - {410}  # nothing is gone here


ANSWERED = sorted(
    find_statuses_in_code() | find_statuses_of_frameworks() | {206, 416}  # parts of static files
)


def test_enough_statuses_are_found():
    assert {200, 201, 204, 302, 304, 401, 404, 406, 409, 412, 415, 429, 500, 503} < {*ANSWERED}


@pytest.mark.parametrize("status", ANSWERED)
def test_a_status_has_words_and_a_code_whatever_python_calls_it(monkeypatch, status):
    phrase = HTTPStatus(status).phrase
    code = phrase.lower().replace(" ", "-")
    expected = RENAMED.get(status, (phrase, code))
    monkeypatch.setattr("flows.status_phrases.HTTPStatus", None)  # Python is not asked
    assert (get_status_phrase(status), make_status_code(status)) == expected


def test_a_status_that_is_not_answered_has_the_words_of_python():
    assert get_status_phrase(410) == "Gone"


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        *((status, phrase) for status, (phrase, _) in RENAMED.items()),
        (200, "OK"),
        (299, "Unknown Status Code"),
    ],
)
def test_the_first_line_of_an_answer_has_the_same_words(status, phrase):
    answer = set_reason_phrase(lambda request: HttpResponse(status=status))(HttpRequest())
    assert (answer.status_code, answer.reason_phrase) == (status, phrase)
