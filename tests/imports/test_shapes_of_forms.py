"""A document that the admin takes is one that a file may have, so that its export can be imported."""

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content.fields import FIELDS, Kind
from flows.models import MODELS
from imports.errors import UnableToImport
from imports.exportfile.document import parse
from tests.support.importing import connection, export_file, flow, secret

ITEMS = {Kind.FLOW: flow, Kind.CONNECTION: connection, Kind.SECRET: secret}
DOCUMENTS = [(kind, field) for kind in Kind for field in FIELDS[kind] if field.shape.is_document]
UUID = "c4492541-118e-4e23-9450-f2d28204ebee"

VALUES = st.recursive(
    st.sampled_from([None, True, 1, 1.5, "", "a", UUID, "\0"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["uuid", "id", "a"]), inner, max_size=2),
    ),
    max_leaves=5,
)


def is_taken_by_the_admin(kind, column, text):
    try:
        MODELS[kind]._meta.get_field(column).clean(text, None)
    except ValidationError:
        return False
    return True


def is_taken_from_a_file(kind, key, text):
    marked = export_file(ITEMS[kind](1, "A", **{key: "MARK"}))
    data = marked.replace(b'"MARK"', text.encode())
    try:
        parse(data, max_bytes=len(data))
    except UnableToImport:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "field"), DOCUMENTS, ids=[f"{kind} {field.key}" for kind, field in DOCUMENTS]
)
@given(value=VALUES)
@example(value=[[]])
@example(value=[1])
@example(value=["\0"])
@example(value=[{"uuid": "no uuid"}])
@example(value={"a": "\0"})
def test_the_admin_takes_what_a_file_may_have(kind, field, value):
    text = json.dumps(value)
    is_empty_null = value is None and not field.optional
    if not is_empty_null or MODELS[kind]._meta.get_field(field.column).null:
        taken = is_taken_by_the_admin(kind, field.column, text)
        assert taken == is_taken_from_a_file(kind, field.key, text), text
