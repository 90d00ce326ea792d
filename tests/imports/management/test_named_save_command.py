"""manage.py named_save: what it lists, takes and restores, what it asks, and its exit codes."""

import json
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError
from reversion.models import Version

from accounts.models import User
from flows.content.fields import Kind
from flows.models import Connection, Flow
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves
from imports import named_saves as item_saves
from imports.errors import NotPermitted, StalePlan
from imports.models import ImportRecord
from tests.support.digest import all_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import flow, import_items, uuid_of
from tests.support.ordinary import NODES_TEXT

VALUE = "CANARY-9c1e-value"
OTHER = "CANARY-9c1e-other"
NOW = "--no-prompt"

pytestmark = pytest.mark.django_db


@pytest.fixture
def named_save(run_command):
    def run(*arguments):
        return run_command("named_save", *map(str, arguments))

    return run


@pytest.fixture
def terminal(monkeypatch):
    """Somebody at a terminal who types these keys."""

    class Terminal(StringIO):
        def isatty(self):
            return True

    return lambda keys: monkeypatch.setattr("sys.stdin", Terminal(keys))


@pytest.fixture
def user():
    """Makes a user who has just these permissions."""

    def make(*codenames):
        made = User.objects.create_user("ada")
        made.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return made

    return make


def data(done):
    return json.loads(done.out)["data"]


def saved(item, save_name="before", **values):
    """The number of a save of the item, which is then changed."""
    number = named_saves.take(item, save_name).version_set.get().pk
    type(item).objects.filter(pk=item.pk).update(**values)
    return number


def names_of(item):
    return [save.revision.comment for save in named_saves.list_saves(item)]


class TestList:
    def test_the_saves_come_newest_first_with_the_imports_that_took_them(self, named_save):
        import_items(flow(1, "Orders", info="first"))
        import_items(flow(1, "Orders", info="second"))
        row = Flow.objects.get()
        ada = User.objects.create_user("ada")
        named_saves.take(row, "by\nhand", user=ada)
        done = named_save("list", "Orders")
        assert done.code == 0
        assert json.loads(done.out)["status"] == 200
        told = data(done)
        assert told["item"] == {
            "kind": "flow",
            "uuid": uuid_of("f", 1),
            "name": "Orders",
            "isDeleted": False,
        }
        by_hand, by_import = named_saves.list_saves(row)
        assert all(save.pop("createdAt").endswith("Z") for save in told["saves"])
        assert told["saves"] == [
            {
                "number": by_hand.pk,
                "uuid": str(make_save_uuid(by_hand.pk)),
                "saveName": "by\nhand",
                "createdBy": "ada",
                "import": None,
            },
            {
                "number": by_import.pk,
                "uuid": str(make_save_uuid(by_import.pk)),
                "saveName": "Pre import",
                "createdBy": None,
                "import": ImportRecord.objects.order_by("-pk")[0].pk,
            },
        ]
        assert '2 saves of the flow "Orders"\n' in done.err
        lines = [line.split() for line in done.err.splitlines()]
        assert ["NUMBER", "NAME", "WHEN", "WHO", "IMPORT"] in lines
        assert {(line[0], line[1], line[-1]) for line in lines} >= {
            (str(by_hand.pk), r"by\nhand", "ada"),
            (str(by_import.pk), "Pre", str(told["saves"][1]["import"])),
        }

    @pytest.mark.parametrize("factory", [FlowFactory, ConnectionFactory, SecretFactory])
    def test_an_item_is_named_by_its_uuid_or_its_exact_name(self, named_save, factory):
        row = factory(name="API_KEY")
        factory(name="API_KEY_2")
        for named in (row.uuid, str(row.uuid).upper(), "API_KEY"):
            told = data(named_save("list", named))
            assert (told["item"]["uuid"], told["saves"]) == (str(row.uuid), [])
        done = named_save("list", "api_key")
        assert (done.code, data(done)["code"]) == (2, "not-found")

    def test_a_name_of_more_than_one_is_not_guessed(self, named_save):
        flows = FlowFactory.create_batch(2, name="Twin")
        one = SecretFactory(name="Twin")
        done = named_save("list", "Twin")
        assert (done.code, data(done)["code"]) == (2, "ambiguous")
        assert all(str(row.uuid) in done.err for row in (*flows, one))
        assert named_save("list", "Twin", "--kind", "flow").code == 2
        done = named_save("list", "Twin", "--kind", "secret")
        assert data(done)["item"]["uuid"] == str(one.uuid)
        assert "0 saves of" in done.err
        saved(one)
        assert "1 save of" in named_save("list", one.uuid).err

    def test_a_deleted_item_is_found_by_its_uuid_alone(self, named_save):
        row = FlowFactory(name="Gone", is_deleted=True)
        assert named_save("list", "Gone").code == 2
        assert data(named_save("list", row.uuid))["item"]["isDeleted"] is True

    def test_a_uuid_names_its_item_also_where_it_is_the_name_of_another(self, named_save):
        row = FlowFactory(name="One")
        FlowFactory(name=str(row.uuid))
        assert data(named_save("list", row.uuid))["item"]["name"] == "One"

    @pytest.mark.parametrize("named", ["", "nul\0", "\udcff", "no uuid", "0" * 5000])
    def test_what_names_nothing_is_told(self, named_save, named):
        done = named_save("list", named)
        assert (done.code, data(done)["code"]) == (2, "not-found")


