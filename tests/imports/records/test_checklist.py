"""What is left to do after an import, read from the database as it is now, and done."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from flows.content.fields import Kind
from flows.models import Connection, Secret
from flows.secrets.values import HasValueError, SecretGoneError
from imports.models import ImportRecord
from imports.records.checklist import (
    Checklist,
    PointGoneError,
    fill_secret,
    read_checklist,
    read_warnings,
    tick_off,
)
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of

pytestmark = pytest.mark.django_db

VALUE = "CANARY-c4ec-value"
OTHER = "CANARY-c4ec-other"


def secrets_of(checklist):
    return [(point.name, point.is_done) for point in checklist.secrets]


def connections_of(checklist):
    return [(point.name, point.is_done) for point in checklist.connections]


def first_secret():
    return UUID(uuid_of("5", 1))


# --- secrets


def test_a_created_secret_needs_a_value():
    record = import_items(secret(1, "KEY")).record
    checklist = read_checklist(record)
    assert secrets_of(checklist) == [("KEY", False)]
    assert checklist.is_open


@pytest.mark.parametrize("environment", ["dev_value", "prod_value"])
def test_a_created_secret_with_a_value_in_one_environment_is_done(environment):
    record = import_items(secret(1, "KEY")).record
    Secret.objects.update(**{environment: VALUE})
    assert secrets_of(read_checklist(record)) == [("KEY", True)]
    assert not read_checklist(record).is_open


@pytest.mark.parametrize("mode", ["skip", "overwrite"])
def test_a_secret_that_was_there_without_a_value_needs_one(mode):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY")
    record = import_items(secret(1, "KEY"), mode=mode).record
    assert secrets_of(read_checklist(record)) == [("KEY", False)]


def test_a_secret_that_was_there_with_a_value_is_no_point():
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value=VALUE)
    record = import_items(secret(1, "KEY", description="changed")).record
    assert secrets_of(read_checklist(record)) == []


def test_a_deleted_secret_is_no_point():
    record = import_items(secret(1, "KEY")).record
    Secret.objects.update(is_deleted=True)
    assert secrets_of(read_checklist(record)) == []


def test_secrets_of_other_imports_are_no_points():
    record = import_items(secret(1, "KEY")).record
    import_items(secret(2, "OTHER"))
    assert secrets_of(read_checklist(record)) == [("KEY", False)]


def test_the_copy_of_a_secret_is_the_point_and_not_what_it_was_copied_from():
    SecretFactory(uuid=uuid_of("5", 1), name="KEY")
    record = import_items(secret(1, "KEY"), mode="duplicate").record
    assert secrets_of(read_checklist(record)) == [("KEY_copy", False)]


def test_open_secrets_come_before_done_ones_each_by_name():
    record = import_items(*(secret(n, name) for n, name in enumerate("DCBA"))).record
    Secret.objects.filter(name__in="AC").update(dev_value=VALUE)
    expected = [("B", False), ("D", False), ("A", True), ("C", True)]
    assert secrets_of(read_checklist(record)) == expected


@pytest.mark.parametrize("status", ["running", "refused", "failed", "interrupted", "undone"])
def test_an_import_that_is_not_in_effect_has_no_points(status):
    record = import_items(secret(1, "KEY"), connection(1, "Mail")).record
    ImportRecord.objects.update(status=status)
    record.refresh_from_db()
    assert read_checklist(record) == Checklist()


def test_no_value_is_read(django_assert_num_queries):
    record = import_items(secret(1, "KEY"), secret(2, "OTHER")).record
    Secret.objects.filter(name="KEY").update(dev_value=VALUE)
    with django_assert_num_queries(7) as queries:
        read_checklist(record)
    for query in queries.captured_queries:
        chosen, _, origin = query["sql"].partition(" FROM ")
        # The texts of connections are compared; a secret's value is not even asked for.
        assert "value" not in chosen or origin.startswith('"flows_connection" ')


def test_a_secret_is_used_where_a_connection_or_a_flow_names_it():
    used = connection(1, "Mail", devValue="{ token: secrets.OF_CONNECTION }")
    code = flow(1, "Orders", nodes=[{"id": "a", "data": {"code": "secrets.OF_FLOW"}}])
    names = ("OF_CONNECTION", "OF_FLOW", "OF_NOTHING")
    record = import_items(*(secret(n, name) for n, name in enumerate(names)), used, code).record
    checklist = read_checklist(record)
    assert [point.name for point in checklist.open_used_secrets] == ["OF_CONNECTION", "OF_FLOW"]
    assert [point.name for point in checklist.open_unused_secrets] == ["OF_NOTHING"]
    Connection.objects.update(dev_value="compute(secrets)")
    assert read_checklist(record).open_unused_secrets == []


# --- connections


def test_connections_that_were_written_are_to_look_at():
    ConnectionFactory(uuid=uuid_of("c", 1), name="Overwritten")
    ConnectionFactory(uuid=uuid_of("c", 2), name="Unchanged", type="Mail")
    record = import_items(
        connection(1, "Overwritten", type="Other"),
        connection(2, "Unchanged", type="Mail"),
        connection(3, "Created"),
    ).record
    checklist = read_checklist(record)
    assert connections_of(checklist) == [("Overwritten", False), ("Created", False)]
    assert [point.result.value for point in checklist.connections] == ["OVERWRITE", "CREATE"]
    assert checklist.is_open


def test_a_skipped_connection_is_no_point():
    ConnectionFactory(uuid=uuid_of("c", 1), name="There")
    record = import_items(connection(1, "There"), mode="skip").record
    assert connections_of(read_checklist(record)) == []


def test_connections_with_warnings_come_first_and_those_that_send_secrets_elsewhere_before_all():
    SecretFactory(name="KEY", dev_value=VALUE)
    here = "{ host: 'a.example.com', token: secrets.KEY }"
    elsewhere = "{ host: 'b.example.com', token: secrets.KEY }"
    ConnectionFactory(uuid=uuid_of("c", 4), name="Retargeted", dev_value=here)
    ConnectionFactory(uuid=uuid_of("c", 3), name="Old name")
    record = import_items(
        connection(1, "Plain"),
        connection(2, "Dangling", devValue="{ token: secrets.MISSING }"),
        connection(3, "Renamed"),
        connection(4, "Retargeted", devValue=elsewhere),
    ).record
    checklist = read_checklist(record)
    names = [point.name for point in checklist.connections]
    assert names == ["Retargeted", "Dangling", "Renamed", "Plain"]
    assert [point.is_retargeted for point in checklist.connections] == [True, False, False, False]
    warnings = read_warnings(checklist.connections)
    shown = [warnings[point.item_pk] for point in checklist.connections]
    assert shown[1].others == ("dangling reference to secrets.MISSING",)
    assert [len(each.serious) for each in shown] == [1, 0, 0, 0]


def test_a_connection_that_was_changed_since_is_done():
    record = import_items(connection(1, "Mail"), connection(2, "Chat")).record
    Connection.objects.filter(name="Mail").update(prod_value="{ host: 'here.example.com' }")
    assert connections_of(read_checklist(record)) == [("Chat", False), ("Mail", True)]


def test_a_connection_that_was_saved_as_it_was_is_to_look_at_still():
    record = import_items(connection(1, "Mail")).record
    Connection.objects.get().save()
    assert connections_of(read_checklist(record)) == [("Mail", False)]


@pytest.mark.parametrize("ahead", [timedelta(seconds=20), timedelta(days=9)])
def test_a_connection_with_a_time_to_come_in_the_file_is_not_done(ahead, monkeypatch):
    future = f"{datetime.now(UTC) + ahead:%Y-%m-%dT%H:%M:%S.%f}Z"
    record = import_items(connection(1, "Mail", updatedAt=future)).record
    later = timezone.now() + timedelta(days=30)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert record.finished_at < Connection.objects.get().updated_at < later
    assert connections_of(read_checklist(record)) == [("Mail", False)]


def test_a_connection_of_a_record_without_digests_is_not_done():
    record = import_items(connection(1, "Mail")).record
    record.items.update(content_digest="")
    assert connections_of(read_checklist(record)) == [("Mail", False)]


@pytest.mark.parametrize("gone", ["deleted", "purged"])
def test_a_connection_that_is_gone_is_done_and_has_no_page(gone):
    record = import_items(connection(1, "Mail")).record
    if gone == "deleted":
        Connection.objects.update(is_deleted=True)
    else:
        Connection.objects.all().delete()
    (point,) = read_checklist(record).connections
    assert (point.name, point.is_done, point.pk) == ("Mail", True, None)


def test_flows_are_no_points():
    record = import_items(flow(1, "Orders")).record
    assert read_checklist(record) == Checklist()


def test_a_longer_checklist_takes_no_more_queries(django_assert_num_queries):
    record = import_items(
        *(secret(n, f"KEY_{n}") for n in range(50)),
        *(connection(n, f"Connection {n}") for n in range(50)),
    ).record
    with django_assert_num_queries(7):
        read_checklist(record)


# --- ticking a connection off


def test_a_connection_that_is_right_as_it_came_is_ticked_off():
    record = import_items(connection(1, "Mail"), connection(2, "Chat")).record
    before = Connection.objects.order_by("pk").values()[:]
    item = record.items.get(name="Mail")
    assert tick_off(record, item.pk).name == "Mail"
    assert connections_of(read_checklist(record)) == [("Chat", False), ("Mail", True)]
    assert [*Connection.objects.order_by("pk").values()] == [*before]
    item.refresh_from_db()
    first = item.looked_at
    tick_off(record, item.pk)  # twice is once
    item.refresh_from_db()
    assert item.looked_at == first


def test_ticking_off_holds_for_one_import():
    one = import_items(connection(1, "Mail")).record
    other = import_items(connection(1, "Mail", type="Other")).record
    tick_off(one, one.items.get().pk)
    assert connections_of(read_checklist(other)) == [("Mail", False)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda record: record.items.update(result="SKIP"), id="nothing was written"),
        pytest.param(lambda record: record.items.update(kind="secret"), id="no connection"),
        pytest.param(lambda record: Connection.objects.update(is_deleted=True), id="deleted"),
        pytest.param(lambda record: Connection.objects.all().delete(), id="gone"),
        pytest.param(lambda record: setattr(record, "status", "undone"), id="undone"),
    ],
)
def test_what_is_no_point_is_not_ticked_off(change):
    record = import_items(connection(1, "Mail")).record
    change(record)
    with pytest.raises(PointGoneError):
        tick_off(record, record.items.get().pk)
    assert record.items.get().looked_at is None


def test_a_connection_of_another_import_is_not_ticked_off():
    record = import_items(connection(1, "Mail")).record
    other = import_items(connection(2, "Chat")).record
    with pytest.raises(PointGoneError):
        tick_off(record, other.items.get().pk)


# --- filling a secret


def values_of(name):
    row = Secret.objects.get(name=name)
    return [value and value.reveal() for value in (row.dev_value, row.prod_value)]


@pytest.mark.parametrize(
    ("dev", "prod", "stored"),
    [(VALUE, OTHER, [VALUE, OTHER]), (VALUE, "", [VALUE, None]), ("", OTHER, [None, OTHER])],
)
def test_a_secret_is_given_its_values(dev, prod, stored):
    record = import_items(secret(1, "KEY")).record
    fill_secret(record, first_secret(), dev_value=dev, prod_value=prod, user_name="ada", shown="")
    assert values_of("KEY") == stored
    assert secrets_of(read_checklist(record)) == [("KEY", True)]


def test_nothing_but_the_values_is_written():
    record = import_items(secret(1, "KEY", description="of the file")).record
    before = Secret.objects.values().get()
    fill_secret(record, first_secret(), dev_value=VALUE, prod_value="", user_name="ada", shown="")
    after = Secret.objects.values().get()
    changed = {column for column in before if before[column] != after[column]}
    assert changed == {"dev_value", "updated_at", "updated_by"}


@pytest.mark.parametrize("environment", ["dev_value", "prod_value"])
def test_a_value_that_somebody_gave_meanwhile_is_not_overwritten(environment):
    record = import_items(secret(1, "KEY")).record
    row = Secret.objects.get()
    setattr(row, environment, OTHER)
    row.save()
    before = Secret.objects.values().get()
    with pytest.raises(HasValueError):
        fill_secret(
            record, first_secret(), dev_value=VALUE, prod_value=VALUE, user_name="ada", shown=""
        )
    assert Secret.objects.values().get() == before


def test_a_secret_of_another_import_is_not_filled():
    record = import_items(secret(1, "KEY")).record
    import_items(secret(2, "OTHER"))
    with pytest.raises(SecretGoneError):
        fill_secret(
            record, UUID(uuid_of("5", 2)), dev_value=VALUE, prod_value="", user_name="ada", shown=""
        )
    assert values_of("OTHER") == [None, None]


def test_a_deleted_secret_is_not_filled():
    record = import_items(secret(1, "KEY")).record
    Secret.objects.update(is_deleted=True)
    with pytest.raises(SecretGoneError):
        fill_secret(
            record, first_secret(), dev_value=VALUE, prod_value="", user_name="ada", shown=""
        )
    assert values_of("KEY") == [None, None]


def test_a_secret_of_an_import_that_was_undone_is_not_filled():
    record = import_items(secret(1, "KEY")).record
    record.status = "undone"
    with pytest.raises(SecretGoneError):
        fill_secret(
            record, first_secret(), dev_value=VALUE, prod_value="", user_name="ada", shown=""
        )
    assert values_of("KEY") == [None, None]


def test_the_points_are_those_of_the_kind_that_an_item_is():
    """A flow of the file with the uuid of a secret that is there says nothing of the secret."""
    SecretFactory(uuid=uuid_of("f", 1), name="NAMESAKE")
    record = import_items(flow(1, "Orders")).record
    assert record.items.get().kind == Kind.FLOW
    assert secrets_of(read_checklist(record)) == []
