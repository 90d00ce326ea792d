"""The two model fields: a document in canonical form, and a value that is sealed at rest."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django import forms
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import connection, models

from flows.encryption import MASK, Sealed, WrongKeyError, seal
from flows.fields import DocumentField, EncryptedTextField
from flows.models import Flow, Secret
from tests.support.factories import FlowFactory, SecretFactory

VALUE = "CANARY-f1e1d-value"


# --- documents


@pytest.mark.parametrize(
    ("json_type", "written", "text"),
    [
        pytest.param(dict, ' {"b": 1.0,\r\n "a": [ ]} ', '{"a":[],"b":1}', id="an object"),
        pytest.param(list, '[ {"y":1,"x":2}, "é" ]', '[{"x":2,"y":1},"é"]', id="a list"),
        pytest.param(list, '["\\u00e9\\n"]', '["é\\n"]', id="escapes"),
        pytest.param(list, " null ", "null", id="null of a file"),
        pytest.param(dict, '{"a":1,"a":2}', '{"a":2}', id="the last of equal keys"),
    ],
)
def test_a_document_is_brought_into_canonical_form(json_type, written, text):
    assert DocumentField(json_type=json_type).clean(written, None) == text


@pytest.mark.parametrize("json_type", [list, dict])
def test_cleaning_what_is_clean_changes_nothing(json_type):
    field = DocumentField(json_type=json_type)
    text = field.clean(
        {list: '[1.0,{"b":"","a":-0.0}]', dict: '{"b":[1e300],"a":0}'}[json_type], None
    )
    assert field.clean(text, None) == text


@pytest.mark.parametrize(
    ("json_type", "written", "message"),
    [
        pytest.param(dict, "[]", "This must be an object in JSON.", id="a list for an object"),
        pytest.param(list, "{}", "This must be a list in JSON.", id="an object for a list"),
        pytest.param(list, '"[]"', "This must be a list in JSON.", id="a text for a list"),
        pytest.param(dict, "1", "This must be an object in JSON.", id="a number for an object"),
        pytest.param(list, "false", "This must be a list in JSON.", id="false for a list"),
        pytest.param(
            dict,
            "{'a': 1}",
            "This is not valid JSON: JSON is malformed: object keys must be strings (byte 1)",
            id="single quotes",
        ),
        pytest.param(
            list,
            "[1,]",
            "This is not valid JSON: JSON is malformed: trailing comma in array (byte 3)",
            id="a trailing comma",
        ),
        pytest.param(
            list, "[1", "This is not valid JSON: Input data was truncated", id="a cut end"
        ),
        pytest.param(
            list,
            "[NaN]",
            "This is not valid JSON: JSON is malformed: invalid character (byte 1)",
            id="no number",
        ),
        pytest.param(
            list,
            "[1e400]",
            "This is not valid JSON: Number out of range - at `$[0]`",
            id="too large a number",
        ),
        pytest.param(
            list,
            "[" * 5000 + "]" * 5000,
            "This may be nested at most 61 deep.",
            id="too deep for a parser",
        ),
        pytest.param(
            list, "[" * 62 + "]" * 62, "This may be nested at most 61 deep.", id="too deep by one"
        ),
    ],
)
def test_what_is_no_such_document_is_refused(json_type, written, message):
    with pytest.raises(ValidationError) as raised:
        DocumentField(json_type=json_type).clean(written, None)
    assert raised.value.messages == [message]


def test_a_document_may_be_null_only_where_the_column_may():
    assert DocumentField(json_type=list, blank=True, null=True).clean(None, None) is None
    with pytest.raises(ValidationError, match="This field cannot be null"):
        DocumentField(json_type=list, blank=True).clean(None, None)


@pytest.mark.parametrize(
    ("field", "document"),
    [
        pytest.param(DocumentField(json_type=list, blank=True), "[]", id="an empty list"),
        pytest.param(DocumentField(json_type=dict, blank=True), "{}", id="an empty object"),
        pytest.param(DocumentField(json_type=list, blank=True, null=True), None, id="null"),
    ],
)
def test_a_form_that_is_left_empty_gives_the_empty_document(field, document):
    assert field.formfield().clean("  ") == document


@pytest.mark.django_db
def test_documents_are_read_as_the_text_that_was_stored():
    nodes = '[{"a":1e300,"b":[],"é":"\\u0000 \u2028"}]'
    flow = FlowFactory(nodes=nodes, used_connections=None, used_secrets="null")
    flow = Flow.objects.get(pk=flow.pk)
    assert (flow.nodes, flow.used_connections, flow.used_secrets) == (nodes, None, "null")


def test_a_migration_keeps_the_type_of_a_document():
    path, args, kwargs = DocumentField(json_type=list, blank=True).deconstruct()[1:]
    assert (path, args) == ("flows.fields.DocumentField", [])
    assert kwargs == {"blank": True, "json_type": list}


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "flows", check=True, dry_run=True, stdout=StringIO())


# --- sealed values


def stored_token(secret):
    """The column as it is, past the field."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT dev_value FROM flows_secret WHERE id = %s", [secret.pk])
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_text_that_is_assigned_is_sealed_when_it_is_saved():
    secret = SecretFactory(dev_value=VALUE)
    assert isinstance(secret.dev_value, Sealed)
    assert Secret.objects.get().dev_value.reveal() == VALUE
    assert stored_token(secret) == secret.dev_value.token


