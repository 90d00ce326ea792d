"""Secret values at rest: sealed, never shown, opened with a configured key only, rotated."""

import base64
import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from flows.encryption import MASK, Sealed, WrongKeyError, check_keys, decrypt_bytes, seal
from flows.models import Secret
from flows.secrets.key_rotation import rotate_keys
from tests.support.factories import SecretFactory

OLD_KEY, NEW_KEY, OTHER_KEY = (
    base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n", b"x")
)
VALUE = "CANARY-5f0c-value"


@pytest.fixture(autouse=True)
def old_key(settings):
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [OLD_KEY]}


# --- a sealed value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_sealed_value_is_revealed_as_it_was(value):
    assert seal(value).reveal() == value


def test_a_token_is_one_that_fernet_opens():
    assert Fernet(OLD_KEY).decrypt(seal(VALUE).token) == VALUE.encode()


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(str, id="as text"),
        pytest.param(repr, id="as a repr"),
        pytest.param(format, id="formatted"),
        pytest.param(lambda sealed: "%s" % sealed, id="with %s"),  # noqa: UP031
        pytest.param(lambda sealed: "%r" % sealed, id="with %r"),  # noqa: UP031
        pytest.param(lambda sealed: f"{sealed}", id="in an f-string"),
        pytest.param(lambda sealed: f"{sealed!s}", id="in an f-string as text"),
        pytest.param(lambda sealed: f"{sealed!r}", id="in an f-string as a repr"),
        pytest.param("{}".format, id="with str.format"),
    ],
)
def test_a_sealed_value_shows_as_a_mask(show):
    assert show(seal(VALUE)) == MASK


def test_a_sealed_value_inside_others_shows_as_a_mask():
    sealed = seal(VALUE)
    assert repr({"value": [sealed]}) == f"{{'value': [{MASK}]}}"


def test_two_seals_of_one_value_differ():
    assert seal(VALUE) != seal(VALUE)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(Fernet(OTHER_KEY).encrypt(VALUE.encode()).decode(), id="of another key"),
        pytest.param(Fernet(OLD_KEY).encrypt(b"")[:-4].decode(), id="that is cut off"),
        pytest.param("", id="that is empty"),
        pytest.param(VALUE, id="that is clear text"),
        pytest.param("Schlüssel 🔑", id="that is clear text beyond ASCII"),
    ],
)
@pytest.mark.parametrize("opened", [Sealed.reveal, Sealed.rotate], ids=["reveal", "rotated"])
def test_a_token_is_never_taken_for_a_value(token, opened):
    with pytest.raises(WrongKeyError) as raised:
        opened(Sealed(token))
    assert str(raised.value) == (
        "A stored secret cannot be opened with the keys in ZIGGY_ENCRYPTION_KEYS. "
        "Put the key that it was stored with at the end of the list."
    )
    assert raised.value.__suppress_context__


def test_a_changed_token_is_not_opened():
    token = seal(VALUE).token
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    with pytest.raises(WrongKeyError):
        Sealed(changed).reveal()


def test_an_old_key_second_in_the_list_still_opens(settings):
    sealed = seal(VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    assert sealed.reveal() == VALUE
    assert Fernet(NEW_KEY).decrypt(seal(VALUE).token) == VALUE.encode()


def test_a_rotated_value_opens_with_the_current_key_alone(settings):
    sealed = seal(VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    rotated = sealed.rotate()
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY]}
    assert rotated.reveal() == VALUE


def test_a_value_under_the_current_key_is_not_sealed_anew(settings):
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    sealed = seal(VALUE)
    assert sealed.rotate() is sealed


