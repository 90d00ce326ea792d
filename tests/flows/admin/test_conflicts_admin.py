"""The admin's forms do not write over what somebody else saved meanwhile, unless they are told to."""

import re
from functools import partial

import pytest
from django.test import Client
from reversion.models import Version

from accounts.models import User
from flows.models import Connection, Flow, Secret
from flows.saves import named_saves
from tests.flows.admin.test_flows_admin import errors_of, url
from tests.support.factories import FACTORIES, ConnectionFactory, FlowFactory, SecretFactory
from tests.support.pages import form_of
from tests.support.rows import row_of
from tests.support.shown_pieces import read_text
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

MODELS = {"flow": Flow, "connection": Connection, "secret": Secret}
KINDS = pytest.mark.parametrize("kind", FACTORIES)
TEXT = {"flow": "info", "connection": "description", "secret": "description"}


def person(name):
    client = Client()
    client.force_login(User.objects.create_superuser(name))
    return client


@pytest.fixture
def ada(db):
    return person("ada")


@pytest.fixture
def bob(db):
    return person("bob <b>")


def opened(client, item, **typed):
    page = url(item._meta.model_name, "change", item.pk)
    return {**form_of(client.get(page)), **typed}


def send(client, item, form):
    return client.post(url(item._meta.model_name, "change", item.pk), form)


def state_in(response, name="opened_on"):
    return re.search(f'name="{name}" value="([0-9a-f]{{64}})"', response.content.decode())[1]


@KINDS
def test_the_form_carries_the_state_that_it_was_opened_on(kind, ada):
    item = FACTORIES[kind]()
    page = ada.get(url(kind, "change", item.pk))
    assert state_in(page) == page.context["adminform"].form.initial["opened_on"]
    assert 'name="opened_on"' not in ada.get(url(kind, "add")).content.decode()


@KINDS
def test_a_save_over_somebody_elses_is_refused_and_loses_nothing(kind, ada, bob):
    item = FACTORIES[kind]()
    mine = opened(ada, item, **{TEXT[kind]: "CANARY of ada"})
    assert send(bob, item, opened(bob, item, **{TEXT[kind]: "of bob"})).status_code == 302
    before, versions = row_of(item), Version.objects.count()
    answer = send(ada, item, mine)
    (message,) = errors_of(answer)["__all__"]
    assert re.fullmatch(
        rf"This {kind} was changed by bob <b> on 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, while you had "
        r"it open\. Nothing of yours is saved yet: .*",
        message,
    )
    assert row_of(item) == before
    assert Version.objects.count() == versions
    text = answer.content.decode()
    assert answer.context["adminform"].form[TEXT[kind]].value() == "CANARY of ada"
    assert "bob &lt;b&gt;" in text
    assert "<b> on" not in text
    fields = {field.key: field for field in answer.context["difference"].fields}
    changed = fields[TEXT[kind]]
    assert (read_text(changed.before), read_text(changed.after)) == ("of bob", "CANARY of ada")
    page = url(kind, "change", item.pk)
    assert f'<a href="{page}" target="_blank" rel="noopener">' in text
    assert state_in(answer) == mine["opened_on"]


@KINDS
def test_the_same_form_sent_again_is_refused_again_and_saves_over_when_told(kind, ada, bob):
    item = FACTORIES[kind]()
    mine = opened(ada, item, **{TEXT[kind]: "of ada"})
    send(bob, item, opened(bob, item, **{TEXT[kind]: "of bob"}))
    answer = send(ada, item, mine)
    assert errors_of(send(ada, item, mine))
    seen = state_in(answer, "save_over")
    assert send(ada, item, {**mine, "save_over": seen}).status_code == 302
    item.refresh_from_db()
    assert getattr(item, TEXT[kind]) == "of ada"
    assert item.updated_by == "ada"
    comment = named_saves.list_saves(item)[0].revision.comment
    assert "pened" not in comment
    assert "over" not in comment