@pytest.mark.django_db
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda secret: Secret.objects.filter(pk=secret.pk).update(dev_value=VALUE), id="update"
        ),
        pytest.param(
            lambda secret: Secret.objects.bulk_update(
                [Secret(pk=secret.pk, dev_value=VALUE)], ["dev_value"]
            ),
            id="bulk_update",
        ),
        pytest.param(
            lambda secret: Secret.objects.bulk_create(
                [Secret(pk=secret.pk, name="N", uuid=secret.uuid, dev_value=VALUE)],
                update_conflicts=True,
                unique_fields=["uuid"],
                update_fields=["dev_value"],
            ),
            id="bulk_create",
        ),
    ],
)
def test_a_bulk_write_seals_as_well(write):
    secret = SecretFactory(dev_value="before")
    write(secret)
    assert VALUE not in stored_token(secret)
    assert Secret.objects.get().dev_value.reveal() == VALUE


@pytest.mark.django_db
@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_value_is_none(empty):
    secret = SecretFactory(dev_value=empty)
    assert secret.dev_value is None
    assert stored_token(secret) is None
    assert not Secret.objects.get().has_value


@pytest.mark.django_db
def test_an_update_with_an_empty_value_clears_it():
    secret = SecretFactory(dev_value=VALUE)
    Secret.objects.update(dev_value="")
    assert stored_token(secret) is None


@pytest.mark.django_db
@pytest.mark.parametrize("environment", ["dev_value", "prod_value"])
def test_a_secret_knows_whether_it_has_a_value(environment):
    assert SecretFactory(**{environment: " "}).has_value


@pytest.mark.django_db
def test_saving_an_unchanged_secret_keeps_its_token_byte_for_byte():
    token = stored_token(SecretFactory(dev_value=VALUE))
    secret = Secret.objects.get()
    for save in (
        secret.save,
        lambda: secret.save(update_fields=["dev_value"]),
        lambda: Secret.objects.bulk_update([secret], ["dev_value"]),
        secret.full_clean,
        secret.save,
    ):
        save()
        assert stored_token(secret) == token


@pytest.mark.django_db
def test_saving_needs_no_key_for_what_is_sealed(settings):
    token = stored_token(SecretFactory(dev_value=VALUE))
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    secret = Secret.objects.get()
    secret.description = "changed"
    secret.save()
    assert stored_token(secret) == token


