"""The operation that moves a key of `extra` into a column, in a migration of its own on the tests'
database: rows, deleted rows and named saves, on SQLite and PostgreSQL.
"""

import json
from contextlib import contextmanager

import pytest
from django.db import connection, migrations, models
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext
from reversion.models import Version

from flows.content.fields import Field, Kind, Shape
from flows.models import MODELS, Flow
from flows.saves import named_saves
from flows.upgrades import extra_keys
from flows.upgrades.extra_keys import NAMED_SAVES, move_key_into_column
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db(transaction=True)


def new_column(shape=Shape.TEXT, **options):
    if shape is Shape.BOOLEAN:
        return models.BooleanField(null=True, default=None)
    if shape is Shape.INTEGER:
        return models.PositiveSmallIntegerField(null=True, default=None)
    return models.CharField(**{"max_length": 20, "null": True, "default": None, **options})


class AddedColumn:
    """A migration that adds the column `owner` to a kind and moves the key into it."""

    def __init__(self, kind, column, shape):
        field = Field(key="owner", column="owner", shape=shape, optional=column.null)
        operations = [
            migrations.AddField(kind.value, "owner", column),
            move_key_into_column(kind, field),
        ]
        self.is_applied = False
        self._kind = kind
        self._before = MigrationLoader(connection).project_state()
        self._migration = type("Migration", (migrations.Migration,), {"operations": operations})(
            "9999_owner", "flows"
        )
        self._after = self._migration.mutate_state(self._before)

    def apply(self):
        self.is_applied = True
        with connection.schema_editor(atomic=True) as editor:
            self._migration.apply(self._before.clone(), editor)

    def unapply(self):
        with connection.schema_editor(atomic=True) as editor:
            self._migration.unapply(self._before.clone(), editor)
        self.is_applied = False

    def remove(self):
        """Drop the column, whatever it contains."""
        if self.is_applied:
            model, column = self.model, self.model._meta.get_field("owner")
            with connection.schema_editor(atomic=True) as editor:
                editor.remove_field(model, column)

    @property
    def model(self):
        return self._after.apps.get_model("flows", self._kind.value)

    def owners(self):
        return dict(self.model.objects.values_list("name", "owner"))

    def extras(self):
        return dict(MODELS[self._kind].objects.values_list("name", "extra"))


@contextmanager
def added(kind=Kind.FLOW, shape=Shape.TEXT, **options):
    column = AddedColumn(kind, new_column(shape, **options), shape)
    try:
        yield column
    finally:
        column.remove()


def saved_fields(name):
    version = Version.objects.get(object_repr=name)
    return json.loads(version.serialized_data)[0]["fields"]


EXTRAS = {
    "value": '{"a":1,"owner":"Ann","z":"owner"}',
    "null": '{"owner":null}',
    "number": '{"owner":5}',
    "long": json.dumps({"owner": "x" * 21}, separators=(",", ":")),
    "absent": '{"other":"owner"}',
    "none": "{}",
}


@pytest.fixture
def flows():
    for name, extra in EXTRAS.items():
        flow = FlowFactory(name=name, extra=extra, is_deleted=name == "value")
        named_saves.take_rows(Flow, [flow.pk], "by the database")
    ConnectionFactory(name="connection", extra='{"owner":"Con"}')


@pytest.fixture
def windows_of_two(monkeypatch):
    monkeypatch.setattr(extra_keys, "_WINDOW", 2)


def test_a_value_moves_in_rows_and_named_saves(flows, windows_of_two):
    with added() as column:
        column.apply()
        assert column.owners() == {**dict.fromkeys(EXTRAS), "value": "Ann"}
        assert column.extras() == {**EXTRAS, "value": '{"a":1,"z":"owner"}'}
        assert (saved_fields("value")["owner"], saved_fields("value")["extra"]) == (
            "Ann",
            '{"a":1,"z":"owner"}',
        )
        for name in EXTRAS.keys() - {"value"}:
            assert saved_fields(name)["extra"] == EXTRAS[name]
            assert "owner" not in saved_fields(name)
    assert MODELS[Kind.CONNECTION].objects.get().extra == '{"owner":"Con"}'


def test_an_explicit_null_differs_from_absence_where_the_default_is_no_null(flows):
    with added(default="") as column:
        column.apply()
        assert column.owners() == {**dict.fromkeys(EXTRAS, ""), "value": "Ann", "null": None}
        assert column.extras()["null"] == "{}"
        assert saved_fields("null")["owner"] is None


def test_a_null_stays_where_the_column_takes_none(flows):
    with added(default="", null=False) as column:
        column.apply()
        assert column.owners()["null"] == ""
        assert column.extras()["null"] == EXTRAS["null"]