@KINDS
def test_what_was_saved_after_the_difference_was_shown_is_not_written_over(kind, ada, bob):
    item = FACTORIES[kind]()
    mine = opened(ada, item, **{TEXT[kind]: "of ada"})
    send(bob, item, opened(bob, item, **{TEXT[kind]: "of bob"}))
    seen = state_in(send(ada, item, mine), "save_over")
    send(bob, item, opened(bob, item, **{TEXT[kind]: "of bob again"}))
    answer = send(ada, item, {**mine, "save_over": seen})
    assert errors_of(answer)
    assert state_in(answer, "save_over") != seen
    item.refresh_from_db()
    assert getattr(item, TEXT[kind]) == "of bob again"


@KINDS
@pytest.mark.parametrize(
    "typed", [{"opened_on": ""}, {"opened_on": "0" * 64}, {"opened_on": "x" * 99}]
)
def test_a_form_that_does_not_say_what_it_was_opened_on_is_refused(kind, typed, ada):
    item = FACTORIES[kind]()
    before = row_of(item)
    assert errors_of(send(ada, item, opened(ada, item, **{TEXT[kind]: "new", **typed})))
    assert row_of(item) == before


@KINDS
def test_a_deletion_meanwhile_is_told_too(kind, ada, bob):
    item = FACTORIES[kind]()
    mine = opened(ada, item, **{TEXT[kind]: "of ada"})
    bob.post(url(kind, "delete", item.pk), {"post": "yes"})
    assert errors_of(send(ada, item, mine))
    item.refresh_from_db()
    assert item.is_deleted


def test_a_secret_value_set_meanwhile_is_kept_and_what_was_typed_is_not_shown(ada, bob):
    secret = SecretFactory(dev_value="CANARY-0")
    mine = opened(ada, secret, new_dev_value="CANARY-of-ada")
    assert send(bob, secret, opened(bob, secret, new_dev_value="CANARY-of-bob")).status_code == 302
    answer = send(ada, secret, mine)
    assert errors_of(answer)["new_dev_value"] == ["A value is never shown: type it again."]
    assert "CANARY" not in answer.content.decode()
    secret.refresh_from_db()
    assert secret.dev_value.reveal() == "CANARY-of-bob"
    seen = state_in(answer, "save_over")
    again = {**mine, "new_dev_value": "CANARY-of-ada", "save_over": seen}
    assert send(ada, secret, again).status_code == 302
    secret.refresh_from_db()
    assert secret.dev_value.reveal() == "CANARY-of-ada"


def test_credentials_in_a_connection_are_hidden_in_the_difference(ada, bob):
    connection = ConnectionFactory(dev_value="{ password: 'CANARY-0' }")
    mine = opened(ada, connection, description="of ada")
    send(bob, connection, opened(bob, connection, dev_value="{ password: 'CANARY-1' }"))
    answer = send(ada, connection, mine)
    section = answer.content.decode().split('class="conflict"')[1].split("</section>")[0]
    assert "password" in section
    assert "CANARY" not in section


@KINDS
def test_the_page_of_a_revision_knows_the_present_state(kind, ada, bob):
    item = FACTORIES[kind]()
    send(ada, item, opened(ada, item, **{TEXT[kind]: "old"}))
    send(ada, item, opened(ada, item, **{TEXT[kind]: "present"}))
    number = named_saves.list_saves(item)[1].pk
    page = url(kind, "revision", item.pk, number)
    shown = ada.get(page)
    assert shown.context["adminform"].form[TEXT[kind]].value() == "old"
    form = form_of(shown)
    send(bob, item, opened(bob, item, **{TEXT[kind]: "of bob"}))
    refused = ada.post(page, form)
    assert errors_of(refused)
    item.refresh_from_db()
    assert getattr(item, TEXT[kind]) == "of bob"
    assert ada.post(page, form_of(ada.get(page))).status_code == 302
    item.refresh_from_db()
    assert getattr(item, TEXT[kind]) == "old"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_refused():
    flow = FlowFactory()
    people = [person(f"user {number}") for number in range(4)]
    forms = [opened(client, flow, info=f"of {number}") for number, client in enumerate(people)]
    saves = [partial(send, *each) for each in zip(people, [flow] * 4, forms, strict=True)]
    assert sorted(answer.status_code for answer in at_once(saves)) == [200, 200, 200, 302]
