"""The warnings of a plan in a terminal: no serious one is ever hidden, repeats are told once."""

from dataclasses import replace
from io import StringIO
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from flows.content.fields import Kind
from flows.models import Flow
from imports.exportfile.warnings import PlanWarning, WarningCode
from imports.management.plan_text import digest_plan_warnings, format_summary
from imports.management.run_end import show_warnings
from imports.management.warning_text import ItemWarning, format_warning_counts, make_digest
from imports.plans.plan import Mode
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.imagined import a_file, planned, stored
from tests.support.importing import connection, export_file, flow, import_items, secret, uuid_of
from tests.support.plan_texts import brief_text

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET
ELSEWHERE = "sends the stored secret to another destination"


def of(kind, name, code, text="text", *, is_serious=False):
    warning = PlanWarning(code=code, text=text, is_serious=is_serious)
    return ItemWarning(kind=kind, name=name, item_text=f'{kind} "{name}"', warning=warning)


def shown(text):
    out = StringIO()
    Console(file=out, highlight=False, width=80).print(text, soft_wrap=True)
    return out.getvalue()


# --- What is told at once


def test_repeats_are_told_once_with_the_names_of_the_first():
    names = [f"F{number}" for number in range(53)]
    told = make_digest(
        [of(FLOW, name, WarningCode.DANGLING_REFERENCE, "dangling") for name in names]
    )
    assert told.others == (
        '53 flows: dangling: "F0", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9" and 43 more',
    )
    secrets = [of(SECRET, name, WarningCode.BROUGHT_BACK, "brings back") for name in "ABC"]
    assert make_digest(secrets).others[0].endswith(": A, B and C")
    nameless = [
        replace(of(CONNECTION, "", WarningCode.NO_NAME), item_text=f"connection {number}")
        for number in range(60)
    ]
    assert make_digest(nameless).others == (
        "60 connections have no name, so that they are matched by their uuids only",
    )


def test_namesakes_are_named_once_with_their_number():
    names = ["A", "B", "A", "", "C", "A", "B"]
    told = make_digest(
        replace(
            of(FLOW, name, WarningCode.SHARED_NAME, "shares its name"),
            item_text=f"flow {name} ({number})",
        )
        for number, name in enumerate(names)
    )
    assert told.others == (
        '7 flows: shares its name: "A" (3 of that name), "B" (2 of that name), "C" and 1 more',
    )
    many = make_digest(
        replace(
            of(FLOW, f"F{number % 12:02}", WarningCode.SHARED_NAME, "shares its name"),
            item_text=f"flow {number}",
        )
        for number in range(24)
    )
    [line] = many.others
    assert line.count('"F') == 10
    assert line.endswith('"F09" (2 of that name) and 4 more')


@pytest.mark.parametrize(("count", "lines"), [(1, 1), (5, 5), (6, 1), (2000, 1)])
def test_texts_that_differ_are_keys_of_several_where_they_are_many(count, lines):
    told = make_digest(
        of(FLOW, f"F{number}", WarningCode.EDITED_HERE, f"edited on day {number}")
        for number in range(count)
    )
    assert len(told.others) == lines
    if lines == 1 < count:
        assert told.others[0].startswith(
            f'{count} flows were edited on this server since their last imports: "F0", '
        )


def test_an_item_with_several_is_one_item():
    twice = [
        of(FLOW, f"F{number}", WarningCode.DANGLING_REFERENCE, f"dangling {number} {more}")
        for number in range(3)
        for more in range(3)
    ]
    assert make_digest(twice).others == ('3 flows have dangling references: "F0", "F1" and "F2"',)
    assert make_digest(twice[:3] * 3).others == tuple(
        f'flow "F0": dangling 0 {more} (2 more like this)' for more in range(3)
    )
    alone = [of(FLOW, "F", WarningCode.DANGLING_REFERENCE, f"to {n}") for n in range(60)]
    assert make_digest(alone).others == ('flow "F": to 0 (59 more like this)',)