@pytest.mark.parametrize("default", [None, ""])
def test_there_and_back_changes_nothing(flows, windows_of_two, default):
    rows = list(Flow.objects.order_by("pk").values())
    saves = [saved_fields(name) for name in EXTRAS]
    with added(default=default) as column:
        column.apply()
        column.unapply()
        assert list(Flow.objects.order_by("pk").values()) == rows
        for before, name in zip(saves, EXTRAS, strict=True):
            after = saved_fields(name)
            after.pop("owner", None)  # which no field has that name is ignored
            assert after == before


def test_what_was_written_since_moves_back_too(flows):
    with added() as column:
        column.apply()
        rows = column.model.objects
        rows.filter(name="none").update(owner="Bob")
        rows.filter(name="number").update(owner="Eve")
        rows.filter(name="value").update(owner=None)
        column.unapply()
        assert column.extras() == {
            **EXTRAS,
            "none": '{"owner":"Bob"}',
            "number": '{"owner":"Eve"}',
            "value": '{"a":1,"z":"owner"}',
        }


def test_it_says_what_moved_and_what_stays(flows, capsys):
    with added() as column:
        column.apply()
        uuids = [str(Flow.objects.get(name=name).uuid) for name in ("number", "long")]
        assert capsys.readouterr().err == (
            "\n    flow owner: moved out of extra in 1 row and 1 named save.\n"
            "\n    flow owner: 2 rows and 2 named saves keep it in extra, as the column does not "
            "take the value. It should be text. Exports contain it: set the field of these, or "
            f"take the key out of Extra in the admin. Uuids: {' and '.join(uuids)}.\n"
        )
        column.unapply()
        assert capsys.readouterr().err == (
            "\n    flow owner: moved back into extra in 1 row and 1 named save.\n"
        )


def test_it_says_nothing_where_nothing_is_moved(capsys):
    FlowFactory(extra='{"a":1}')
    with added() as column:
        column.apply()
        column.unapply()
    assert capsys.readouterr().err == ""


def test_many_that_stay_are_counted_and_the_first_are_named(capsys, monkeypatch):
    monkeypatch.setattr(extra_keys, "_NAMED", 1)
    first = FlowFactory(extra='{"owner":5}')
    FlowFactory.create_batch(2, extra='{"owner":5}')
    with added() as column:
        column.apply()
    assert f"Uuids: {first.uuid} and 2 more." in capsys.readouterr().err


def test_a_number_that_the_column_cannot_have_stays():
    FlowFactory(name="small", extra='{"owner":7}')
    FlowFactory(name="large", extra='{"owner":70000000}')
    with added(shape=Shape.INTEGER) as column:
        column.apply()
        # SQLite's columns have no range.
        large = 70_000_000 if connection.vendor == "sqlite" else None
        assert column.owners() == {"small": 7, "large": large}


def test_a_save_that_is_none_of_an_item_is_left_alone(flows):
    texts = ["[]", "owner", "{}", '[{"owner": 1}]', '[{"fields": {"owner": 1, "extra": 5}}]']
    versions = Version.objects.order_by("pk")
    for version, text in zip(versions, texts, strict=False):
        Version.objects.filter(pk=version.pk).update(serialized_data=text)
    with added() as column:
        column.apply()
        column.unapply()
    assert list(versions.values_list("serialized_data", flat=True))[: len(texts)] == texts


def test_a_secret_has_no_text_put_back_in_clear():
    SecretFactory(name="A", extra='{"owner":true}')
    with added(Kind.SECRET, Shape.BOOLEAN) as column:
        column.apply()
        assert column.owners() == {"A": True}
        column.unapply()
        assert column.extras() == {"A": '{"owner":true}'}
    with added(Kind.SECRET) as column:
        column.apply()
        column.model.objects.update(owner="Ann")
        with pytest.raises(
            IrreversibleError, match=r"1 row and 0 named saves of secrets have an? "
        ):
            column.unapply()
        assert column.owners() == {"A": "Ann"}


def test_no_time_of_writing_changes(flows):
    before = list(Flow.objects.order_by("pk").values_list("updated_at", "updated_by"))
    with added() as column:
        column.apply()
        assert (
            list(column.model.objects.order_by("pk").values_list("updated_at", "updated_by"))
            == before
        )


def test_the_number_of_queries_is_in_proportion_to_the_windows(windows_of_two):
    def queries(count):
        Flow.objects.all().delete()
        Version.objects.all().delete()
        for flow in FlowFactory.create_batch(count, extra="{}"):
            named_saves.take(flow, "before")
        with (
            added() as column,
            CaptureQueriesContext(
                connection,
            ) as captured,
        ):
            column.apply()
        return len(captured)

    few, more, most = queries(4), queries(8), queries(16)
    assert (most - more) == 2 * (more - few)


def test_it_depends_on_the_table_of_named_saves():
    assert NAMED_SAVES in MigrationLoader(connection).disk_migrations
