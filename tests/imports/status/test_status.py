"""How a file stands to a server: the states, the command that tells them, and what it takes."""

import json
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO, StringIO
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from rich.cells import cell_len
from rich.console import Console

from accounts.models import User
from flows.content.fields import Kind, get_columns
from flows.content.representation import format_time
from flows.models import Connection, Flow, Secret
from imports.management.status_table import format_status, format_summary, make_status_data
from imports.models import ImportItem, ImportRecord
from imports.plans.drift import LastImport, LastWrite
from imports.plans.plan import Mode, compute_content_digest
from imports.status.decide import (
    FileStatus,
    ItemStatus,
    LiveRow,
    StatusInputs,
    SyncState,
    decide_status,
)
from imports.status.service import read_status
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.imagined import DEFAULTS, a_file, planned, stored
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.ordinary import ordinary_columns

F1, F2 = uuid_of("f", 1), uuid_of("f", 2)
THEN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LATER = datetime(2126, 11, 24, 10, 12, tzinfo=UTC)
VALUE = "CANARY-57a7-value"

# --- the states, without a database


def known(*, imported=None, only_here=(), writes=None):
    """The server, where the last import of the flow F1 left this content in its row."""
    content = {**DEFAULTS[Kind.FLOW], **ordinary_columns(Kind.FLOW, imported or {})}
    digest = imported and compute_content_digest(content, get_columns(Kind.FLOW))
    return StatusInputs(
        last_imports={Kind.FLOW: {F1: LastImport(at=THEN, digest=digest)} if digest else {}},
        blank_content=DEFAULTS.get,
        read_last_writes=lambda _kind, pks: dict.fromkeys(pks, writes) if writes else {},
        only_here={Kind.FLOW: only_here},
    )


@pytest.mark.parametrize(
    ("row", "imported", "state"),
    [
        pytest.param("file", None, SyncState.IN_SYNC, id="the same, and never imported"),
        pytest.param("file", "file", SyncState.IN_SYNC, id="the same"),
        pytest.param("file", "other", SyncState.IN_SYNC, id="the same edit on both sides"),
        pytest.param("here", "file", SyncState.CHANGED_HERE, id="an edit here"),
        pytest.param("here", "here", SyncState.CHANGED_IN_FILE, id="an edit in the file"),
        pytest.param("here", "other", SyncState.BOTH, id="edits on both sides"),
        pytest.param("here", None, SyncState.DIFFERS, id="different, and never imported"),
        pytest.param(None, None, SyncState.ONLY_IN_FILE, id="no row"),
    ],
)
def test_the_state_of_an_item(row, imported, state):
    rows = [stored(Kind.FLOW, F1, "Sync", info=row)] if row else []
    plan = planned(a_file(flows=[flow(1, "Sync", info="file")]), *rows, mode=Mode.OVERWRITE)
    status = decide_status(plan, known(imported=imported and {"name": "Sync", "info": imported}))
    (item,) = status.items
    assert item.state is state
    assert item.changed_keys == (("info",) if row == "here" else ())
    assert item.row_uuid == (F1 if row else None)
    assert status.is_in_sync is (state is SyncState.IN_SYNC)
    assert status.counts == {state: 1}


def test_a_digest_over_other_columns_says_nothing():
    row = stored(Kind.FLOW, F1, "Sync", info="here")
    plan = planned(a_file(flows=[flow(1, "Sync", info="file")]), row, mode=Mode.OVERWRITE)
    server = known(imported={"name": "Sync", "info": "file"})
    other = compute_content_digest({"a": 1}, ["a"])
    server.last_imports[Kind.FLOW][F1] = LastImport(at=THEN, digest=other)
    assert decide_status(plan, server).items[0].state is SyncState.DIFFERS


def test_a_key_that_the_file_does_not_have_does_not_change_it():
    """The row was made by an import, and then both keys were edited: the file is as it was."""
    row = stored(Kind.FLOW, F1, "Sync", info="here", timeout=61)
    plan = planned(a_file(flows=[flow(1, "Sync", info="file")]), row, mode=Mode.OVERWRITE)
    status = decide_status(plan, known(imported={"name": "Sync", "info": "file"}))
    assert status.items[0].state is SyncState.CHANGED_HERE