class TestTake:
    @pytest.mark.parametrize("factory", [FlowFactory, ConnectionFactory, SecretFactory])
    def test_it_saves_the_state_under_the_name(self, named_save, factory):
        row = factory()
        done = named_save("take", row.uuid, "--name", "before the rebuild")
        assert (done.code, json.loads(done.out)["status"]) == (0, 201)
        [version] = named_saves.list_saves(row)
        assert data(done)["save"]["number"] == version.pk
        assert version.revision.comment == data(done)["save"]["saveName"] == "before the rebuild"
        assert version.revision.user is None

    def test_it_is_in_the_name_of_the_user(self, named_save, user):
        row, ada = FlowFactory(), user("change_flow")
        assert named_save("take", row.uuid, "--name", "mine", "--user", "ada").code == 0
        assert named_saves.list_saves(row)[0].revision.user == ada

    @pytest.mark.parametrize("name", ["", " ", "n" * 256])
    def test_a_name_that_no_save_can_have_is_refused(self, named_save, name):
        row = FlowFactory()
        done = named_save("take", row.uuid, "--name", name)
        assert (done.code, data(done)["code"]) == (2, "invalid-name")
        assert names_of(row) == []


class TestRestore:
    def test_the_item_gets_the_state_back_and_that_can_be_taken_back(self, named_save):
        row = FlowFactory(name="Orders", info="before", timeout=60, extra='{"old":1}')
        number = saved(row, info="now", timeout=30, nodes='[{"id":"a"}]', extra='{"new":2}')
        done = named_save("restore", number, NOW)
        assert done.code == 0
        told = data(done)
        assert told["isRestored"] is True
        assert told["changedKeys"] == ["info", "timeout", "nodes", "old", "new"]
        assert (
            '  ~ info: "now" -> "before"\n  ~ timeout: 30 -> 60\n  ~ nodes, old, new (changed)'
            in done.err
        )
        row.refresh_from_db()
        assert (row.info, row.timeout, row.extra) == ("before", 60, '{"old":1}')
        assert row.nodes == NODES_TEXT
        assert names_of(row) == ["Pre restore", "before"]

        back = named_save("restore", told["savedBefore"]["uuid"], NOW)
        assert back.code == 0
        row.refresh_from_db()
        assert (row.info, row.timeout) == ("now", 30)

    def test_only_that_item_changes(self, named_save):
        row, other = FlowFactory(info="before"), FlowFactory(info="other")
        number = saved(row, info="now")
        named_save("restore", number, NOW)
        other.refresh_from_db()
        assert other.info == "other"
        assert names_of(other) == []

    def test_the_question_names_the_item_the_save_and_the_server(self, named_save, terminal):
        row = FlowFactory(name="Orders", info="before")
        number = saved(row, "a save", info="now")
        before = all_rows()
        terminal("n\n")
        done = named_save("restore", number)
        assert f'Put the flow "Orders" ({row.uuid}) on the server "local" back' in done.err
        assert f'the save {number} "a save" of ' in done.err
        assert (done.code, data(done)) == (0, {"message": "Operation cancelled by user"})
        assert all_rows() == before
        terminal("y\n")
        assert data(named_save("restore", number))["isRestored"] is True
        row.refresh_from_db()
        assert row.info == "before"

    def test_without_a_terminal_nobody_is_asked(self, named_save, monkeypatch):
        number = saved(FlowFactory(info="before"), info="now")
        monkeypatch.setattr("sys.stdin", StringIO())
        before = all_rows()
        done = named_save("restore", number)
        assert (done.code, done.out) == (2, "")
        assert all_rows() == before

    def test_a_dry_run_shows_and_writes_nothing(self, named_save):
        number = saved(FlowFactory(info="before"), info="now")
        before = all_rows()
        told = data(named_save("restore", number, "--dry-run"))
        assert (told["isRestored"], told["savedBefore"]) == (False, None)
        assert told["changedKeys"] == ["info"]
        assert all_rows() == before

    def test_a_state_that_is_there_already_is_not_restored(self, named_save):
        number = saved(FlowFactory())
        before = all_rows()
        done = named_save("restore", number, NOW)
        assert (done.code, data(done)["isRestored"]) == (0, False)
        assert "is in this state already" in done.err
        assert all_rows() == before

    def test_a_connections_text_is_never_shown(self, named_save):
        row = ConnectionFactory(dev_value=f"{{ password: '{VALUE}' }}")
        number = saved(row, dev_value=f"{{ password: '{OTHER}' }}")
        done = named_save("restore", number, NOW)
        assert "  ~ devValue (changed)" in done.err
        assert "CANARY" not in done.out + done.err
        row.refresh_from_db()
        assert VALUE in row.dev_value

    def test_another_value_of_a_secret_is_no_change_to_restore(self, named_save):
        row = SecretFactory(name="KEY", dev_value=VALUE)
        number = saved(row)
        row.dev_value = OTHER
        row.save()
        told = data(named_save("restore", number, NOW))
        assert (told["notes"], told["changedKeys"], told["isRestored"]) == ([], [], False)

    def test_a_deleted_item_comes_back_by_a_save_from_before(self, named_save):
        row = FlowFactory()
        number = saved(row, is_deleted=True)
        done = named_save("restore", number, NOW)
        assert data(done)["notes"] == ["The flow is live again."]
        row.refresh_from_db()
        assert not row.is_deleted

    @pytest.mark.parametrize(
        "named", ["0", "999999999", "-1", "x", "9" * 5000, "", uuid_of("f", 1), "٣"]
    )
    def test_what_names_no_save_is_told(self, named_save, named):
        done = named_save("restore", NOW, "--", named)
        assert (done.code, data(done)["code"]) == (2, "not-found")

    def test_a_version_without_a_name_is_no_save(self, named_save):
        number = saved(FlowFactory(), "", info="now")
        assert named_save("restore", number, NOW).code == 2

    def test_a_save_that_cannot_be_read_is_refused(self, named_save):
        number = saved(FlowFactory(), info="now")
        Version.objects.update(serialized_data="[7]")
        before = all_rows()
        done = named_save("restore", number, NOW)
        assert (done.code, data(done)["code"]) == (3, "save-unfit")
        assert all_rows() == before

    def test_a_save_whose_name_is_taken_is_refused_and_nothing_is_written(self, named_save):
        row = SecretFactory(name="KEY")
        number = saved(row, name="KEY_2")
        SecretFactory(name="KEY")
        before = all_rows()
        done = named_save("restore", number, NOW)
        assert (done.code, data(done)["code"]) == (3, "save-unfit")
        assert "Free its name, or take the item from a backup." in done.err
        assert all_rows() == before

    def test_a_save_of_what_was_removed_for_good_is_refused(self, named_save, user):
        row = FlowFactory()
        number = saved(row)
        row.delete()
        done = named_save("restore", number, NOW)
        assert (done.code, data(done)["code"]) == (3, "item-gone")
        user()
        assert named_save("restore", number, NOW, "--user", "ada").code == 7

    def test_what_was_changed_after_it_was_shown_is_not_overwritten(self):
        row = FlowFactory(info="before")
        number = saved(row, info="shown")
        shown = item_saves.preview_restore(str(number), user=None)
        Flow.objects.update(info="meanwhile")
        before = all_rows()
        with pytest.raises(StalePlan):
            item_saves.restore(shown, user=None, user_name="")
        assert all_rows() == before