@pytest.mark.parametrize("code", [*WarningCode, "edited-since"])
def test_every_code_says_something_of_several(code):
    for texts in (["text"] * 7, [f"text {number}" for number in range(7)]):
        told = make_digest(of(FLOW, f"F{n}", code, text) for n, text in enumerate(texts))
        if code in (WarningCode.VALUE_IGNORED, WarningCode.DELETION_IGNORED):
            assert len(told.others) in (1, 7)  # what is ignored is named
        else:
            assert len(told.others) == 1, f"say in _OF_SEVERAL of warning_text.py what {code} means"
            [line] = told.others
            assert line.startswith("7 flows")
            assert "None" not in line


def test_the_gravest_stands_first():
    codes = [*reversed(WarningCode), "edited-since"]
    told = make_digest(of(FLOW, f"F{code}", code, f"of {code}") for code in codes)
    order = [line.partition(": of ")[2] for line in told.others]
    assert order == ["edited-since", *WarningCode]


@given(
    st.lists(
        st.builds(
            of,
            st.sampled_from(list(Kind)),
            st.sampled_from(["A", "B", ""]),
            st.sampled_from([*WarningCode, "edited-since", "other"]),
            st.sampled_from([f"text {number}" for number in range(9)]),
            is_serious=st.booleans(),
        ),
        max_size=80,
    )
)
def test_all_serious_ones_are_told_in_full_and_every_other_is_told(warnings):
    told = make_digest(warnings)
    assert list(told.serious) == [one.line for one in warnings if one.warning.is_serious]
    for one in warnings:
        if not one.warning.is_serious and one.key not in told.keys_of_several:
            assert one.line in told.others
    single = [line for line in told.others if line not in told.of_several]
    assert set(single) <= {one.line for one in warnings if not one.warning.is_serious}
    assert len(told.others) <= sum(1 for one in warnings if not one.warning.is_serious)


def test_the_counts_tell_the_serious_ones_apart():
    serious = PlanWarning(code="x", text="x", is_serious=True)
    other = PlanWarning(code="x", text="x")
    assert format_warning_counts([other, serious, other, serious, *[other] * 73]) == (
        "2 serious warnings, 75 warnings"
    )
    assert [format_warning_counts(some) for some in ([], [other], [serious])] == [
        "",
        "1 warning",
        "1 serious warning",
    ]


# --- In a plan

HOST = "{{ host: '{}.example.com', token: secrets.KEY }}"


def plan_with_a_serious_one(nameless=60):
    """It stands last, behind so many trivial ones."""
    return planned(
        a_file(
            connections=[
                *({"uuid": uuid_of("c", number), "name": ""} for number in range(2, 2 + nameless)),
                {"uuid": uuid_of("c", 1), "name": "Mail", "devValue": HOST.format("b")},
            ],
        ),
        stored(CONNECTION, uuid_of("c", 1), "Mail", dev_value=HOST.format("a")),
        stored(SECRET, uuid_of("5", 1), "KEY", has_value=True),
        mode=Mode.OVERWRITE,
    )


def test_a_serious_one_stands_below_the_items_once_more():
    text = shown(brief_text(plan_with_a_serious_one()))
    above, told, counts = text.rstrip("\n").rsplit("\n\n", 2)
    assert f"      ! {ELSEWHERE}" in above
    assert told.splitlines()[0].startswith(f'! connection "Mail" ({uuid_of("c", 1)}): {ELSEWHERE}')
    assert told.splitlines()[1:] == [
        "! 60 connections have no name, so that they are matched by their uuids only"
    ]
    assert counts == (
        "Plan: 60 to create, 1 to overwrite, 0 to skip, 0 unchanged; "
        "1 serious warning, 60 warnings."
    )
    assert "has no name" not in above
    everything = shown(brief_text(plan_with_a_serious_one(), lists_all=True))
    assert everything.count("has no name") == 60
    assert everything.count(ELSEWHERE) == 2