def test_what_is_only_here_comes_after_the_files_items_by_name():
    write = LastWrite(at=THEN, by="ada")
    rows = [
        LiveRow(uuid=uuid_of("f", n), name=name, last_write=write)
        for n, name in ((8, "b"), (9, "a"))
    ]
    plan = planned(a_file(flows=[flow(1, "z")]), mode=Mode.OVERWRITE)
    items = decide_status(plan, known(only_here=rows)).items
    assert [(item.name, item.state) for item in items] == [
        ("z", SyncState.ONLY_IN_FILE),
        ("a", SyncState.ONLY_HERE),
        ("b", SyncState.ONLY_HERE),
    ]
    assert items[1].last_write == write


def test_a_name_that_says_not_which_row_is_ambiguous_and_an_issue():
    rows = [stored(Kind.FLOW, uuid_of("f", n), "Sync") for n in (8, 9)]
    plan = planned(a_file(flows=[flow(1, "Sync")]), *rows, mode=Mode.OVERWRITE)
    status = decide_status(plan, known())
    assert [(item.state, item.row_uuid) for item in status.items] == [(SyncState.AMBIGUOUS, None)]
    assert [issue.code for issue in status.issues] == ["ambiguous-name"]
    assert not status.is_in_sync


def test_of_a_difference_that_no_import_explains_it_is_told_who_wrote_the_row():
    write = LastWrite(at=THEN, by="ada")
    row = stored(Kind.FLOW, F1, "Sync", info="here")
    plan = planned(a_file(flows=[flow(1, "Sync", info="file")]), row, mode=Mode.OVERWRITE)
    (item,) = decide_status(plan, known(writes=write)).items
    assert (item.state, item.last_write, item.last_import_at) == (SyncState.DIFFERS, write, None)


# --- as people see it


def item_status(**values):
    defaults = {"kind": Kind.FLOW, "uuid": F1, "name": "Sync", "state": SyncState.IN_SYNC}
    return ItemStatus(**{**defaults, "row_uuid": F1, **values})


def drawn(*items, width, without=()):
    """On a terminal of that width, or into a pipe."""
    console = Console(file=StringIO(), width=width or 10_000, highlight=False, markup=False)
    status = FileStatus(server="local", file_sha256="0", items=items)
    console.print(format_status(status, without=without, width=width))
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("item", "told"),
    [
        pytest.param(item_status(), "", id="in sync"),
        pytest.param(item_status(row_uuid=F2), f"here {F2}", id="under another uuid"),
        pytest.param(
            item_status(changed_keys=("info", "nodes"), is_older=True),
            "info, nodes; older than what was imported last",
            id="an older file",
        ),
        pytest.param(
            item_status(last_import_at=THEN, last_write=LastWrite(at=LATER, by="a\x1bda")),
            r"edited by a\x1bda on 2126-11-24 10:12 UTC",
            id="edited",
        ),
        pytest.param(
            item_status(last_write=LastWrite(at=LATER, by="ada")),
            "changed on 2126-11-24 10:12 UTC; written here by ada",
            id="never imported",
        ),
        pytest.param(
            item_status(last_write=LastWrite(at=LATER, by="")),
            "changed on 2126-11-24 10:12 UTC",
            id="never imported, by nobody knows whom",
        ),
    ],
)
def test_what_is_told_of_an_item(item, told):
    line = drawn(item, width=1000).splitlines()[1]
    assert " ".join(line.split()) == f"in sync flow Sync {F1} {told}".strip()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("[red]no markup[/red]", "[red]no markup[/red]", id="markup"),
        pytest.param("[/]", "[/]", id="bad markup"),
        pytest.param("a\x1b[31m\r\nb", r"a\x1b[31m\r\nb", id="control characters"),
        pytest.param("\u202eb", r"\u202eb", id="right to left"),
        pytest.param("\ud800", r"\ud800", id="half a character"),
        pytest.param("", "(no name)", id="no name"),
        pytest.param("\u6d41\u7a0b" * 40, "\u6d41\u7a0b" * 40, id="wide characters"),
        pytest.param("x" * 255, "x" * 200 + "...", id="a long name"),
    ],
)
def test_a_strange_name_is_shown_as_text(name, shown):
    assert f" flow {shown} " in drawn(item_status(name=name), width=None)