@pytest.mark.django_db
def test_a_wrong_key_raises_and_gives_nothing_away(settings):
    SecretFactory(dev_value=VALUE)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    secret = Secret.objects.get()
    with pytest.raises(WrongKeyError) as raised:
        secret.dev_value.reveal()
    assert secret.dev_value.token not in str(raised.value)
    assert str(secret.dev_value) == MASK


@pytest.mark.django_db
@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        format,
        lambda secret: f"{secret} {secret!r} {secret.dev_value} {secret.dev_value!r}",
        lambda secret: "%s %r" % (secret.dev_value, secret.dev_value),  # noqa: UP031
        lambda secret: repr(vars(secret)),
        lambda secret: repr(list(Secret.objects.values())),
        lambda secret: repr(forms.model_to_dict(secret)),
    ],
)
def test_a_stored_secret_shows_neither_value_nor_token(show):
    SecretFactory(dev_value=VALUE)
    secret = Secret.objects.get()
    shown = show(secret)
    assert shown
    assert VALUE not in shown
    assert secret.dev_value.token not in shown


@pytest.mark.django_db
def test_a_dump_holds_tokens():
    secret = SecretFactory(dev_value=VALUE)
    token, out = stored_token(secret), StringIO()
    call_command("dumpdata", "flows.secret", stdout=out)
    fields = json.loads(out.getvalue())[0]["fields"]
    assert (fields["dev_value"], fields["prod_value"]) == ({"$enc": token}, None)
    assert VALUE not in out.getvalue()


@pytest.mark.django_db
def test_a_dump_is_loaded_unchanged(tmp_path, settings):
    secret = SecretFactory(dev_value=VALUE)
    token, dump = stored_token(secret), tmp_path / "dump.json"
    call_command("dumpdata", "flows.secret", output=str(dump))
    Secret.objects.all().delete()
    settings.ZIGGY = {
        **settings.ZIGGY,
        "ENCRYPTION_KEYS": [Fernet.generate_key().decode()],
    }  # it is not even opened
    call_command("loaddata", str(dump), verbosity=0)
    assert stored_token(Secret.objects.get()) == token


@pytest.mark.django_db
def test_a_fixture_in_clear_text_is_sealed_when_it_is_loaded(tmp_path):
    fixture = tmp_path / "fixture.json"
    fields = {"name": "KEY", "dev_value": VALUE, "prod_value": ""}
    fixture.write_text(json.dumps([{"model": "flows.secret", "pk": 7, "fields": fields}]))
    call_command("loaddata", str(fixture), verbosity=0)
    secret = Secret.objects.get()
    assert (secret.dev_value.reveal(), secret.prod_value) == (VALUE, None)


@pytest.mark.django_db
def test_an_object_that_is_no_token_is_refused_when_it_is_loaded(tmp_path):
    fixture = tmp_path / "fixture.json"
    fields = {"name": "KEY", "dev_value": {"value": VALUE}}
    fixture.write_text(json.dumps([{"model": "flows.secret", "pk": 7, "fields": fields}]))
    with pytest.raises(DeserializationError):
        call_command("loaddata", str(fixture), verbosity=0)
    assert not Secret.objects.exists()


def test_the_encrypted_field_is_nullable_by_itself():
    field = EncryptedTextField()
    assert (field.null, field.blank, field.default) == (True, True, None)
    assert isinstance(field, models.TextField)


def test_a_sealed_value_is_stored_as_its_token():
    sealed = seal(VALUE)
    assert EncryptedTextField().get_prep_value(sealed) == sealed.token


@pytest.mark.django_db
@pytest.mark.parametrize("update_fields", [None, ["name"]])
def test_saving_sets_the_date_of_the_row(update_fields):
    before = FlowFactory().updated_at
    flow = Flow.objects.get()
    flow.name = "changed"
    flow.save(update_fields=update_fields)
    after = Flow.objects.get()
    assert after.name == "changed"
    assert after.updated_at > before
