"""A plan as it is printed: every line, and nothing of a file that could harm a terminal."""

import re
from dataclasses import replace

import pytest

from flows.content.fields import Kind
from flows.relations.mentions import Reference
from imports.management.plan_text import format_summary
from imports.plans.plan import Mode
from tests.support import plan_texts
from tests.support.imagined import a_file, planned, stored
from tests.support.plan_texts import brief_text
from tests.support.uuids import HERE

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET


# What a terminal does with the codes of colours and styles, it does with no others.
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def uuid(number):
    return f"{number:08}-0000-4000-8000-000000000000"


def printed(plan, *, lists_all=False, **terminal):
    """What -v 0 prints."""
    return plan_texts.printed(brief_text(plan, lists_all=lists_all), **terminal)


def plan_with_every_result():
    """No one mode gives all of them: the results of the three are put together."""
    skip = planned(
        a_file(flows=[{"uuid": uuid(8), "name": "S"}, {"uuid": uuid(9), "name": "T"}]),
        stored(FLOW, uuid(8), "S of here"),
        stored(FLOW, HERE, "T"),
        mode=Mode.SKIP,
    )
    overwrite = planned(
        a_file(
            flows=[
                {"uuid": uuid(1), "name": "SMS Test", "info": "new", "timeout": 90, "nodes": [{}]},
                {"uuid": uuid(2), "name": "Renamed"},
                {"uuid": uuid(3), "name": "Same"},
                {"uuid": uuid(4), "name": ""},
                {"uuid": uuid(5), "name": "Locked", "isLocked": False, "isValid": None, "x": 1},
            ],
            connections=[
                {"uuid": uuid(6), "name": "Twilio", "devValue": "new", "description": "d" * 61},
                {"uuid": uuid(7), "name": "By name", "type": "S3"},
            ],
            secrets=[
                {"uuid": uuid(10), "name": "TOKEN", "devValue": "CANARY"},
                {"uuid": uuid(11), "name": "KEY"},
            ],
        ),
        stored(FLOW, uuid(1), "SMS Test", info="old"),
        stored(FLOW, uuid(2), "Old"),
        stored(FLOW, uuid(3), "Same"),
        stored(FLOW, uuid(5), "Locked", is_locked=True),
        stored(CONNECTION, uuid(6), "Twilio"),
        stored(CONNECTION, HERE, "By name", type="Twilio"),
        stored(SECRET, uuid(11), "OLD_KEY", is_deleted=True),
        mode=Mode.OVERWRITE,
        override_locks=True,
        dangling={"flows[0]": [Reference(SECRET, "LOST", by_name=True)]},
    )
    return replace(
        overwrite,
        changes={**overwrite.changes, FLOW: (*skip.changes[FLOW], *overwrite.changes[FLOW])},
    )


def test_a_plan_with_every_result_is_printed_like_this():
    assert printed(plan_with_every_result()) == (
        'Import into the server "production", overwrite:\n'
        "\n"
        '    skip flow "S" as "S of here" (00000008-0000-4000-8000-000000000000)\n'
        '    skip flow "T" (00000009-0000-4000-8000-000000000000,'
        " here aaaaaaaa-0000-4000-8000-00000000000a)\n"
        '  ~ overwrite flow "SMS Test" (00000001-0000-4000-8000-000000000000)\n'
        '      ~ info: "old" -> "new"\n'
        "      ~ timeout: 60 -> 90\n"
        "      ~ nodes (changed)\n"
        "      ! dangling reference to secrets.LOST\n"
        '  ~ overwrite flow "Renamed" (00000002-0000-4000-8000-000000000000)\n'
        '      ~ name: "Old" -> "Renamed"\n'
        '      ! renames "Old" to "Renamed"\n'
        '  + create flow "" (00000004-0000-4000-8000-000000000000)\n'
        "      ! this flow has no name, so that it is matched by its uuid only\n"
        '  ~ overwrite flow "Locked" (00000005-0000-4000-8000-000000000000)\n'
        "      ~ isValid: false -> null\n"
        "      ~ isLocked: true -> false\n"
        "      ~ x (changed)\n"
        '  ~ overwrite connection "Twilio" (00000006-0000-4000-8000-000000000000)\n'
        "      ~ description, devValue (changed)\n"
        '  ~ overwrite connection "By name" (00000007-0000-4000-8000-000000000000,'
        " here aaaaaaaa-0000-4000-8000-00000000000a)\n"
        '      ~ type: "Twilio" -> "S3"\n'
        '  + create secret "TOKEN" (00000010-0000-4000-8000-000000000000)\n'
        "      ! devValue is ignored: an import never sets a secret's value\n"
        '  + create secret "KEY" (00000011-0000-4000-8000-000000000000)\n'
        "      ! brings back a deleted secret\n"
        "    1 item not touched (-v 2 lists all)\n"
        "\n"
        "Plan: 3 to create, 5 to overwrite, 2 to skip, 1 unchanged; 5 warnings.\n"
    )