@pytest.mark.parametrize(
    "name", ["x" * 255, "\u6d41\u7a0b" * 100], ids=["a long name", "a long name in wide characters"]
)
@pytest.mark.parametrize("width", [None, 100, 130, 200])
def test_a_long_name_widens_no_other_row(name, width):
    others = [item_status(name=f"Flow {number}", state=SyncState.BOTH) for number in range(20)]
    plain = [line.rstrip() for line in drawn(*others, width=width).splitlines()]
    lines = [
        line.rstrip() for line in drawn(item_status(name=name), *others, width=width).splitlines()
    ]
    assert len(plain) >= 21
    # As wide as its column may be, and no wider.
    assert max(len(line) for line in lines[-20:]) <= max(len(line) for line in plain) + 44
    if width is None:
        assert "".join(lines[1].split()).startswith(f"insyncflow{name[:200]}")


@pytest.mark.parametrize("width", [None, 200])
def test_columns_are_aligned_by_the_room_that_characters_take(width):
    items = [item_status(name=name) for name in ("abcd", "\u6d41\u7a0b", "e\u0301")]
    starts = {
        cell_len(line[: line.index(F1)]) for line in drawn(*items, width=width).splitlines()[1:]
    }
    assert len(starts) == 1


@pytest.mark.parametrize("width", [40, 60, 80, 120, 129, 130, 200])
def test_on_a_narrow_terminal_nothing_is_cut(width):
    item = item_status(
        name="\u6d41" * 30,
        state=SyncState.CHANGED_IN_FILE,
        changed_keys=("executionHistoryLevel",),
    )
    lines = drawn(item, width=width).splitlines()
    assert all(len(line) <= width for line in lines)
    wanted = Counter(
        "".join((item.name, item.uuid, item.state, *item.changed_keys)).replace(" ", "")
    )
    assert wanted <= Counter("".join(lines))
    if width >= 80:
        assert F1 in drawn(item, width=width)


def test_items_in_sync_can_be_left_out():
    items = (item_status(name="Same"), item_status(name="Other", state=SyncState.BOTH))
    told = drawn(*items, width=200, without={SyncState.IN_SYNC})
    assert "Other" in told
    assert "Same" not in told
    status = FileStatus(server="local", file_sha256="0", items=items)
    data = make_status_data(status, without={SyncState.IN_SYNC})
    assert [item["name"] for item in data["items"]] == ["Other"]
    assert (data["counts"]["in sync"], data["counts"]["both"]) == (1, 1)


def test_the_summary_counts_what_there_is():
    items = (item_status(), item_status(state=SyncState.BOTH), item_status())
    assert (
        format_summary(FileStatus(server="", file_sha256="", items=items)) == "2 in sync, 1 both."
    )
    assert format_summary(FileStatus(server="", file_sha256="", items=())) == "Nothing to compare."


# --- against a database


def states(*items, **changes):
    """Name and state of each."""
    status = read_status(request_for(export_file(*items), override_locks=True), **changes)
    return {item.name: item.state.value for item in status.items}


pytest_database = pytest.mark.django_db(transaction=True)


@pytest_database
def test_a_server_after_an_import_is_in_sync_until_somebody_edits():
    items = (
        flow(1, "Sync", info="", nodes=[{"uses": uuid_of("c", 1)}]),
        connection(1, "Mail"),
        secret(1, "KEY"),
    )
    import_items(*items)
    assert set(states(*items).values()) == {"in sync"}
    Flow.objects.update(info="edited")
    Connection.objects.update(is_deleted=True)
    FlowFactory(name="New")
    FlowFactory(name="Deleted", is_deleted=True)
    assert states(*items) == {
        "Sync": "changed here",
        "New": "only here",
        "Mail": "only in the file",
        "KEY": "in sync",
    }


