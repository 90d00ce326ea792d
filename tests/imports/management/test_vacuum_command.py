"""What `database_vacuum` says before it purges: how many deleted items there are."""

import json

import pytest

from flows.models import Flow
from imports.management import console
from tests.support.digest import all_rows
from tests.support.factories import FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def deleted():
    FlowFactory(name="There")
    for name in "AB":
        FlowFactory(name=name, is_deleted=True)
    SecretFactory(name="GONE", is_deleted=True)


@pytest.mark.usefixtures("deleted")
def test_a_dry_run_counts_and_writes_nothing(run_command):
    before = all_rows()
    done = run_command("database_vacuum", "--dry-run")
    assert all_rows() == before
    assert done.err == "Would be removed: 3 deleted items (2 flows and 1 secret).\n"
    counts = {"isDone": False, "flows": 2, "connections": 0, "secrets": 1}
    assert json.loads(done.out)["data"] == counts


def ask(monkeypatch, run_command):
    """The question that is asked, and declined."""
    asked = []
    monkeypatch.setattr(console, "require_terminal", lambda: None)
    monkeypatch.setattr(console, "confirm", lambda _command, question: asked.append(question))
    before = Flow.objects.count()
    assert run_command("database_vacuum").code == 0
    assert Flow.objects.count() == before
    return asked


@pytest.mark.usefixtures("deleted")
def test_the_question_says_how_many_items_it_is_about(monkeypatch, run_command):
    assert ask(monkeypatch, run_command) == [
        "Remove 3 deleted items (2 flows and 1 secret) of local for good?"
    ]


def test_the_question_says_that_nothing_is_deleted(monkeypatch, run_command):
    asked = ask(monkeypatch, run_command)
    assert asked == ["Nothing on local is deleted. Reorganise its database?"]
