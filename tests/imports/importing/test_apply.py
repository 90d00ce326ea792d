"""What an import writes: these columns of these rows, a named save of each before, nothing else."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from reversion.models import Revision, Version

from flows.content.fields import Kind, get_columns
from flows.models import Connection, Flow, Secret, list_saved_fields
from flows.saves import named_saves
from imports.errors import PlanRefused, StalePlan
from imports.importing.apply import apply_plan
from imports.importing.service import preview_import, run_import
from imports.models import ImportItem
from tests.support.digest import ITEMS, RECORDS, all_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    bare,
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    results,
    secret,
    uuid_of,
)

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
SAVE_TABLES = ("reversion_revision", "reversion_version")


def stored_flow(number: int, name: str, **values: Any) -> Flow:
    return aged(FlowFactory(uuid=uuid_of("f", number), name=name, **values))


def stored_connection(number: int, name: str, **values: Any) -> Connection:
    return aged(ConnectionFactory(uuid=uuid_of("c", number), name=name, **values))


def stored_secret(number: int, name: str, **values: Any) -> Secret:
    return aged(SecretFactory(uuid=uuid_of("5", number), name=name, **values))


def aged(item: Any) -> Any:
    """The row, as if it had been written long ago."""
    type(item).objects.filter(pk=item.pk).update(created_at=LONG_AGO, updated_at=LONG_AGO)
    item.refresh_from_db()
    return item


def state(item: Any) -> dict[str, Any]:
    """Every column of the row."""
    return type(item).objects.filter(pk=item.pk).values().get()


def saves_of(item: Any) -> list[str]:
    return [version.revision.comment for version in named_saves.list_saves(item)]


class TestOverwrite:
    def test_keeps_the_rows_uuid_key_and_creation_and_sets_its_change_to_now(self):
        item = stored_flow(1, "Orders", info="old")
        before = datetime.now(UTC)
        import_items(
            flow(
                1,
                "Orders",
                info="new",
                createdAt="2011-11-11T11:11:11.000Z",
                updatedAt="2012-12-12T12:12:12.000Z",
            )
        )
        after = Flow.objects.get()
        assert (after.pk, str(after.uuid)) == (item.pk, "ffffffff-0000-4000-8000-000000000001")
        assert after.info == "new"
        assert after.created_at == LONG_AGO
        assert before <= after.updated_at <= datetime.now(UTC)

    def test_a_name_match_keeps_the_rows_own_uuid(self):
        stored_connection(1, "Twilio", description="old")
        import_items(connection(99, "Twilio", description="new"))
        row = Connection.objects.get()
        assert str(row.uuid) == "cccccccc-0000-4000-8000-000000000001"
        assert row.description == "new"

    def test_a_key_that_the_file_does_not_have_keeps_the_rows_value(self):
        item = stored_flow(
            1,
            "Orders",
            info="kept",
            tags='["kept"]',
            listener_type="REST",
            is_subflow=True,
            is_commander=True,
            is_valid=True,
            timeout=7,
            num_blocks=8,
            execution_history_level="ALL",
            execution_history_mins=9,
            queue_uuid="q",
            tenant_id="t",
            used_connections="[]",
            used_secrets="[]",
            nodes='[{"id":"a"}]',
            edges='[{"id":"e"}]',
            viewport='{"x":1}',
            extra='{"kept":1}',
        )
        before = state(item)
        import_items(bare("f", 1, "Renamed"))
        after = state(item)
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"name", "updated_at", "updated_by"}

    def test_an_explicit_null_or_empty_value_says_empty(self):
        item = stored_flow(
            1, "Orders", info="text", tags='["a"]', timeout=7, is_valid=True, nodes='[{"id":"a"}]'
        )
        import_items(flow(1, "Orders", info="", tags=None, timeout=None, isValid=None, nodes=[]))
        item.refresh_from_db()
        assert (item.info, item.tags, item.timeout, item.is_valid, item.nodes) == (
            "",
            "null",
            None,
            None,
            "[]",
        )

    def test_unknown_keys_of_row_and_file_are_put_together(self):
        item = stored_connection(1, "A", extra='{"a":1,"b":{"deep":[1]}}')
        import_items(connection(1, "A", b="file", c=[2]))
        item.refresh_from_db()
        assert item.extra == '{"a":1,"b":"file","c":[2]}'

    def test_an_unknown_key_that_is_stored_already_changes_nothing(self):
        stored_connection(1, "A", extra='{"a":1,"b":2}')
        stored_secret(1, "KEY", extra='{"a":true,"b":null}')
        outcome = import_items(connection(1, "A", b=2), secret(1, "KEY", b=None))
        assert results(outcome) == [("A", "UNCHANGED"), ("KEY", "UNCHANGED")]

    def test_every_column_takes_the_files_value(self):
        item = stored_flow(1, "Old")
        import_items(
            flow(
                1,
                "New",
                info="i",
                tags=["t"],
                listenerType="Cron",
                isSubflow=True,
                isCommander=True,
                isValid=True,
                isLocked=True,
                timeout=1,
                numBlocks=2,
                executionHistoryLevel="ALL",
                executionHistoryMins=3,
                queueUuid="q",
                tenantId="t",
                connections=[],
                secrets=[],
                nodes=[{"id": "n", "data": {"b": 1.5, "a": None}}],
                edges=[{"id": "e", "source": "n", "target": "n"}],
                viewport={"zoom": 1.0, "x": -1e300},
                other="kept",
            )
        )
        assert Flow.objects.values(*get_columns(Kind.FLOW)).get(pk=item.pk) == {
            "name": "New",
            "info": "i",
            "tags": '["t"]',
            "listener_type": "Cron",
            "is_subflow": True,
            "is_commander": True,
            "is_valid": True,
            "is_locked": True,
            "timeout": 1,
            "num_blocks": 2,
            "execution_history_level": "ALL",
            "execution_history_mins": 3,
            "queue_uuid": "q",
            "tenant_id": "t",
            "used_connections": "[]",
            "used_secrets": "[]",
            "nodes": '[{"data":{"a":null,"b":1.5},"id":"n"}]',
            "edges": '[{"id":"e","source":"n","target":"n"}]',
            "viewport": '{"x":-1e300,"zoom":1}',
            "extra": '{"other":"kept"}',
        }


class TestCreate:
    def test_takes_the_files_uuid_and_times(self):
        import_items(
            flow(
                1,
                "Orders",
                createdAt="2025-01-02T03:04:05.678Z",
                updatedAt="2025-02-03T04:05:06.789123+01:00",
            )
        )
        row = Flow.objects.get()
        assert str(row.uuid) == "ffffffff-0000-4000-8000-000000000001"
        assert row.created_at == datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
        assert row.updated_at == datetime(2025, 2, 3, 3, 5, 6, 789_123, tzinfo=UTC)

    def test_takes_now_where_the_file_has_no_times(self):
        before = datetime.now(UTC)
        import_items(connection(1, "Twilio", createdAt=None))
        row = Connection.objects.get()
        assert before <= row.created_at <= datetime.now(UTC)
        assert row.updated_at == row.created_at

    def test_an_absent_key_takes_the_models_default(self):
        import_items(bare("f", 1, "F"), bare("c", 1, "C"), bare("5", 1, "S"))
        assert Flow.objects.values(*get_columns(Kind.FLOW)).get() == {
            "name": "F",
            "info": "",
            "tags": "[]",
            "listener_type": "",
            "is_subflow": False,
            "is_commander": False,
            "is_valid": False,
            "is_locked": False,
            "timeout": 60,
            "num_blocks": 0,
            "execution_history_level": "USE_DEFAULT",
            "execution_history_mins": 1440,
            "queue_uuid": None,
            "tenant_id": None,
            "used_connections": None,
            "used_secrets": None,
            "nodes": "[]",
            "edges": "[]",
            "viewport": "{}",
            "extra": "{}",
        }
        assert Connection.objects.values(*get_columns(Kind.CONNECTION)).get() == {
            "name": "C",
            "type": "",
            "description": "",
            "is_core_platform": None,
            "dev_value": "",
            "prod_value": "",
            "extra": "{}",
        }
        assert Secret.objects.values(
            *get_columns(Kind.SECRET), "dev_value", "prod_value", "is_deleted"
        ).get() == {
            "name": "S",
            "description": "",
            "type": "",
            "group": "",
            "tags": "[]",
            "extra": "{}",
            "dev_value": None,
            "prod_value": None,
            "is_deleted": False,
        }

    def test_leaves_no_named_save(self):
        import_items(flow(1, "F"), connection(1, "C"), secret(1, "S"))
        assert Revision.objects.count() == Version.objects.count() == 0

    def test_an_item_that_the_file_calls_deleted_is_created_alive(self):
        import_items(flow(1, "F", isDeleted=True))
        assert not Flow.objects.get().is_deleted


class TestRevive:
    def test_a_deleted_row_comes_back_with_the_files_content_and_keeps_key_and_creation(self):
        item = stored_flow(1, "Old", info="old", tags='["old"]', extra='{"old":1}', is_deleted=True)
        import_items(flow(1, "New", info="new"), mode="skip")
        item.refresh_from_db()
        assert not item.is_deleted
        assert (item.name, item.info) == ("New", "new")
        assert (item.tags, item.extra) == ("[]", "{}")  # absent keys: the default, as on a create
        assert item.created_at == LONG_AGO
        assert item.updated_at > LONG_AGO

    @pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
    def test_its_old_state_gets_a_pre_import_save_in_every_mode(self, mode):
        item = stored_connection(1, "Old", description="old", is_deleted=True)
        before = state(item)
        outcome = import_items(connection(1, "New"), mode=mode)
        assert results(outcome) == [("New", "CREATE")]
        assert saves_of(item) == ["Pre import"]
        named_saves.restore(named_saves.list_saves(item)[0])
        assert state(item) == before

    def test_a_deleted_secret_keeps_its_values_byte_for_byte(self):
        item = stored_secret(1, "OLD", dev_value="dev", prod_value="prod", is_deleted=True)
        tokens = (item.dev_value.token, item.prod_value.token)
        import_items(secret(1, "NEW"))
        item.refresh_from_db()
        assert (item.name, item.is_deleted) == ("NEW", False)
        assert (item.dev_value.token, item.prod_value.token) == tokens

    def test_it_may_take_the_name_of_a_secret_that_gets_another(self):
        stored_secret(1, "GONE", is_deleted=True)
        stored_secret(2, "TAKEN")
        import_items(secret(1, "TAKEN"), secret(2, "FREE"))
        assert list(Secret.objects.order_by("uuid").values_list("name", flat=True)) == [
            "TAKEN",
            "FREE",
        ]


class TestDuplicate:
    def test_the_copy_is_new_and_the_row_is_not_touched(self):
        item = stored_flow(1, "Orders", info="here")
        before = state(item)
        start = datetime.now(UTC)
        import_items(
            flow(
                1,
                "Orders",
                info="file",
                createdAt="2011-11-11T11:11:11.000Z",
                updatedAt="2011-11-11T11:11:11.000Z",
            ),
            mode="duplicate",
        )
        copy = Flow.objects.exclude(pk=item.pk).get()
        assert (copy.name, copy.info) == ("Orders (copy)", "file")
        assert copy.uuid != item.uuid
        assert copy.created_at == copy.updated_at
        assert start <= copy.created_at <= datetime.now(UTC)
        assert state(item) == before
        assert Version.objects.count() == 0

    def test_the_copy_of_a_secret_has_no_value(self):
        item = stored_secret(1, "KEY", dev_value="dev", prod_value="prod")
        before = state(item)
        import_items(secret(1, "KEY"), mode="duplicate")
        copy = Secret.objects.exclude(pk=item.pk).get()
        assert (copy.name, copy.dev_value, copy.prod_value) == ("KEY_copy", None, None)
        assert state(item) == before

    def test_copies_refer_to_copies(self):
        stored_flow(1, "Main")
        stored_flow(2, "Sub")
        stored_connection(1, "Twilio")
        stored_secret(1, "KEY")
        import_items(
            flow(
                1,
                "Main",
                connections=[{"uuid": uuid_of("c", 1), "name": "Twilio"}],
                nodes=[
                    {"id": "a", "data": {"connectionUuid": uuid_of("c", 1)}},
                    {"id": "b", "data": {"flowUuid": uuid_of("f", 2), "code": "secrets.KEY"}},
                ],
            ),
            flow(2, "Sub"),
            connection(1, "Twilio", devValue="{ key: secrets.KEY }"),
            secret(1, "KEY"),
            mode="duplicate",
        )
        twilio = Connection.objects.get(name="Twilio (copy)")
        sub = Flow.objects.get(name="Sub (copy)")
        main = Flow.objects.get(name="Main (copy)")
        assert json.loads(main.used_connections) == [
            {"uuid": str(twilio.uuid), "name": "Twilio (copy)"}
        ]
        assert json.loads(main.nodes) == [
            {"id": "a", "data": {"connectionUuid": str(twilio.uuid)}},
            {"id": "b", "data": {"flowUuid": str(sub.uuid), "code": "secrets.KEY_copy"}},
        ]
        assert twilio.dev_value == "{ key: secrets.KEY_copy }"


class TestNames:
    def test_two_secrets_swap_names_and_keep_their_values(self):
        stored_secret(1, "A", dev_value="of one")
        stored_secret(2, "B", dev_value="of two")
        outcome = import_items(secret(1, "B"), secret(2, "A"))
        assert results(outcome) == [("B", "OVERWRITE"), ("A", "OVERWRITE")]
        values = {row.name: row.dev_value.reveal() for row in Secret.objects.all()}
        assert values == {"B": "of one", "A": "of two"}

    def test_three_secrets_pass_their_names_round(self):
        for number, name in enumerate("ABC", 1):
            stored_secret(number, name)
        import_items(secret(1, "B"), secret(2, "C"), secret(3, "A"))
        names = Secret.objects.order_by("uuid").values_list("name", flat=True)
        assert list(names) == ["B", "C", "A"]

    def test_a_new_secret_takes_the_old_name_of_a_renamed_one(self):
        stored_secret(1, "KEY", dev_value="old")
        import_items(secret(1, "KEY_OLD"), secret(2, "KEY"))
        values = {row.name: row.has_value for row in Secret.objects.all()}
        assert values == {"KEY_OLD": True, "KEY": False}

    def test_two_flows_swap_names(self):
        stored_flow(1, "A", info="one")
        stored_flow(2, "B", info="two")
        import_items(flow(1, "B"), flow(2, "A"))
        assert sorted(Flow.objects.values_list("name", "info")) == [("A", "two"), ("B", "one")]

    def test_references_follow_a_secret_whose_row_keeps_its_own_name(self):
        stored_secret(1, "HERE")
        import_items(
            secret(1, "THERE"), connection(1, "New", devValue="secrets.THERE"), mode="skip"
        )
        assert Connection.objects.get().dev_value == "secrets.HERE"


class TestPreImportSaves:
    """Each row that was overwritten has exactly one, which is its state before. No other has."""

    def test_each_overwritten_row_is_saved_once_as_it_was_and_no_other_row_changes(self):
        rows = {
            "F1": stored_flow(
                1, "F1", info="x", tags='["é","\\ud83d\\udd10"]', nodes='[{"a":1e300}]'
            ),
            "F2": stored_flow(2, "F2"),
            "F3": stored_flow(3, "F3"),
            "C1": stored_connection(1, "C1", dev_value="{\r\n  a: 'b' }", is_core_platform=None),
            "C2": stored_connection(2, "C2", is_deleted=True),
            "C3": stored_connection(3, "C3"),
            "S1": stored_secret(1, "S1", dev_value="value", prod_value=""),
            "S2": stored_secret(2, "S2"),
            "S3": stored_secret(3, "S3"),
        }
        overwritten = {"F1", "F2", "C1", "C2", "S1", "S2"}
        before = {name: state(item) for name, item in rows.items()}
        outcome = import_items(
            flow(1, "F1 new", nodes=[]),
            flow(102, "F2", info="by name"),
            connection(1, "C1", devValue=""),
            connection(2, "C2"),
            connection(3, "C3"),
            secret(1, "S1", description="new"),
            secret(2, "S2_new"),
        )
        assert results(outcome) == [
            ("F1 new", "OVERWRITE"),
            ("F2", "OVERWRITE"),
            ("C1", "OVERWRITE"),
            ("C2", "CREATE"),
            ("C3", "UNCHANGED"),
            ("S1", "OVERWRITE"),
            ("S2_new", "OVERWRITE"),
        ]
        for name, item in rows.items():
            if name in overwritten:
                assert state(item) != before[name], name
                assert saves_of(item) == ["Pre import"], name
            else:
                assert state(item) == before[name], name
                assert saves_of(item) == [], name
        assert Version.objects.count() == Revision.objects.count() == 6

    def test_restoring_one_puts_back_that_row_alone(self):
        one = stored_flow(1, "One", info="before")
        two = stored_flow(2, "Two", info="before")
        before = state(one)
        import_items(flow(1, "One", info="after"), flow(2, "Two", info="after"))
        named_saves.restore(named_saves.list_saves(one)[0])
        two.refresh_from_db()
        assert state(one) == before
        assert two.info == "after"

    def test_restoring_a_secrets_save_keeps_its_values(self):
        item = stored_secret(1, "KEY", dev_value="dev", prod_value="prod", description="before")
        before = state(item)
        import_items(secret(1, "KEY", description="after"))
        named_saves.restore(named_saves.list_saves(item)[0])
        assert state(item) == before
        item.refresh_from_db()
        assert (item.dev_value.reveal(), item.prod_value.reveal()) == ("dev", "prod")

    def test_the_record_ties_each_item_to_its_rows_save(self):
        one = stored_flow(1, "One", info="before")
        import_items(flow(1, "One", info="after"), flow(2, "New"))
        saves = {item.name: item.named_save for item in ImportItem.objects.all()}
        assert saves["New"] is None
        [version] = saves["One"].version_set.all()
        assert (version.object_id, version.field_dict["info"]) == (str(one.pk), "before")

    def test_each_import_adds_one(self):
        item = stored_flow(1, "One", info="1")
        import_items(flow(1, "One", info="2"))
        import_items(flow(1, "One", info="3"))
        assert [version.field_dict["info"] for version in named_saves.list_saves(item)] == [
            "2",
            "1",
        ]

    def test_a_user_who_imports_is_the_saves_author(self, django_user_model):
        alice = django_user_model.objects.create_superuser("alice")
        stored_flow(1, "One")
        import_items(flow(1, "One", info="new"), user=alice)
        assert Revision.objects.get().user == alice


class TestRowsThatAreNotNamed:
    """They are the same bytes after an import, every column of them."""

    @pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
    def test_they_stay_as_they_are(self, mode):
        for number in range(10, 15):
            stored_flow(number, f"other {number}", nodes='[{"x":1}]', info=None)
            stored_connection(number, f"other {number}", dev_value="secrets.OTHER_10")
            stored_secret(number, f"OTHER_{number}", dev_value="v", is_deleted=number == 12)
        stored_flow(1, "F", info="old")
        named = {uuid.replace("-", "") for kind in "fc5" for uuid in (uuid_of(kind, 1),)}
        others = {
            table: [row for row in rows if str(row.get("uuid")).replace("-", "") not in named]
            for table, rows in all_rows(without={RECORDS, ITEMS, *SAVE_TABLES}).items()
        }
        import_items(flow(1, "F", info="new"), connection(1, "C"), secret(1, "S"), mode=mode)
        after = all_rows(without={RECORDS, ITEMS, *SAVE_TABLES})
        for table, rows in others.items():
            for row in rows:
                assert row in after[table]

    def test_a_skipped_row_is_not_written_either(self):
        item = stored_flow(1, "F", info="old")
        before = state(item)
        import_items(flow(1, "F renamed", info="new"), flow(2, "New"), mode="skip")
        assert state(item) == before
        assert saves_of(item) == []


class TestGeneratedImports:
    """Whatever server and file: what changed was saved, and nothing changed that was not named."""

    SEEDS = range(40)
    NAMES = ("Alpha", "alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta")

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
    def test_every_changed_row_has_one_save_of_its_state_before(self, mode, seed):
        chance = random.Random(seed)
        rows = self.a_server(chance)
        before = {row: state(row) for row in rows}
        items = self.a_file(chance)
        try:
            outcome = import_items(*items, mode=mode)
        except PlanRefused:
            assert {row: state(row) for row in rows} == before
            return
        named = {(change.item.kind, change.target_uuid) for change in outcome.plan}
        brought_back = {row for row in rows if before[row]["is_deleted"]}
        for row in rows:
            after = state(row)
            if after == before[row]:
                assert saves_of(row) == []
                continue
            assert (row.kind, str(row.uuid)) in named
            assert mode == "overwrite" or row in brought_back
            assert after["uuid"] == before[row]["uuid"]
            assert after["created_at"] == before[row]["created_at"]
            if isinstance(row, Secret):
                for column in ("dev_value", "prod_value"):
                    assert after[column] == before[row][column]
            assert saves_of(row) == ["Pre import"]
            [version] = named_saves.list_saves(row)
            columns = [field.attname for field in list_saved_fields(type(row))]
            assert version.field_dict == {column: before[row][column] for column in columns}

    def test_most_of_them_are_done_and_change_something(self):
        done = changed = 0
        for seed in self.SEEDS:
            for model in (Flow, Connection, Secret):
                model.objects.all().delete()
            chance = random.Random(seed)
            self.a_server(chance)
            try:
                outcome = import_items(*self.a_file(chance))
            except PlanRefused:
                continue
            done += 1
            changed += any(result == "OVERWRITE" for _, result in results(outcome))
        assert done >= 20
        assert changed >= 15

    def a_server(self, chance: random.Random) -> list[Any]:
        rows: list[Any] = []
        for number in range(1, 5):
            values = {"is_deleted": chance.random() < 0.2, "extra": '{"more":1}'}
            name = chance.choice(self.NAMES)
            rows += [
                stored_flow(number, name, info=chance.choice(["", "a"]), **values),
                stored_connection(
                    number, chance.choice(self.NAMES), dev_value="secrets.Alpha", **values
                ),
                stored_secret(number, self.NAMES[number], dev_value=f"value {number}", **values),
            ]
        return rows

    def a_file(self, chance: random.Random) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        names = chance.sample(self.NAMES, len(self.NAMES))
        for number in chance.sample(range(1, 8), 3):
            keys = chance.choice([{}, {"more": 2}, {"other": [None]}])
            items += [
                flow(
                    number, chance.choice(self.NAMES), info=chance.choice(["a", "b", None]), **keys
                ),
                connection(
                    number, chance.choice(self.NAMES), devValue=chance.choice(["", "secrets.Beta"])
                ),
                secret(number, names.pop(), description=chance.choice(["", "x"]), **keys),
            ]
        return items


def test_progress_is_told_after_each_batch_up_to_all_that_is_written():
    told: list[tuple[int, int]] = []
    stored_flow(1, "same")
    run_import(
        request_for(
            export_file(
                flow(1, "same"),
                *(flow(number, f"F{number}") for number in range(2, 452)),
                connection(1, "C"),
            )
        ),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(200, 451), (400, 451), (450, 451), (451, 451)]


# How many more queries than for 10 items an import of 400 and of 1,000 takes. SQLite takes fewer
# values in one query, so that it needs more of them for new rows. A batch of flows is also looked for
# among those that are known by their bytes, and its documents among the stored ones. A COPY, which
# PostgreSQL has for many rows, is not counted.
GROWTH = {
    "postgresql": {
        "create": (0, 9),
        "skip": (2, 13),
        "unchanged": (0, 11),
        "duplicate": (1, 18),  # a batch of moved uuids is looked for in each other kind
        "overwrite": (12, 53),
    },
    "sqlite": {  # where nobody wrote meanwhile, it does not look again which rows there are
        "create": (1, 11),
        "skip": (1, 12),
        "unchanged": (1, 14),
        "duplicate": (2, 20),  # a batch of moved uuids is looked for in each other kind
        "overwrite": (9, 42),
    },
}


class TestQueries:
    """Their number grows with the batches of 200 and 400, not with the items."""

    @pytest.mark.parametrize("case", ["create", "skip", "unchanged", "duplicate", "overwrite"])
    def test_their_number_grows_with_the_batches(self, case):
        ContentType.objects.get_for_model(Flow)  # Django keeps what it read once
        few, more, many = (self.queries(case, count) for count in (10, 400, 1000))
        # PostgreSQL's transaction takes two locks, and asks at its end for that of the import.
        assert few <= {"postgresql": 35, "sqlite": 28}[database.vendor]
        assert (more - few, many - few) == GROWTH[database.vendor][case]

    def queries(self, case: str, count: int) -> int:
        Flow.objects.all().delete()
        numbers = range(count)
        if case != "create":
            import_items(*(flow(number, f"F{number}") for number in numbers))
        keys = {} if case == "unchanged" else {"info": "new"}
        items = [flow(number, f"F{number}", **keys) for number in numbers]
        mode = {"create": "skip", "unchanged": "overwrite"}.get(case, case)
        with CaptureQueriesContext(database) as queries:
            outcome = import_items(*items, mode=mode)
        assert {result for _, result in results(outcome)} == {case.upper()}
        return len(queries)


@pytest.mark.parametrize("is_deleted", [False, True], ids=["overwritten", "brought back"])
def test_a_row_that_was_purged_since_the_plan_makes_it_stale(is_deleted):
    item = stored_flow(1, "A", info="old", is_deleted=is_deleted)
    plan = preview_import(request_for(export_file(flow(1, "A", info="new")))).plan
    Flow.objects.filter(pk=item.pk).delete()
    with pytest.raises(StalePlan) as stale:
        apply_plan(
            plan,
            is_unchanged=False,
            user=None,
            user_name="alice",
            progress=lambda done, total: None,
        )
    assert (stale.value.code, stale.value.message) == (
        "stale-plan",
        'The flow "A" was changed while the import was being prepared. Nothing was written. '
        "Run the import again.",
    )
    assert not Flow.objects.exists()