@pytest_database
def test_items_under_other_uuids_are_as_an_import_would_land_them():
    """A connection is matched by its name, and the flow that refers to it is rewritten."""
    row = ConnectionFactory(name="Mail", type=None)
    items = (flow(1, "Sync", info="i", nodes=[{"uses": uuid_of("c", 1)}]), connection(1, "Mail"))
    import_items(*items)
    assert str(row.uuid) in Flow.objects.get().nodes
    assert states(*items) == {"Sync": "in sync", "Mail": "in sync"}
    Flow.objects.update(info="edited")
    assert states(*items)["Sync"] == "changed here"
    status = read_status(request_for(export_file(*items)))
    assert {item.name: item.row_uuid for item in status.items}["Mail"] == str(row.uuid)


@pytest_database
def test_only_kinds_that_the_file_has_can_be_only_here():
    FlowFactory(name="Here")
    ConnectionFactory()
    SecretFactory()
    assert states(flow(1, "Sync")) == {"Sync": "only in the file", "Here": "only here"}
    assert states(flow(1, "Sync"), with_only_here=False) == {"Sync": "only in the file"}


@pytest_database
def test_rows_that_an_ambiguous_name_may_mean_are_not_only_here():
    for _ in range(2):
        FlowFactory(name="Sync")
    FlowFactory(name="Other")
    assert states(flow(1, "Sync")) == {"Sync": "ambiguous", "Other": "only here"}


@pytest_database
@pytest.mark.parametrize("edit", ["here", "in the file", "both"])
def test_after_an_overwrite_it_is_known_which_side_changed(edit):
    FlowFactory(uuid=F1, name="Sync", timeout=7, extra='{"kept":1}')
    import_items(flow(1, "Sync", info="imported", more=1))
    if edit != "in the file":
        Flow.objects.update(info="here")
    info = "imported" if edit == "here" else "file"
    expected = {"both": "both"}.get(
        edit, f"changed {edit}" if edit == "here" else "changed in the file"
    )
    assert states(flow(1, "Sync", info=info, more=1)) == {"Sync": expected}


@pytest_database
@pytest.mark.parametrize(("info", "state"), [("", "in sync"), ("x", "changed in the file")])
def test_of_an_older_file_it_is_told_whether_or_not_it_differs(info, state):
    import_items(flow(1, "Sync", info="", updatedAt="2026-03-16T17:10:06.999Z"))
    for at, is_older in (("2026-03-01T08:00:00.000Z", True), ("2026-03-17T08:00:00.000Z", False)):
        file = export_file(flow(1, "Sync", info=info, updatedAt=at))
        (item,) = read_status(request_for(file)).items
        assert (item.state.value, item.is_older) == (state, is_older)


@pytest_database
def test_looking_writes_nothing():
    import_items(flow(1, "Sync"))
    before = ImportRecord.objects.count(), ImportItem.objects.count(), Flow.objects.values().get()
    states(flow(1, "Sync", info="x"), flow(2, "New"))
    assert (
        ImportRecord.objects.count(),
        ImportItem.objects.count(),
        Flow.objects.values().get(),
    ) == before


@pytest_database
@pytest.mark.parametrize(
    "case", ["in sync", "changed here", "changed in the file", "differs", "only here"]
)
def test_the_queries_grow_with_the_batches(case):
    def queries(count):
        ImportRecord.objects.all().delete()
        Flow.objects.all().delete()
        items = [flow(number, f"F{number}", info="i") for number in range(count)]
        import_items(*items)
        if case == "differs":
            ImportItem.objects.update(content_digest="")
        if case in {"changed here", "differs"}:
            Flow.objects.update(info="edited")
        if case == "changed in the file":
            items = [{**item, "info": "file"} for item in items]
        file = export_file(*(items[:1] if case == "only here" else items))
        with CaptureQueriesContext(database) as captured:
            status = read_status(request_for(file))
        assert status.items[-1].state.value == case
        return len(captured)

    few, many = queries(10), queries(1000)
    # 1,000 rows in batches of 200 and 400, read at most five times; what is known of the items once
    assert many - few <= 18
    assert few <= 24


# --- the command


@pytest.fixture
def file(tmp_path):
    def write(*items):
        path = tmp_path / "zexport.json"
        path.write_bytes(export_file(*items))
        return str(path)

    return write