def test_a_plan_with_copies_is_printed_like_this(monkeypatch):
    monkeypatch.setattr("imports.plans.item_destinations.uuid4", lambda: HERE)
    plan = planned(
        a_file(flows=[{"uuid": uuid(1), "name": "A"}, {"uuid": uuid(2), "name": "B"}]),
        stored(FLOW, uuid(1), "A"),
        mode=Mode.DUPLICATE,
    )
    assert printed(plan) == (
        'Import into the server "production", duplicate:\n'
        "\n"
        '  + duplicate flow "A" as "A (copy)" (00000001-0000-4000-8000-000000000000)\n'
        '  + create flow "B" (00000002-0000-4000-8000-000000000000)\n'
        "\n"
        "Plan: 1 to create, 1 to duplicate, 0 to overwrite, 0 to skip, 0 unchanged.\n"
    )


def test_a_plan_without_items_is_printed_like_this():
    assert printed(planned(a_file(), mode=Mode.SKIP)) == (
        'Import into the server "production", skip:\n'
        "\n"
        "Plan: 0 to create, 0 to overwrite, 0 to skip, 0 unchanged.\n"
    )


def a_plan_of(*, flows, without_a_name):
    items = [{"uuid": uuid(n), "name": "" if n < without_a_name else f"F{n}"} for n in range(flows)]
    return planned(a_file(flows=items), mode=Mode.OVERWRITE)


NAMELESS = "this flow has no name, so that it is matched by its uuid only"


def test_below_a_plan_that_a_screen_shows_no_warning_of_one_item_is_told_again():
    text = printed(a_plan_of(flows=20, without_a_name=1))
    assert text.count(NAMELESS) == 1


def test_below_a_plan_that_is_longer_than_a_screen_all_warnings_are_told_again():
    text = printed(a_plan_of(flows=60, without_a_name=1))
    *_, warning, summary_line = [line for line in text.splitlines() if line]
    assert warning == f'! flow "" ({uuid(0)}): {NAMELESS}'
    assert summary_line.endswith("1 warning.")


def test_of_very_many_warnings_below_a_plan_the_last_line_says_how_many_more(monkeypatch):
    monkeypatch.setattr("imports.management.warning_text._WARNINGS_SHOWN", 1)
    items = [{"uuid": uuid(n), "name": ""} for n in range(60)]
    lists = {"flows": items[:30], "connections": items[30:]}
    text = printed(planned(a_file(**lists), mode=Mode.OVERWRITE))
    lines = [line for line in text.splitlines() if line]
    assert lines[-3].startswith("! 30 flows have no name")
    assert lines[-2] == "and 1 more warning: see the items above"


def test_the_counts_are_the_last_line():
    assert format_summary(plan_with_every_result()) == (
        "Plan: 3 to create, 5 to overwrite, 2 to skip, 1 unchanged; 5 warnings."
    )


def test_results_have_their_colours_on_a_terminal():
    lines = printed(
        plan_with_every_result(),
        lists_all=True,
        force_terminal=True,
        color_system="standard",
        no_color=False,
    ).splitlines()
    created = f'  + create flow "" ({uuid(4)})'
    overwritten = f'  ~ overwrite flow "Renamed" ({uuid(2)})'
    unchanged = f'    unchanged flow "Same" ({uuid(3)})'
    assert f"\x1b[32m{created}\x1b[0m" in lines
    assert f"\x1b[33m{overwritten}\x1b[0m" in lines
    assert f"\x1b[2m{unchanged}\x1b[0m" in lines
    assert '\x1b[33m      ! renames "Old" to "Renamed"\x1b[0m' in lines


# --- Hostile texts

HOSTILE = {
    "a new line": ("a\nPlan: 0 to create.", '"a\\nPlan: 0 to create."'),
    "a carriage return": ("a\rb", '"a\\rb"'),
    "a code that clears the screen": ("\x1b[2Ja", '"\\x1b[2Ja"'),
    "a one-character control sequence": ("\x9b2Ja", '"\\x9b2Ja"'),
    "a bell and a backspace": ("a\x07\x08", '"a\\x07\\x08"'),
    "a link": ("\x1b]8;;https://x\x1b\\a", '"\\x1b]8;;https://x\\x1b\\a"'),
    "text from right to left": ("\u202etset", '"\\u202etset"'),
    "a line separator": ("a\u2028b\u2029c\x85d", '"a\\u2028b\\u2029c\\x85d"'),
    "an invisible character": ("a\u200bb\ufeff", '"a\\u200bb\\ufeff"'),
    "rich's closing tag": ("a[/b]", '"a[/b]"'),
    "rich's markup": ("[bold red]a[/bold red][/][link=x]", '"[bold red]a[/bold red][/][link=x]"'),
    "rich's emoji": (":bomb: :warning:", '":bomb: :warning:"'),
    "a tag of HTML": ("<script>alert(1)</script>", '"<script>alert(1)</script>"'),
    "a format": ("%s {0.__class__} ${x}", '"%s {0.__class__} ${x}"'),
    "a tabulator": ("a\tb", '"a\\tb"'),
    "a line that is long": ("a " * 120, f'"{"a " * 100}..."'),
    "letters of the world": ("\u00e9\u4f60\u0434\u05d0", '"\u00e9\u4f60\u0434\u05d0"'),
}


