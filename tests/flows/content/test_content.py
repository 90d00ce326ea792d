"""The table of content is complete: it knows every column, and nothing that is no column."""

import pytest

from flows.content.fields import (
    CREATED_KEY,
    DELETED_KEY,
    EXECUTION_HISTORY_LEVELS,
    FIELDS,
    NAME_MAX_LENGTH,
    SECRET_VALUE_KEYS,
    UPDATED_KEY,
    UUID_KEY,
    Kind,
    Shape,
    get_columns,
)
from flows.fields import DocumentField
from flows.models import MODELS

# Columns that are no field of content, and why. Whoever adds a column puts it into FIELDS or here.
OF_EVERY_KIND = {
    "id": "the key inside this database; no file knows it",
    "uuid": "who the row is, not what it holds: what matching goes by",
    "created_at": "the row's own; a difference in it is no change",
    "updated_at": "the row's own; a difference in it is no change",
    "updated_by": "the row's own: a name of this server's users",
    "is_deleted": "a deleted row counts as absent; exports leave it out",
    "extra": "the unknown keys of the item, each under its own key",
}
OF_A_KIND = {
    Kind.FLOW: {},
    Kind.CONNECTION: {},
    Kind.SECRET: {
        "dev_value": "a secret value is never in a file",
        "prod_value": "a secret value is never in a file",
    },
}
SHAPES = {
    "BooleanField": {Shape.BOOLEAN},
    "BigIntegerField": {Shape.INTEGER},
    "CharField": {Shape.NAME},
    "TextField": {Shape.TEXT, Shape.CHOICE},
}
KINDS = pytest.mark.parametrize("kind", list(Kind))


def columns_of_model(kind):
    return {field.column: field for field in MODELS[kind]._meta.concrete_fields}


def test_every_kind_has_a_model_that_knows_it():
    assert {kind: model.kind for kind, model in MODELS.items()} == {kind: kind for kind in Kind}
    assert list(MODELS) == list(FIELDS) == list(Kind)


@KINDS
def test_every_column_is_content_or_left_out_for_a_reason(kind):
    content = {field.column for field in FIELDS[kind]}
    left_out = OF_EVERY_KIND.keys() | OF_A_KIND[kind].keys()
    assert content | left_out == columns_of_model(kind).keys()
    assert not content & left_out


@KINDS
def test_every_field_is_known_by_one_key_and_one_column(kind):
    keys = [field.key for field in FIELDS[kind]]
    assert len({*keys}) == len(keys)
    assert len({field.column for field in FIELDS[kind]}) == len(keys)
    assert not {UUID_KEY, CREATED_KEY, UPDATED_KEY, DELETED_KEY} & {*keys}


def test_the_values_of_a_secret_are_no_content():
    assert not {*SECRET_VALUE_KEYS} & {field.key for field in FIELDS[Kind.SECRET]}


@KINDS
def test_the_shape_of_a_field_fits_its_column(kind):
    for field in FIELDS[kind]:
        column = columns_of_model(kind)[field.column]
        if field.shape.is_document:
            assert isinstance(column, DocumentField), field
            assert column.json_type is (dict if field.shape is Shape.OBJECT else list), field
        else:
            assert not isinstance(column, DocumentField), field
            assert field.shape in SHAPES[column.get_internal_type()], field


@KINDS
def test_what_a_file_may_leave_null_the_column_may_as_well(kind):
    for field in FIELDS[kind]:
        column = columns_of_model(kind)[field.column]
        if field.shape is Shape.NAME:
            assert (column.null, column.max_length) == (False, NAME_MAX_LENGTH)
        elif not field.shape.is_document:  # a document keeps it as the text `null`
            assert column.null, field


@KINDS
def test_only_an_optional_field_is_null_until_it_is_set(kind):
    row = MODELS[kind]()
    optional = {field.column for field in FIELDS[kind] if field.optional}
    assert optional <= {
        field.column for field in FIELDS[kind] if getattr(row, field.column) is None
    }


@KINDS
def test_columns_are_the_content_and_the_unknown_keys_last(kind):
    assert get_columns(kind) == (*(field.column for field in FIELDS[kind]), "extra")


def test_a_choice_takes_the_words_of_the_specification():
    column = columns_of_model(Kind.FLOW)["execution_history_level"]
    assert [value for value, _ in column.choices] == list(EXECUTION_HISTORY_LEVELS)
    assert column.default in EXECUTION_HISTORY_LEVELS


@pytest.mark.parametrize(
    ("kind", "plural"),
    [(Kind.FLOW, "flows"), (Kind.CONNECTION, "connections"), (Kind.SECRET, "secrets")],
)
def test_a_kind_has_the_plural_of_the_file(kind, plural):
    assert kind.plural == plural