def test_with_no_prompt_no_number_of_others_hides_a_serious_one(capsys, monkeypatch):
    monkeypatch.setattr("imports.management.warning_text._MOST_SINGLE_TEXTS", 10**6)
    monkeypatch.setattr("imports.management.warning_text._OF_SEVERAL", {})
    told = digest_plan_warnings(plan_with_a_serious_one())
    assert told.serious[0].startswith(f'connection "Mail" ({uuid_of("c", 1)}): {ELSEWHERE}')
    many = [of(FLOW, f"F{n}", "other", f"{n}") for n in range(90)]
    red = [of(FLOW, f"R{n}", "x", ELSEWHERE, is_serious=True) for n in range(70)]
    show_warnings(make_digest([*many, *red]), SimpleNamespace(pk=7))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:70] == [f'! flow "R{n}": {ELSEWHERE}' for n in range(70)]
    assert lines[70:] == [f'! flow "F{n}": {n}' for n in range(50)] + [
        "and 40 more warnings: see record 7"
    ]


def test_serious_ones_alone_are_red():
    out = StringIO()
    terminal = Console(
        file=out, force_terminal=True, color_system="standard", no_color=False, highlight=False
    )
    terminal.print(brief_text(plan_with_a_serious_one()), soft_wrap=True)
    red = [line for line in out.getvalue().splitlines() if line.startswith("\x1b[1;31m")]
    assert len(red) == 2
    assert all(ELSEWHERE in line for line in red)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_nothing_happens_to_is_a_number(mode):
    rows = [stored(FLOW, uuid_of("f", number), f"F{number}") for number in range(2000)]
    items = [{"uuid": uuid_of("f", number), "name": f"F{number}"} for number in range(2000)]
    plan = planned(
        a_file(flows=[*items, {"uuid": uuid_of("f", 2000), "name": "New"}]), *rows, mode=mode
    )
    text = shown(brief_text(plan))
    if mode is Mode.DUPLICATE:
        assert len(text.splitlines()) == 2001 + 4
        return
    assert text == (
        f'Import into the server "production", {mode}:\n\n'
        f'  + create flow "New" ({uuid_of("f", 2000)})\n'
        "    2000 items not touched (-v 2 lists all)\n\n"
        f"{format_summary(plan)}\n"
    )
    assert len(shown(brief_text(plan, lists_all=True)).splitlines()) == 2001 + 4


# --- The commands


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "zexport.json"
    path.write_bytes(
        export_file(
            *(connection(number, "") for number in range(2, 80)),
            connection(1, "Mail", devValue=HOST.format("b")),
        )
    )
    return str(path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("options", "times"),
    [
        pytest.param(["--no-prompt", "--no-backup"], 1, id="without a prompt"),
        pytest.param(["--dry-run"], 2, id="a dry run"),
        pytest.param(["--dry-run", "-v", "2"], 2, id="a dry run that lists all"),
    ],
)
def test_flow_import_tells_a_serious_one_last_before_its_counts(run_command, file, options, times):
    SecretFactory(name="KEY", dev_value="CANARY")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=HOST.format("a"))
    options = [*options, "--accept", "secret-to-new-destination,invisible-characters"]
    err = run_command("flow_import", "-s", "local", "--overwrite", *options, "-fp", file).err
    lines = err.splitlines()
    assert sum(ELSEWHERE in line for line in lines) == times
    [last] = [at for at, line in enumerate(lines) if line.startswith('! connection "Mail"')]
    assert last == 0 or len(lines) - last <= 5
    assert "1 serious warning, 78 warnings." in err


@pytest.mark.django_db(transaction=True)
def test_import_undo_tells_the_same(run_command):
    SecretFactory(name="KEY", dev_value="CANARY")
    for number in range(30):
        FlowFactory(uuid=uuid_of("f", number), name=f"F{number}")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=HOST.format("a"))
    record = import_items(
        *(flow(number, f"F{number}", timeout=1) for number in range(30)),
        connection(1, "Mail", devValue=HOST.format("b")),
        secret(2, "NEW"),
    ).record

    Flow.objects.update(timeout=2)
    shown_lines = run_command("import_undo", str(record.pk), "--restore", "--dry-run").err
    done = run_command("import_undo", str(record.pk), "--restore", "--no-prompt", "--no-backup").err
    for lines, times in ((shown_lines.splitlines(), 2), (done.splitlines(), 1)):
        assert sum(ELSEWHERE in line for line in lines) == times
        assert "! 30 flows were edited since: " in "\n".join(lines)
        assert "1 serious warning, 30 warnings." in "\n".join(lines)