def test_without_any_key_nothing_is_sealed_and_the_error_says_how_to_make_one(settings):
    sealed = seal(VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": []}
    check_keys()  # a warning of the system checks, so that a new project can be migrated
    for act in (lambda: seal(VALUE), sealed.reveal, lambda: decrypt_bytes(b"x" * 80)):
        with pytest.raises(WrongKeyError, match="ENCRYPTION_KEYS in the setting ZIGGY is empty"):
            act()


@pytest.mark.parametrize("keys", [["short"], [OLD_KEY, "é"], [OLD_KEY[1:]]])
def test_keys_that_are_none_are_refused_without_showing_them(settings, keys):
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": keys}
    with pytest.raises(ImproperlyConfigured) as raised:
        check_keys()
    assert str(raised.value) == (
        "ENCRYPTION_KEYS in the setting ZIGGY must be a list of Fernet keys (32 bytes in URL-safe "
        "base64); where the variable ZIGGY_ENCRYPTION_KEYS fills it, commas stand between them."
    )


# --- rotating what is stored


def tokens_of(secret):
    """The tokens in the row, past the field."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT dev_value, prod_value FROM flows_secret WHERE id = %s", [secret.pk])
        return cursor.fetchone()


def run_rotation():
    out = StringIO()
    call_command("rotate_encryption_keys", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_rotation_reaches_every_row(settings):
    both = SecretFactory(dev_value="dev " + VALUE, prod_value="prod " + VALUE)
    deleted = SecretFactory(dev_value=VALUE, is_deleted=True)
    without = SecretFactory()
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}

    assert rotate_keys() == 3

    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY]}
    for secret in (both, deleted, without):
        secret.refresh_from_db()
    assert both.dev_value.reveal() == "dev " + VALUE
    assert both.prod_value.reveal() == "prod " + VALUE
    assert deleted.dev_value.reveal() == VALUE
    assert (deleted.prod_value, without.dev_value, without.prod_value) == (None, None, None)


@pytest.mark.django_db
def test_rotation_leaves_the_dates_and_other_columns_of_a_row(settings):
    secret = SecretFactory(description="kept", extra='{"k":true}', dev_value=VALUE)
    columns = [
        field.attname
        for field in Secret._meta.concrete_fields
        if field.attname not in {"dev_value", "prod_value"}
    ]
    before = Secret.objects.values(*columns).get()
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    rotate_keys()
    assert Secret.objects.values(*columns).get() == before
    assert tokens_of(secret)[0] != secret.dev_value.token


@pytest.mark.django_db
def test_rotating_again_writes_nothing(settings):
    secret = SecretFactory(dev_value=VALUE, prod_value=VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    rotate_keys()
    tokens = tokens_of(secret)

    with CaptureQueriesContext(connection) as queries:
        assert rotate_keys() == 0

    assert not [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert tokens_of(secret) == tokens


@pytest.mark.django_db
@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_rotation_goes_through_all_batches(settings, count):
    SecretFactory.create_batch(count, dev_value=VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    assert rotate_keys() == count
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY]}
    assert {secret.dev_value.reveal() for secret in Secret.objects.all()} == {VALUE}


@pytest.mark.django_db
@pytest.mark.skipif(
    not connection.features.has_select_for_update, reason="SQLite locks the whole database"
)
def test_rotation_locks_the_rows_that_it_reads():
    SecretFactory(dev_value=VALUE)
    with CaptureQueriesContext(connection) as queries:
        rotate_keys()
    reads = [query["sql"] for query in queries if 'FROM "flows_secret"' in query["sql"]]
    assert reads
    assert all(sql.endswith("FOR UPDATE") for sql in reads)


@pytest.mark.django_db(transaction=True)
def test_rotation_is_no_part_of_another_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        rotate_keys()


@pytest.mark.django_db
def test_the_command_answers_with_the_counts(settings):
    SecretFactory(dev_value=VALUE, prod_value=VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    assert json.loads(run_rotation()) == {
        "status": 200,
        "statusText": "OK",
        "data": {"values": 2},
    }


@pytest.mark.django_db
def test_the_command_shows_neither_a_value_nor_a_token(settings, capsys):
    secret = SecretFactory(dev_value=VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}
    shown = run_rotation() + "".join(capsys.readouterr())
    for hidden in (VALUE, secret.dev_value.token, tokens_of(secret)[0]):
        assert hidden not in shown


@pytest.mark.django_db
def test_the_command_changes_nothing_where_one_row_has_another_key(settings):
    good = SecretFactory(name="GOOD", dev_value=VALUE)
    lost = SecretFactory(name="LOST")
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [OTHER_KEY]}
    lost.prod_value = seal(VALUE)
    lost.save()
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [NEW_KEY, OLD_KEY]}

    with pytest.raises(CommandError) as raised:
        run_rotation()

    assert str(raised.value) == (
        "A stored secret cannot be opened with the keys in ZIGGY_ENCRYPTION_KEYS. "
        "Put the key that it was stored with at the end of the list. "
        "It is the secret LOST. Nothing was changed."
    )
    assert tokens_of(good) == (good.dev_value.token, None)
    assert tokens_of(lost) == (None, lost.prod_value.token)