@pytest_database
def test_in_sync_the_command_exits_with_zero(run_command, file):
    import_items(flow(1, "Sync"))
    out, err, code = run_command("flow_status", "-v", "2", "-fp", file(flow(1, "Sync")))
    assert [line.split() for line in out.splitlines()] == [
        ["STATE", "ITEM", "UUID", "WHAT"],
        ["in", "sync", "flow", "Sync", F1],
        ["1", "in", "sync."],
    ]
    assert (err, code) == ("", 0)


@pytest_database
def test_what_is_in_sync_is_a_number(run_command, file):
    items = [flow(number, f"F{number}", info="") for number in range(300)]
    import_items(*items)
    path = file(*items)
    everything = "300 in sync. -v 2 lists what is in sync, too.\n"
    assert run_command("flow_status", "-fp", path) == (everything, "", 0)
    Flow.objects.filter(name="F7").update(info="x")
    out, _, code = run_command("flow_status", "-fp", path)
    assert [line.split()[:4] for line in out.splitlines()] == [
        ["STATE", "ITEM", "UUID", "WHAT"],
        ["changed", "here", "flow", "F7"],
        ["299", "in", "sync,", "1"],
    ]
    assert code == 2
    assert len(run_command("flow_status", "-v", "2", "-fp", path).out.splitlines()) == 302
    listed = json.loads(run_command("flow_status", "--json", "-fp", path).out)["data"]["items"]
    assert len(listed) == 300


@pytest_database
def test_a_difference_is_told_with_exit_code_two(run_command, file):
    import_items(flow(1, "Sync"))
    Flow.objects.update(info="x", updated_at=LATER, updated_by="ada")
    out, err, code = run_command(
        "flow_status", "-s", "local", "-fp", file(flow(1, "Sync", info=""))
    )
    assert "changed here" in out
    assert "info; edited by ada on 2126-11-24 10:12 UTC" in out
    assert out.endswith("1 changed here.\n")
    assert (err, code) == ("", 2)


@pytest_database
def test_as_json_it_is_one_object(run_command, file):
    import_items(flow(1, "Sync", info="", updatedAt="2026-03-16T17:10:06.999Z"))
    at = ImportRecord.objects.get().finished_at
    Flow.objects.update(info="x", updated_at=LATER, updated_by="ada")
    older = flow(1, "Sync", info="", updatedAt="2026-03-01T08:00:00.000Z")
    out, err, code = run_command("flow_status", "--json", "-fp", file(older))
    answer = json.loads(out)
    assert (answer["status"], answer["data"].pop("fileSha256") != "") == (200, True)
    assert answer["data"] == {
        "server": "local",
        "isInSync": False,
        "counts": {state.value: int(state is SyncState.CHANGED_HERE) for state in SyncState},
        "items": [
            {
                "kind": "flow",
                "uuid": F1,
                "name": "Sync",
                "state": "changed here",
                "targetUuid": F1,
                "targetName": "Sync",
                "changedKeys": ["info"],
                "lastImportAt": format_time(at),
                "lastWrittenAt": "2126-11-24T10:12:00.000Z",
                "lastWrittenBy": "ada",
                "isOlder": True,
            }
        ],
        "issues": [],
    }
    assert (err, code) == ("", 2)


@pytest_database
def test_a_locked_flow_is_compared_as_any_other(run_command, file):
    import_items(flow(1, "Sync"))
    Flow.objects.update(is_locked=True)
    out, _, code = run_command("flow_status", "-fp", file(flow(1, "Sync", info="x")))
    assert ("both" in out, "locked on this server" in out, code) == (True, False, 2)


@pytest_database
def test_an_ambiguous_name_is_told_below_the_table(run_command, file):
    for _ in range(2):
        FlowFactory(name="[bold]Sync")
    out, _, code = run_command("flow_status", "-fp", file(flow(1, "[bold]Sync")))
    assert '! flows[0]: 2 flows on this server are named "[bold]Sync"' in out
    assert code == 2