class TestRights:
    def test_a_user_may_what_the_user_may_by_hand(self, named_save, user):
        row, ada = FlowFactory(info="before"), user("change_flow")
        number = saved(row, info="now")
        assert named_save("list", row.uuid, "--user", "ada").code == 0
        assert named_save("restore", number, NOW, "--user", "ada").code == 0
        assert named_saves.list_saves(row)[0].revision.user == ada
        assert Flow.objects.get().updated_by == "ada"

    def test_the_shell_writes_under_its_own_name(self, named_save, monkeypatch):
        monkeypatch.setenv("LOGNAME", "alice")
        number = saved(FlowFactory(info="before"), info="now")
        assert named_save("restore", number, NOW).code == 0
        assert Flow.objects.get().updated_by == "alice"

    def test_an_account_whose_name_is_no_text_writes_what_there_is_of_it(
        self, named_save, monkeypatch
    ):
        monkeypatch.setenv("LOGNAME", "\udc80")
        number = saved(FlowFactory(info="before"), info="now")
        assert named_save("restore", number, NOW).code == 0
        assert Flow.objects.get().updated_by == r"\udc80"

    @pytest.mark.parametrize(
        ("may", "codes"),
        [((), (7, 7, 7)), (("view_flow",), (0, 7, 7)), (("change_flow",), (0, 0, 0))],
    )
    def test_who_may_not_is_refused(self, named_save, user, may, codes):
        row = FlowFactory(info="before")
        number = saved(row, info="now")
        user(*may)
        before = all_rows()
        asked = (
            ("list", row.uuid),
            ("take", row.uuid, "--name", "x"),
            ("restore", number, NOW),
        )
        assert tuple(named_save(*each, "--user", "ada").code for each in asked) == codes
        assert (all_rows() == before) == (7 in codes)

    def test_a_name_is_looked_for_only_where_the_user_may_look(self, named_save, user):
        row = FlowFactory(name="KEY")
        SecretFactory(name="KEY")
        user("view_flow")
        told = data(named_save("list", "KEY", "--user", "ada"))
        assert told["item"]["uuid"] == str(row.uuid)
        assert named_save("list", "KEY", "--kind", "secret", "--user", "ada").code == 7

    def test_a_save_that_deletes_needs_that_right(self, named_save, user):
        row = FlowFactory(is_deleted=True)
        number = saved(row, is_deleted=False)
        user("change_flow")
        done = named_save("restore", number, NOW, "--user", "ada")
        assert done.code == 7
        assert "flows.delete_flow" in done.out
        told = data(named_save("restore", number, NOW))
        assert told["notes"] == ["The flow becomes deleted.", "This save would delete the flow."]

    def test_a_save_that_sends_a_stored_secret_elsewhere_needs_that_right(self, named_save, user):
        SecretFactory(name="KEY", dev_value=VALUE)
        row = ConnectionFactory(dev_value="{ host: 'old.example', key: secrets.KEY }")
        number = saved(row, dev_value="{ host: 'new.example', key: secrets.KEY }")
        user("change_connection")
        done = named_save("restore", number, NOW, "--user", "ada")
        assert done.code == 7
        assert "imports.retarget_connections" in done.out
        assert "new.example" in Connection.objects.get().dev_value
        done = named_save("restore", number, NOW)
        assert (
            "This sends the stored secret to another destination: secrets.KEY -> new.example -> old.example"
            in done.err
        )

    def test_a_right_that_is_lost_meanwhile_is_missing(self, user):
        row, ada = FlowFactory(info="before"), user("change_flow")
        shown = item_saves.preview_restore(str(saved(row, info="now")), user=ada)
        ada.user_permissions.clear()
        with pytest.raises(NotPermitted):
            item_saves.restore(shown, user=User.objects.get(pk=ada.pk), user_name="ada")

    def test_an_unknown_user_and_an_unknown_server_have_their_codes(self, named_save):
        row = FlowFactory()
        assert named_save("list", row.uuid, "--user", "nobody").code == 2
        assert named_save("list", row.uuid, "--server", "nowhere", "--user", "nobody").code == 8

    def test_a_user_whose_name_is_no_text_is_unknown(self, named_save):
        done = named_save("list", "x", "--user", "\udc80")
        assert 'There is no active user "\\udc80"' in done.err
        assert done.code == 2


@pytest.mark.parametrize(
    "arguments", [("list", "x"), ("take", "x", "--name", "y"), ("restore", 1, NOW)]
)
def test_a_database_that_cannot_be_used_is_told_as_the_import_tells_it(
    named_save, monkeypatch, arguments
):
    def fail(*_, **__):
        raise OperationalError("no such table: flows_flow\nDETAIL: of a row")

    monkeypatch.setattr("imports.named_saves._find_items", fail)
    monkeypatch.setattr("imports.named_saves._find_version", fail)
    done = named_save(*arguments)
    assert json.loads(done.out)["data"]["code"] == "database-error"
    assert "no such table: flows_flow. Is it there, and migrated" in done.err
    assert "DETAIL" not in done.out + done.err
    assert done.code == 1


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_that_nobody_may_see_is_not_told_of(kind, user):
    with pytest.raises(NotPermitted):
        item_saves.find_item("anything", kind=kind, user=user())
