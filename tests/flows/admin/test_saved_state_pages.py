"""The pages that show a saved state: whoever sends back the form of one restores what it shows.

What is sent is read from the HTML of the page, as a browser has it, and not from the form's object:
that one has fields which a template may leave out.
"""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from flows.content.fields import get_columns
from flows.models import MODELS, Connection, Secret
from flows.saves import named_saves
from tests.flows.admin.test_flows_admin import errors_of
from tests.support.factories import FACTORIES, ConnectionFactory, SecretFactory
from tests.support.pages import form_of, sent_form_of
from tests.support.rows import row_of
from tests.support.shown_pieces import read_text

pytestmark = pytest.mark.django_db

KINDS = pytest.mark.parametrize("kind", FACTORIES)
PAGES = pytest.mark.parametrize("page", ["revision", "recover", "restore_save"])
TEXT = {"flow": "info", "connection": "description", "secret": "description"}
LONG_AGO = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
STATES = pytest.mark.parametrize(
    "text",
    [
        pytest.param("then", id="a short text"),
        pytest.param("", id="an empty text"),
        pytest.param("\n two\r\nlines & <b>, \r and a last one \n", id="odd spaces and line ends"),
    ],
)


@pytest.fixture
def ada(client):
    client.force_login(User.objects.create_superuser("ada"))
    return client


def saved_row(kind, text):
    """A row in a state that is saved, and the number of its version."""
    row = FACTORIES[kind](**{TEXT[kind]: text}, name=f"NAME_{kind}", updated_by="carl")
    row.refresh_from_db()
    return row, named_saves.take(row, "then").version_set.get().pk


def change(row, **values):
    """Write another state, as somebody else does."""
    type(row).objects.filter(pk=row.pk).update(**values, updated_at=LONG_AGO, updated_by="bob <b>")


def address(row, page, number):
    args = [number] if page == "recover" else [row.pk, number]
    return reverse(f"admin:flows_{row.kind}_{page}", args=args)


def content_of(kind, uuid):
    row = MODELS[kind].objects.get(uuid=uuid)
    return {column: getattr(row, column) for column in get_columns(row.kind)}


@KINDS
@PAGES
@STATES
def test_the_form_of_a_saved_state_sent_back_as_it_is_restores_it(ada, kind, page, text):
    row, number = saved_row(kind, text)
    then = content_of(kind, row.uuid)
    if page == "recover":
        row.delete()
    else:
        change(row, **{TEXT[kind]: "today"}, name="TODAY")
    shown = ada.get(address(row, page, number))
    answer = ada.post(address(row, page, number), sent_form_of(shown))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert content_of(kind, row.uuid) == then
    assert MODELS[kind].objects.get(uuid=row.uuid).updated_by == "ada"


@KINDS
def test_a_deleted_row_comes_back_by_the_form_of_a_state_before(ada, kind):
    row, number = saved_row(kind, "then")
    change(row, is_deleted=True)
    page = address(row, "revision", number)
    assert ada.post(page, sent_form_of(ada.get(page))).status_code == 302
    row.refresh_from_db()
    assert not row.is_deleted


@KINDS
def test_what_is_sent_of_the_html_is_what_the_form_has(ada, kind):
    """A template that leaves a field of the form out is found here, whatever the field."""
    row, number = saved_row(kind, "then")
    change(row, **{TEXT[kind]: "today"})
    page = ada.get(address(row, "revision", number))
    missing = form_of(page).keys() - sent_form_of(page).keys()
    assert missing == set()


@KINDS
def test_a_change_meanwhile_is_told_with_what_is_stored_now(ada, kind):
    row, number = saved_row(kind, "then")
    change(row, **{TEXT[kind]: "today"})
    page = address(row, "revision", number)
    mine = sent_form_of(ada.get(page))
    change(row, **{TEXT[kind]: "of bob"})
    before = row_of(row)
    answer = ada.post(page, mine)
    (message,) = errors_of(answer)["__all__"]
    assert message.startswith(f"This {kind} was changed by bob <b> on 2020-02-29 12:30:15 UTC, ")
    assert row_of(row) == before
    fields = {field.key: field for field in answer.context["difference"].fields}
    changed = fields[TEXT[kind]]
    assert (read_text(changed.before), read_text(changed.after)) == ("of bob", "then")
    assert "What saving over it would change" in answer.content.decode()


@KINDS
def test_the_choice_to_save_over_is_on_the_page_and_is_taken(ada, kind):
    row, number = saved_row(kind, "then")
    page = address(row, "revision", number)
    mine = sent_form_of(ada.get(page))
    change(row, **{TEXT[kind]: "of bob"})
    refused = ada.post(page, mine)
    again = sent_form_of(refused)
    assert "save_over" not in again, "the choice is made by nobody but the user"
    chosen = re.search(r'name="save_over" value="(\w+)"', refused.content.decode())[1]
    assert ada.post(page, again).status_code == 200
    assert ada.post(page, {**again, "save_over": chosen}).status_code == 302
    row.refresh_from_db()
    assert (getattr(row, TEXT[kind]), row.updated_by) == ("then", "ada")


def test_a_field_of_a_state_that_cannot_be_shown_is_not_lost_in_the_difference(ada):
    """A secret's unknown keys are in no field of the form, and are restored all the same."""
    secret = SecretFactory(name="KEY", extra='{"isOld":true}')
    number = named_saves.take(secret, "then").version_set.get().pk
    page = address(secret, "revision", number)
    mine = sent_form_of(ada.get(page))
    change(secret, extra="{}")
    keys = [field.key for field in ada.post(page, mine).context["difference"].fields]
    assert keys == ["other keys"]


def test_a_value_is_taken_where_the_page_of_a_saved_state_shows_where_it_goes(ada):
    """The page shows the destinations of the name that its form has, not of the present one."""
    secret, number = saved_row("secret", "then")
    change(secret, name="RENAMED")
    ConnectionFactory(name="Good", dev_value="{ host: 'good.example', token: secrets.NAME_secret }")
    ConnectionFactory(name="Bad", dev_value="{ host: 'bad.example', token: secrets.RENAMED }")
    page = address(secret, "revision", number)
    shown = ada.get(page)
    assert "good.example" in shown.content.decode()
    assert "bad.example" not in shown.content.decode()
    sent = {**sent_form_of(shown), "new_dev_value": "CANARY"}
    assert ada.post(page, sent).status_code == 302
    assert Secret.objects.get().dev_value.reveal() == "CANARY"


def test_who_may_only_see_gets_no_form_to_restore(db):
    row, number = saved_row("connection", "then")
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client = Client()
    client.force_login(user)
    page = address(row, "revision", number)
    assert client.get(page).status_code == 200
    assert client.post(page, {}).status_code == 403
    assert Connection.objects.get().updated_by == "carl"
