"""What the database makes of a row is what Django's serializer makes of it."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
import reversion
from django.core.exceptions import ObjectDoesNotExist
from reversion.models import Revision, Version

from accounts.models import User
from flows.models import Connection, Flow, Secret
from flows.saves import named_saves
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db

TIMES = {
    "a whole second": datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC),
    "microseconds": datetime(2026, 3, 16, 17, 10, 6, 999999, tzinfo=UTC),
    "less than a millisecond": datetime(2026, 3, 16, 17, 10, 6, 42, tzinfo=UTC),
}


def saved_both_ways(item):
    """The versions that Python and that the database make of the row."""
    item.refresh_from_db()
    named_saves.take(item, "by Python")
    named_saves.take_rows(type(item), [item.pk], "by the database")
    saves = Version.objects.order_by("pk").values()
    by_python, by_database = list(saves)[-2:]
    for save in (by_python, by_database):
        save["serialized_data"] = json.loads(save["serialized_data"])
        del save["id"], save["revision_id"]
    return by_python, by_database


def times(value):
    """The times of a saved row as points in time: both write them, with six digits or none."""
    return {
        key: datetime.fromisoformat(field) if key in ("created_at", "updated_at") else field
        for key, field in value["serialized_data"][0]["fields"].items()
    }


def assert_same(item):
    by_python, by_database = saved_both_ways(item)
    assert times(by_python) == times(by_database)
    for key in ("created_at", "updated_at"):
        assert times(by_python)[key] == getattr(item, key)
    for save in (by_python, by_database):
        del save["serialized_data"][0]["fields"]
    assert by_python == by_database


@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("factory", [FlowFactory, ConnectionFactory, SecretFactory])
def test_of_each_kind(factory, time):
    assert_same(factory(created_at=time, name="Name_1"))


@pytest.mark.parametrize("flag", [True, False, None])
def test_flags_and_numbers(flag):
    assert_same(FlowFactory(is_subflow=flag, is_locked=flag, timeout=2**63 - 1, num_blocks=None))


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_row_without_a_name(is_deleted):
    assert_same(FlowFactory(name="", is_deleted=is_deleted))
    assert Version.objects.latest("pk").object_repr.startswith("(no name) 0000000f-0000-4000-8000-")


def test_naughty_texts(shared_data):
    strings = json.loads((shared_data / "naughty-strings.json").read_text())
    for text in {*strings, "\\u0041 \" ' / \b\f\n\r\t \x7f \u2028"}:
        if "\0" not in text:
            nodes = json.dumps([{"label": text}], ensure_ascii=False)
            assert_same(FlowFactory(name=text[:255], info=text, nodes=nodes))


def test_real_flows(shared_data, run_command):
    for name in ("real-small.json", "real-odd.json"):
        for model in (Flow, Connection, Secret):
            model.objects.all().delete()
        file = str(shared_data / name)
        options = ("--server", "local", "--overwrite", "--no-prompt", "--no-backup")
        options += ("--accept", "invisible-characters")
        assert run_command("flow_import", *options, "--file-path", file).code == 0
        for model in (Flow, Connection, Secret):
            for item in model.objects.all():
                assert_same(item)


def test_each_row_has_a_revision_of_its_own_in_the_order_of_the_keys():
    flows = FlowFactory.create_batch(450)
    user = User.objects.create_user("ada")
    pks = [flow.pk for flow in reversed(flows)]
    revisions = named_saves.take_rows(Flow, pks, "Pre import", user=user)
    saved = Version.objects.order_by("revision_id").values_list("object_id", "revision_id")
    assert list(saved) == [(str(pk), one) for pk, one in zip(pks, revisions, strict=True)]
    assert set(Revision.objects.values_list("comment", "user")) == {("Pre import", user.pk)}


def test_such_a_save_restores_the_row():
    flow = FlowFactory(uuid=UUID("0f" * 16), info="before", is_locked=None)
    named_saves.take_rows(Flow, [flow.pk], "Pre import")
    Flow.objects.update(info="after", is_locked=True, name="Other")
    named_saves.restore(Version.objects.get())
    restored = Flow.objects.get()
    assert (restored.info, restored.is_locked, restored.name) == ("before", None, flow.name)


def test_a_row_that_is_not_there_is_no_save():
    flow = FlowFactory()
    with pytest.raises(ObjectDoesNotExist):
        named_saves.take_rows(Flow, [flow.pk, flow.pk + 1], "Pre import")
    assert not Version.objects.exists()
    assert not Revision.objects.exists()


def test_no_rows_are_no_saves(django_assert_num_queries):
    assert named_saves.take_rows(Flow, [], "Pre import") == []
    assert not Revision.objects.exists()


def test_what_django_reversion_saves_itself_keeps_microseconds():
    flow = FlowFactory(created_at=TIMES["microseconds"])
    with reversion.create_revision():
        reversion.add_to_revision(flow)
    assert Version.objects.get().field_dict["created_at"] == TIMES["microseconds"]


def test_an_old_save_with_milliseconds_is_read():
    flow = FlowFactory(created_at=TIMES["microseconds"])
    named_saves.take_rows(Flow, [flow.pk], "old")
    version = Version.objects.get()
    [row] = json.loads(version.serialized_data)
    row["fields"]["created_at"] = "2026-03-16T17:10:06.999Z"
    version.serialized_data = json.dumps([row])
    version.save()
    saved = Version.objects.get().field_dict["created_at"]
    assert saved == TIMES["microseconds"].replace(microsecond=999000)
