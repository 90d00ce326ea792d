"""The migration that gave the warnings of earlier records their codes and data."""

from importlib import import_module
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from flows.content.fields import Kind
from imports.exportfile.warnings import OTHER, WarningCode
from imports.models import ImportItem
from imports.undo.plans.plan import ConflictCode
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.uuids import ONE

pytestmark = pytest.mark.django_db

SENDS = "sends the stored secret to another destination: secrets.KEY -> nowhere -> mail.test"
TEXTS = {
    'The flow "A" is not on this server any more: it was purged.': (
        "gone",
        {"kind": "flow", "name": "A"},
    ),
    'The secret "K" has no readable named save any more from before run 12.': (
        "no-save",
        {"kind": "secret", "name": "K", "record": 12},
    ),
    'The flow "A" was edited since, last by eve on 2026-03-17 09:00:00 UTC.': (
        "edited-since",
        {"kind": "flow", "name": "A"},
    ),
    'The flow "A" was deleted since, last on 2026-03-17 09:00:00 UTC.': (
        "deleted-since",
        {"kind": "flow", "name": "A"},
    ),
    'The flow "A" was brought back since, last on 2026-03-17 09:00:00 UTC.': (
        "restored-since",
        {"kind": "flow", "name": "A"},
    ),
    'The flow "A" was written again by the import 15 of bob on 2026-03-17 09:00:00 UTC.': (
        "overwritten-since",
        {"kind": "flow", "name": "A"},
    ),
    'The flow "A" is used by the flow "B", which would refer to nothing.': ("used", {}),
    'The secret "A" cannot be named "B" again: that is the name of the secret x now.': (
        "name-taken",
        {},
    ),
    f"dangling reference to connection {ONE}": (
        "dangling-reference",
        {"kind": "connection", "target": ONE},
    ),
    "dangling reference to secrets.LOST": (
        "dangling-reference",
        {"kind": "secret", "target": "LOST"},
    ),
    'secrets.OLD will lead to nothing, and is used by the flow "A"': (
        "secret-renamed-in-use",
        {"name": "OLD"},
    ),
    "edited on this server since its last import on 2026-03-16 17:00 UTC": ("edited-here", {}),
    "edited on this server by ada on 2026-03-16 17:10 UTC, since its last import on "
    "2026-03-16 17:00 UTC": ("edited-here", {}),
    "older than what was imported last: this file's is of 2026-03-16 17:00:00 UTC, the last import "
    "brought one of 2026-03-17 17:00:00 UTC": ("older-file", {}),
    'renames "A" to "B"': ("renames", {}),
    f'another flow on this server is named "A" too: {ONE}': ("shared-name", {}),
    f'will share the name "A" with the flow {ONE}': ("shared-name", {}),
    "brings back a deleted flow": ("brought-back", {"kind": "flow"}),
    "isDeleted is ignored: an import never deletes": ("deletion-ignored", {"key": "isDeleted"}),
    "devValue is ignored: an import never sets a secret's value": (
        "value-ignored",
        {"key": "devValue"},
    ),
    "x is ignored: what is under an unknown key of a secret may be its value": (
        "value-ignored",
        {"key": "x"},
    ),
    "has no value yet": ("no-value", {}),
    "this flow has no name, so that it is matched by its uuid only": ("no-name", {"kind": "flow"}),
    "what no release has said": ("other", {}),
}


@pytest.fixture
def migration():
    module = import_module("imports.migrations.0013_warning_codes")
    editor = SimpleNamespace(connection=database)
    return SimpleNamespace(
        forwards=lambda: module.give_codes(apps, editor),
        backwards=lambda: module.take_codes(apps, editor),
    )


def as_before(items):
    """The items as records had them: their texts, and what was told of new destinations."""
    for item in items:
        sent = [one for one in item.warning_details if isinstance(one["data"], list)]
        ImportItem.objects.filter(pk=item.pk).update(warning_details=sent)


def test_every_text_gets_its_code(migration):
    import_items(flow(1, "Orders"))
    sent = {"code": "secret-to-new-destination", "text": SENDS, "isSerious": True, "data": []}
    ImportItem.objects.update(warnings=[SENDS, *TEXTS], warning_details=[sent])
    migration.forwards()
    (first, *others) = ImportItem.objects.get().warning_details
    assert first == sent
    assert {one["text"]: (one["code"], one["data"]) for one in others} == TEXTS
    assert [one["text"] for one in others] == [*TEXTS]
    assert {one["isSerious"] for one in others} == {False}
    migration.backwards()
    assert ImportItem.objects.get().warning_details == [sent]


# As they were when the migration was made: codes that came later were never a text alone.
CODES_OF_THEN = {
    *("secret-renamed-in-use", "dangling-reference", "edited-here", "older-file", "renames"),
    *("shared-name", "brought-back", "value-ignored", "deletion-ignored", "no-value", "no-name"),
    *("gone", "no-save", "deleted-since", "restored-since", "overwritten-since", "edited-since"),
    *("used", "name-taken", "other"),
}


def test_every_code_of_then_is_given():
    assert {code for code, _ in TEXTS.values()} == CODES_OF_THEN
    still = {*map(str, WarningCode), *map(str, ConflictCode), OTHER}
    assert still >= CODES_OF_THEN - {"no-value"}  # of which the record's checklist tells


def test_what_is_written_now_is_read_as_what_it_is(migration):
    FlowFactory(uuid=uuid_of("f", 1), name="Old name")
    SecretFactory(uuid=uuid_of("5", 1), name="OLD", dev_value="x")
    ConnectionFactory(uuid=uuid_of("c", 2), name="Mail", dev_value="{ key: secrets.OLD }")
    record = import_items(
        flow(1, "Orders", info="secrets.GONE"),
        flow(2, "Orders"),
        secret(1, "KEY", devValue="CANARY-of-a-file"),
        connection(1, "Other", devValue='{ url: "https://a.test", key: secrets.KEY }'),
        mode="overwrite",
    ).record
    items = [*record.items.order_by("pk")]
    told = [[(one["code"], one["text"]) for one in item.warning_details] for item in items]
    assert sum(map(len, told)) >= 5
    as_before(items)
    migration.forwards()
    assert told == [
        [(one["code"], one["text"]) for one in item.warning_details]
        for item in record.items.order_by("pk")
    ]


@pytest.mark.parametrize("number", [1, 501])
def test_it_asks_for_each_batch_and_not_for_each_row(migration, number):
    record = import_items(flow(1, "Orders")).record
    ImportItem.objects.all().delete()
    ImportItem.objects.bulk_create(
        ImportItem(
            record=record,
            kind=Kind.FLOW,
            position=position,
            uuid=ONE,
            name="A",
            result="CREATE",
            match_method="uuid",
            target_uuid=UUID(ONE),
            target_name="A",
            warnings=["has no value yet"],
        )
        for position in range(number)
    )
    with CaptureQueriesContext(database) as queries:
        migration.forwards()
    assert len(queries) <= 3 + 3 * -(-number // 250)
    assert not ImportItem.objects.filter(warning_details=[]).exists()
