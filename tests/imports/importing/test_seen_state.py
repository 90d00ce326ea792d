"""What an import need not read again: told only where nobody wrote, and by each writer's write."""

import sqlite3
from contextlib import closing
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from flows.content.fields import Kind
from flows.database.state import SeenState
from flows.models import Flow
from imports.plans.plan import compute_content_digest
from imports.rows.lock import lock_rows
from imports.rows.read import VERSION, add_versions, read_contents
from tests.support.factories import FlowFactory
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
UPDATE = "UPDATE flows_flow SET info = {} WHERE id = {}"

on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'")
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'")


@pytest.fixture
def flow():
    return FlowFactory(name="Orders", info="before")


def write_as_another(statement):
    """A write that neither Django nor this connection knows of; it leaves `updated_at` alone."""
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        with closing(sqlite3.connect(name, uri=True)) as other, other:
            other.execute(statement)
        return
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute(statement)


def write_here(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def versions_of(flow):
    return dict(add_versions(Flow.objects.filter(pk=flow.pk)).values_list("pk", VERSION))


def locked(flow, *, is_unchanged, versions):
    with transaction.atomic():
        [row] = lock_rows(
            Kind.FLOW, [flow.pk], is_unchanged=is_unchanged, versions=versions
        ).values()
    return row.digest


@on_sqlite
class TestSqlite:
    def test_reading_changes_nothing(self, flow):
        seen = SeenState.see()
        Flow.objects.get()
        with transaction.atomic():
            assert seen.is_unchanged()
            list(read_contents(Kind.FLOW, [flow.pk]))
            assert seen.is_unchanged()

    @pytest.mark.parametrize("write", [write_as_another, write_here])
    def test_every_write_is_a_change(self, flow, write):
        seen = SeenState.see()
        write(UPDATE.format("'after'", flow.pk))
        with transaction.atomic():
            assert not seen.is_unchanged()

    def test_another_connection_knows_nothing(self, flow):
        seen = SeenState.see()
        connection.close()
        with transaction.atomic():
            assert not seen.is_unchanged()

    def test_own_writes_that_are_passed_over_hide_no_other(self, flow):
        seen = SeenState.see()
        with seen.pass_over_own_writes():
            FlowFactory()
        assert seen.is_unchanged()
        with seen.pass_over_own_writes():
            write_as_another(UPDATE.format("'after'", flow.pk))
        assert not seen.is_unchanged()

    def test_an_own_write_before_is_not_passed_over(self, flow):
        seen = SeenState.see()
        write_here(UPDATE.format("'after'", flow.pk))
        with seen.pass_over_own_writes():
            FlowFactory()
        assert not seen.is_unchanged()

    def test_a_row_has_no_version_and_is_read(self, flow):
        versions = versions_of(flow)
        assert versions == {flow.pk: ""}
        assert locked(flow, is_unchanged=False, versions=versions) is not None
        assert locked(flow, is_unchanged=True, versions=versions) is None


@on_postgresql
class TestPostgresql:
    def test_nothing_is_known_of_the_whole_database(self, flow):
        assert not SeenState.see().is_unchanged()

    def test_reading_and_locking_leave_the_version(self, flow):
        versions = versions_of(flow)
        assert locked(flow, is_unchanged=False, versions=versions) is None
        assert locked(flow, is_unchanged=False, versions=versions) is None
        assert versions_of(flow) == versions

    @pytest.mark.parametrize("write", [write_as_another, write_here])
    @pytest.mark.parametrize("text", ["'after'", "info"])
    def test_every_write_is_another_version_and_the_row_is_read(self, flow, write, text):
        versions = versions_of(flow)
        write(UPDATE.format(text, flow.pk))
        [(_, content)] = read_contents(Kind.FLOW, [flow.pk])
        digest = compute_content_digest(content, tuple(content))
        assert locked(flow, is_unchanged=False, versions=versions) == digest

    def test_each_write_of_one_transaction_is_another_version(self, flow):
        with transaction.atomic():
            found = []
            for number in range(5):
                write_here(UPDATE.format(f"'{number}'", flow.pk))
                found.append(versions_of(flow)[flow.pk])
        assert len(set(found)) == len(found)

    def test_who_waited_for_the_lock_of_a_writer_sees_the_new_version(self, flow):
        versions, holds = versions_of(flow), Event()

        def hold():
            with closing(connection.copy()) as other:
                other.set_autocommit(False)
                with other.cursor() as cursor:
                    cursor.execute(UPDATE.format("'after'", flow.pk))
                    holds.set()
                    cursor.execute("SELECT pg_sleep(0.5)")
                other.commit()

        writer = Thread(target=hold)
        writer.start()
        assert holds.wait(PATIENCE)
        digest = locked(flow, is_unchanged=False, versions=versions)
        writer.join()
        [(_, content)] = read_contents(Kind.FLOW, [flow.pk])
        assert content["info"] == "after"
        assert digest == compute_content_digest(content, tuple(content))