@pytest_database
def test_options_leave_out_what_is_in_sync_and_what_is_only_here(run_command, file):
    import_items(flow(1, "Sync"), flow(2, "Other"))
    path = file(flow(1, "Sync"))
    out, _, code = run_command("flow_status", "--only-differences", "-fp", path)
    assert (" Sync " in out, " Other " in out, code) == (False, True, 2)
    out, _, code = run_command("flow_status", "--ignore-only-here", "-v", "2", "-fp", path)
    assert (" Sync " in out, " Other " in out, code) == (True, False, 0)


@pytest_database
def test_a_file_from_standard_input(run_command, monkeypatch):
    stdin = SimpleNamespace(buffer=BytesIO(export_file(flow(1, "Sync"))))
    monkeypatch.setattr("sys.stdin", stdin)
    out, _, code = run_command("flow_status", "-fp", "-")
    assert ("only in the file" in out, code) == (True, 2)


@pytest_database
@pytest.mark.parametrize(
    ("arguments", "payload", "code"),
    [
        pytest.param([], b"{", 3, id="no JSON"),
        pytest.param(["-s", "elsewhere"], b"{}", 8, id="an unknown server"),
    ],
)
def test_a_refusal_is_told_as_the_other_commands_do(
    arguments, payload, code, run_command, tmp_path
):
    path = tmp_path / "zexport.json"
    path.write_bytes(payload)
    out, err, exit_code = run_command("flow_status", *arguments, "-fp", str(path))
    assert json.loads(out)["data"]["message"] in err
    assert exit_code == code


@pytest_database
def test_a_database_that_cannot_be_used_is_told_as_the_import_tells_it(
    run_command, file, monkeypatch
):
    def fail(*_, **__):
        raise OperationalError("no such table: flows_flow\nDETAIL: of a row")

    monkeypatch.setattr("imports.status.service.draft_plan", fail)
    out, err, code = run_command("flow_status", "-fp", file(flow(1, "Sync")))
    assert json.loads(out)["data"]["code"] == "database-error"
    assert "no such table: flows_flow. Is it there, and migrated" in err
    assert "DETAIL" not in out + err
    assert code == 1


@pytest_database
@pytest.mark.parametrize(
    "arguments", [["-fp", "/nowhere/zexport.json"], ["--user", "nobody"]], ids=["file", "user"]
)
def test_a_usage_error_prints_nothing_on_stdout(arguments, run_command, file):
    path = file(flow(1, "Sync"))
    arguments = arguments if "-fp" in arguments else [*arguments, "-fp", path]
    out, err, code = run_command("flow_status", *arguments)
    assert (out, code) == ("", 2)
    assert err.startswith("CommandError: ")


@pytest_database
@pytest.mark.parametrize(
    ("permissions", "code"),
    [
        ([], 7),
        (["view_flow"], 7),
        (["view_flow", "view_secret"], 2),
        (["change_flow", "change_secret"], 2),
    ],
)
def test_a_user_sees_what_their_rights_are(permissions, code, run_command, file):
    ada = User.objects.create_user("ada")
    ada.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    FlowFactory(name="Hidden")
    path = file(flow(1, "Sync"), secret(1, "KEY"))
    out, _, found = run_command("flow_status", "--user", "ada", "-fp", path)
    assert found == code
    assert ("Hidden" in out) is (code == 2)


@pytest_database
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["table", "json"])
def test_no_content_of_secrets_or_connections_is_printed(form, run_command, file):
    import_items(connection(1, "Mail", devValue="{}"), secret(1, "KEY", description="d"))
    Connection.objects.update(dev_value=VALUE)
    Secret.objects.update(dev_value=VALUE, description=VALUE)
    items = (
        connection(1, "Mail", devValue=f"{{ a: '{VALUE}' }}"),
        secret(1, "KEY", description="d"),
    )
    out, err, code = run_command("flow_status", *form, "-fp", file(*items))
    assert "devValue" in out
    assert VALUE not in out + err
    assert code == 2


def test_the_help_says_how_to_tell_the_codes_apart(capsys):
    with pytest.raises(SystemExit):
        call_command("flow_status", "--help")
    told = capsys.readouterr().out
    assert "A usage error is 2 as well, with nothing on stdout." in told
    for state in SyncState:
        assert state.value in told
