"""A save of ours is read without an object of the model, as django-reversion reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reversion.models import Version

from flows.content.documents import Document
from flows.models import MODELS
from flows.saves import named_saves, saved_states
from flows.saves.plain_states import read_plain_state
from flows.saves.saved_states import get_present_row, read_saved_row
from tests.support.factories import FACTORIES

MODELS_BY_LABEL = {model._meta.label_lower: model for model in MODELS.values()}
TEXTS = st.sampled_from(["", "x", "2026-01-01T00:00:00Z", "[]", "\ud800", "1"])
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**70), st.floats(allow_nan=True), TEXTS
)


def read_clearly(version):
    """As django-reversion reads it."""
    return get_present_row(version._object_version.object)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", FACTORIES)
def test_a_save_of_each_kind_is_read_so(kind, monkeypatch):
    item = FACTORIES[kind](**({"dev_value": "x"} if kind == "secret" else {}))
    named_saves.take(item, "by Python")
    named_saves.take_rows(type(item), [item.pk], "by the database")
    saves = list(Version.objects.order_by("pk"))
    clear = [read_clearly(version) for version in saves]
    monkeypatch.setattr(saved_states, "get_present_row", None)  # the clear road
    assert [read_saved_row(version) for version in saves] == clear
    item.refresh_from_db()
    assert clear[0] == {**clear[1], "created_at": item.created_at, "updated_at": item.updated_at}


@pytest.mark.django_db
@given(st.data())
def test_of_any_fields_it_is_the_same_or_left_to_the_clear_road(data):
    item = FACTORIES["flow"].build(pk=7)
    state = json.loads(named_saves._serialize(item))
    fields = state[0]["fields"]
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[name] = data.draw(VALUES)
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=1)):
        del fields[name]
    text = json.dumps(state)
    row = read_plain_state(text, MODELS_BY_LABEL)
    if row is not None:
        version = Version(format="json", serialized_data=text, object_repr="x", db="default")
        version.content_type_id = 0
        clear = version_row(text)
        assert {**row} == clear


def version_row(text):
    from django.core import serializers  # noqa: PLC0415

    [found] = serializers.deserialize("json", text, ignorenonexistent=True)
    return get_present_row(found.object)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "[1]", "[{}]", "null", '[{"model": "flows.flow"}]'),
        *('[{"model": "auth.user", "pk": 1, "fields": {}}]', "[" * 5000),
        '[{"model": "flows.flow", "pk": 1, "fields": []}]',
        '[{"model": [], "pk": 1, "fields": {}}]',
    ],
)
def test_what_is_no_save_of_ours_is_left_to_the_clear_road(text):
    assert read_plain_state(text, MODELS_BY_LABEL) is None


def test_documents_are_not_read():
    item = FACTORIES["flow"].build(pk=7)
    text = json.dumps(
        [
            {
                "model": "flows.flow",
                "pk": 7,
                "fields": {
                    **json.loads(named_saves._serialize(item))[0]["fields"],
                    "nodes": {"$document": "0" * 64},
                },
            }
        ]
    )
    row = read_plain_state(text, MODELS_BY_LABEL)
    assert row is not None
    assert isinstance(row["nodes"], Document)
    assert not row["nodes"].has_text