@pytest.mark.parametrize("forced", [False, True], ids=["to a file", "on a terminal"])
@pytest.mark.parametrize(
    ("name", "shown"), HOSTILE.values(), ids=[f"a name with {what}" for what in HOSTILE]
)
def test_stays_harmless_and_on_one_line(name, shown, forced):
    document = a_file(flows=[{"uuid": uuid(1), "name": name}])
    plan = planned(document, mode=Mode.SKIP)
    text = printed(plan, force_terminal=forced)
    (change,) = plan
    is_serious = [warning.is_serious for warning in change.all_warnings]
    hidden = "".join(f"      ! {warning}\n" for warning in change.warnings)
    again = f"! flow {shown} ({uuid(1)}): {change.warnings[0]}\n\n" if True in is_serious else ""
    counted = "; 1 serious warning" if True in is_serious else "; 1 warning" if hidden else ""
    assert STYLE.sub("", text) == (
        'Import into the server "production", skip:\n'
        "\n"
        f"  + create flow {shown} ({uuid(1)})\n"
        f"{hidden}"
        "\n"
        f"{again}"
        "Plan: 1 to create, 0 to overwrite, 0 to skip, 0 unchanged"
        f"{counted}.\n"
    )
    # What is said of a character that is not seen does not show it.
    assert hidden.isascii()


def test_hostile_texts_of_rows_fields_and_keys_stay_on_their_lines():
    evil = "\x1b[2J\n[/b]"
    document = a_file(
        flows=[{"uuid": uuid(1), "name": "A", "info": evil, evil: 1}],
        connections=[{"uuid": uuid(2), "name": "C", "type": evil}],
        secrets=[{"uuid": uuid(3), "name": "S", f"token{evil}": "CANARY", "devValue": "CANARY"}],
    )
    plan = planned(
        document,
        stored(FLOW, uuid(1), evil),
        stored(CONNECTION, uuid(2), "C"),
        mode=Mode.OVERWRITE,
    )
    assert printed(plan) == (
        'Import into the server "production", overwrite:\n'
        "\n"
        f'  ~ overwrite flow "A" ({uuid(1)})\n'
        '      ~ name: "\\x1b[2J\\n[/b]" -> "A"\n'
        '      ~ info: "" -> "\\x1b[2J\\n[/b]"\n'
        "      ~ \\x1b[2J\\n[/b] (changed)\n"
        '      ! renames "\\x1b[2J\\n[/b]" to "A"\n'
        f'  ~ overwrite connection "C" ({uuid(2)})\n'
        '      ~ type: "" -> "\\x1b[2J\\n[/b]"\n'
        f'  + create secret "S" ({uuid(3)})\n'
        "      ! token\\x1b[2J\\n[/b] is ignored: an import never sets a secret's value\n"
        "      ! devValue is ignored: an import never sets a secret's value\n"
        "\n"
        "Plan: 1 to create, 2 to overwrite, 0 to skip, 0 unchanged; 3 warnings.\n"
    )


def test_values_of_connections_and_long_texts_are_never_shown():
    canary = "CANARY-8c1d"
    document = a_file(
        flows=[
            {
                "uuid": uuid(1),
                "name": "A",
                "info": canary + "x" * 60,
                "nodes": [{"code": canary}],
                "tags": [canary],
                "unknown": canary,
            }
        ],
        connections=[{"uuid": uuid(2), "name": "C", "devValue": canary, "prodValue": canary}],
        secrets=[{"uuid": uuid(3), "name": "S", "devValue": canary, "apiToken": canary}],
    )
    rows = (
        stored(FLOW, uuid(1), "A", info="y" * 61 + canary, viewport=f'{{"a":"{canary}"}}'),
        stored(CONNECTION, uuid(2), "C", dev_value=f"{canary} 2", prod_value=f"{canary} 3"),
        stored(SECRET, uuid(3), "S"),
    )
    for mode in Mode:
        text = printed(planned(document, *rows, mode=mode))
        assert "CANARY" not in text
    assert "CANARY" not in printed(planned(document, mode=Mode.SKIP))
