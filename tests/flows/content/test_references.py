"""What documents refer to: found wherever it stands, rewritten all at once, in text and in JSON."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.references import find_secret_names, find_uuids, is_identifier, rewrite

SMS = "c4492541-118e-4e23-9450-f2d28204ebee"
TWILIO = "417c5997-296e-4e7d-b482-7c899406041f"
# Each begins with a letter that ends a JSON escape: \b and \f.
BEGINS_WITH_B = "b1c2d3e4-0000-4000-8000-00000000000b"
BEGINS_WITH_F = "f1c2d3e4-0000-4000-8000-00000000000f"
# Its last eight digits are the first eight of another candidate.
OVERLAPPING = "aaaaaaaa-bbbb-cccc-dddd-eeee12345678-1111-2222-3333-444444444444"
OVERLAPPING_FIRST, OVERLAPPING_SECOND = OVERLAPPING[:36], OVERLAPPING[28:]

UUIDS = (SMS, TWILIO, BEGINS_WITH_B, BEGINS_WITH_F, OVERLAPPING_FIRST, OVERLAPPING_SECOND)
SWAPPED_UUIDS = {
    SMS: TWILIO,
    TWILIO: SMS,
    BEGINS_WITH_B: BEGINS_WITH_F,
    BEGINS_WITH_F: BEGINS_WITH_B,
    OVERLAPPING_SECOND: SMS,
}
SWAPPED_NAMES = {"A": "B", "B": "A", "e\u0301t\u00e9": "$", "$": "e\u0301t\u00e9", "A_copy": "C"}


# --- uuids in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(SMS, {SMS}, id="alone"),
        pytest.param(SMS.upper(), {SMS}, id="in upper case"),
        pytest.param("C4492541-118e-4E23-9450-f2d28204EBEE", {SMS}, id="in mixed case"),
        pytest.param(f"https://host/flow/{SMS}/run?x={TWILIO}", {SMS, TWILIO}, id="in an address"),
        pytest.param(f"0123{SMS}4567", {SMS}, id="between other digits"),
        pytest.param(f"deadbeef-{SMS}", {SMS}, id="after eight digits and a dash"),
        pytest.param(f"-{SMS}-", {SMS}, id="between dashes"),
        pytest.param(f"{SMS}{TWILIO}", {SMS, TWILIO}, id="back to back"),
        pytest.param(OVERLAPPING, {OVERLAPPING_FIRST, OVERLAPPING_SECOND}, id="overlapping"),
        pytest.param(f"“{SMS}”", {SMS}, id="in curly quotes"),
        pytest.param(SMS[1:], set(), id="not with a digit missing in front"),
        pytest.param(SMS[:-1], set(), id="not with a digit missing at the end"),
        pytest.param(SMS.replace("-", ""), set(), id="not without dashes"),
        pytest.param(SMS.replace("4e23", "4g23"), set(), id="not with another letter"),
        pytest.param(SMS.replace("4", "\u0664"), set(), id="not with digits of another script"),
        pytest.param("", set(), id="not in nothing"),
    ],
)
def test_uuids_are_found_wherever_they_stand(text, found):
    assert find_uuids(text) == found


def test_a_uuid_is_replaced_inside_a_longer_string_and_whatever_its_case():
    rewritten = rewrite(f"deadbeef-{SMS.upper()}ff/{SMS}", uuids={SMS: TWILIO}, names={})
    assert rewritten == f"deadbeef-{TWILIO}ff/{TWILIO}"


def test_two_uuids_swap_at_once():
    rewritten = rewrite(f"{SMS} {TWILIO}{SMS}", uuids={SMS: TWILIO, TWILIO: SMS}, names={})
    assert rewritten == f"{TWILIO} {SMS}{TWILIO}"


@pytest.mark.parametrize(
    ("uuids", "rewritten"),
    [
        pytest.param(
            {OVERLAPPING_FIRST: SMS}, SMS + OVERLAPPING[36:], id="the first, where it is known"
        ),
        pytest.param(
            {OVERLAPPING_SECOND: SMS}, OVERLAPPING[:28] + SMS, id="the second, where only it is"
        ),
        pytest.param(
            {OVERLAPPING_FIRST: SMS, OVERLAPPING_SECOND: TWILIO},
            SMS + OVERLAPPING[36:],
            id="the first, where both are",
        ),
    ],
)
def test_of_overlapping_candidates_one_is_replaced(uuids, rewritten):
    assert rewrite(OVERLAPPING, uuids=uuids, names={}) == rewritten


# --- secrets' names in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("secrets.KEY", {"KEY"}, id="alone"),
        pytest.param('{key: secrets.KEY, "b": secrets.b}', {"KEY", "b"}, id="in an object"),
        pytest.param("`${secrets.KEY}`", {"KEY"}, id="in a template"),
        pytest.param("env.secrets.KEY", {"KEY"}, id="as a property of something"),
        pytest.param("secrets.KEY.length", {"KEY"}, id="before a property"),
        pytest.param("secrets.KEY-1", {"KEY"}, id="before an operator"),
        pytest.param("secrets.$", {"$"}, id="a dollar"),
        pytest.param("secrets.$a_9$", {"$a_9$"}, id="with dollars and digits"),
        pytest.param("secrets._", {"_"}, id="an underscore"),
        pytest.param("secrets.été", {"été"}, id="with letters beyond ASCII"),
        pytest.param("secrets.e\u0301te\u0301", {"e\u0301te\u0301"}, id="with combining marks"),
        pytest.param("secrets.名前", {"名前"}, id="of another script"),
        pytest.param("secrets.क\u094dष", {"क\u094dष"}, id="with a vowel sign"),
        pytest.param("secrets.a\u200db", {"a\u200db"}, id="with a joiner"),
        pytest.param("“secrets.KEY”", {"KEY"}, id="in curly quotes"),
        pytest.param("\U0001f511secrets.KEY\U0001f511", {"KEY"}, id="between emoji"),
        pytest.param(
            "\U0001f5dd\ufe0fsecrets.KEY\U0001f5dd\ufe0f", {"KEY"}, id="between coloured emoji"
        ),
        pytest.param("secrets.A，secrets.B、secrets.C", {"A", "B", "C"}, id="after wide commas"),
        pytest.param("“secrets.A”“secrets.B”", {"A", "B"}, id="after curly quotes back to back"),
        pytest.param("secrets.“secrets.B”", {"B"}, id="after one that has no name"),
        pytest.param("my_secrets.secrets.B", {"B"}, id="after one that is no reference"),
        pytest.param("secrets.secrets.B", {"secrets"}, id="the name itself being the word"),
        pytest.param("mysecrets.KEY", set(), id="not after another word's end"),
        pytest.param("$secrets.KEY", set(), id="not after a dollar"),
        pytest.param("_secrets.KEY", set(), id="not after an underscore"),
        pytest.param("ésecrets.KEY", set(), id="not after a letter beyond ASCII"),
        pytest.param("e\u0301secrets.KEY", set(), id="not after a combining mark"),
        pytest.param("名secrets.KEY", set(), id="not after a letter of another script"),
        pytest.param("Secrets.KEY", set(), id="not in another case"),
        pytest.param("secret.KEY", set(), id="not after another word"),
        pytest.param("secrets .KEY", set(), id="not after a space"),
        pytest.param("secrets.9KEY", set(), id="not a number"),
        pytest.param("secrets.\u0301KEY", set(), id="not beginning with a mark"),
        pytest.param("secrets.", set(), id="not without a name"),
        pytest.param("secrets.“KEY”", set(), id="not a quoted name"),
    ],
)
def test_names_are_found_as_whole_identifiers(text, found):
    assert find_secret_names(text) == found


def test_a_name_is_replaced_only_where_it_is_the_whole_identifier():
    text = "secrets.A secrets.AB secrets.A_copy secrets.$A secrets.A\u0301 secrets.A9 secrets.A.B A"
    rewritten = rewrite(text, uuids={}, names={"A": "Z"})
    assert rewritten == text.replace("secrets.A ", "secrets.Z ").replace("A.B", "Z.B")


def test_two_names_swap_at_once():
    rewritten = rewrite("secrets.A+secrets.B+secrets.A", uuids={}, names={"A": "B", "B": "A"})
    assert rewritten == "secrets.B+secrets.A+secrets.B"


def test_uuids_and_names_are_replaced_in_one_call():
    rewritten = rewrite(f"{SMS} secrets.A", uuids={SMS: TWILIO}, names={"A": "B"})
    assert rewritten == f"{TWILIO} secrets.B"


@pytest.mark.parametrize("json", [False, True])
def test_the_same_object_comes_back_where_nothing_is_replaced(json):
    text = f'["{TWILIO} secrets.Other mysecrets.A"]'
    assert rewrite(text, uuids={SMS: TWILIO}, names={"A": "B"}, json=json) is text
    assert rewrite(text, uuids={}, names={}, json=json) is text


@pytest.mark.parametrize(
    "name", ["A", "_", "$", "a9", "été", "e\u0301", "名前", "a\u200cb", "secrets", "class"]
)
def test_an_identifier_is_one(name):
    assert is_identifier(name)


@pytest.mark.parametrize(
    "name",
    ["", "9a", "a-b", "a b", "a.b", " a", "a\n", "\u0301a", "\u200da", "a\U0001f511", "“a”", "a\\"],
)
def test_what_is_no_identifier_is_none(name):
    assert not is_identifier(name)


# --- escapes in JSON


@pytest.mark.parametrize(
    ("string", "found"),
    [
        pytest.param("\nsecrets.KEY", {"KEY"}, id="after a line end"),
        pytest.param("\tsecrets.KEY\n", {"KEY"}, id="between white space"),
        pytest.param("\bsecrets.KEY\f", {"KEY"}, id="between other controls"),
        pytest.param("\x1fsecrets.KEY\x00", {"KEY"}, id="between numbered controls"),
        pytest.param('"secrets.KEY"', {"KEY"}, id="in quotes"),
        pytest.param("\\\nsecrets.KEY", {"KEY"}, id="after a backslash and a line end"),
        pytest.param("\\secrets.KEY", {"KEY"}, id="after a backslash"),
        pytest.param("\\nsecrets.KEY", set(), id="not after a backslash and an n"),
        pytest.param("\\\\nsecrets.KEY", set(), id="not after two backslashes and an n"),
        pytest.param("\\u001fsecrets.KEY", set(), id="not after the spelling of an escape"),
        pytest.param("nsecrets.KEY", set(), id="not after an n"),
    ],
)
def test_an_escape_in_json_is_no_part_of_a_word(string, found):
    assert find_secret_names(canonical.encode([string]), json=True) == found
    assert find_secret_names(string) == found


@pytest.mark.parametrize(
    ("string", "found"),
    [
        pytest.param(f"\\{BEGINS_WITH_F}", {BEGINS_WITH_F}, id="after a backslash"),
        pytest.param(f"\\{BEGINS_WITH_B}", {BEGINS_WITH_B}, id="after another backslash"),
        pytest.param(f"\f{BEGINS_WITH_F}", {BEGINS_WITH_F}, id="after a form feed"),
        pytest.param(f"\x1f{SMS}", {SMS}, id="after a numbered control"),
        pytest.param(f"\\\x1f{SMS}", {SMS}, id="after a backslash and a control"),
        pytest.param(f"\\u{SMS}", {SMS}, id="after a backslash and a u"),
        pytest.param(f"\n{SMS}\n", {SMS}, id="between line ends"),
        pytest.param(f"\f{BEGINS_WITH_F[1:]}", set(), id="not with the f of a form feed"),
        pytest.param(f"\b{BEGINS_WITH_B[1:]}", set(), id="not with the b of a backspace"),
        pytest.param(f"\\\f{BEGINS_WITH_F[1:]}", set(), id="not with that f after a backslash"),
        pytest.param(f"\x1f{BEGINS_WITH_F[1:]}", set(), id="not with one digit of an escape"),
        pytest.param(f"\x1f{SMS[2:]}", set(), id="not with two digits of an escape"),
        pytest.param(f"\x1f{SMS[3:]}", set(), id="not with three digits of an escape"),
        pytest.param(f"\x1f{SMS[4:]}", set(), id="not with all four digits of an escape"),
    ],
)
def test_an_escape_in_json_is_no_part_of_a_uuid(string, found):
    assert find_uuids(canonical.encode([string]), json=True) == found
    assert find_uuids(string) == found


def test_a_uuid_and_a_name_in_a_key_are_replaced():
    text = canonical.encode({SMS: {"\nsecrets.A": [f"{SMS}"]}})
    rewritten = rewrite(text, uuids={SMS: TWILIO}, names={"A": "B"}, json=True)
    assert canonical.decode(rewritten) == {TWILIO: {"\nsecrets.B": [TWILIO]}}


# --- the strong property: JSON is scanned as it stands, as if each of its strings were


PIECES = st.sampled_from(
    [
        *UUIDS,
        *(uuid[1:] for uuid in UUIDS),
        *(uuid[4:] for uuid in UUIDS),
        SMS.upper(),
        *("deadbeef-", "-", "f", "b", "n", "u", "u001f", "001f", "dead", "0"),
        *("\\", "\\\\", '"', "/", "\b", "\f", "\n", "\r", "\t", "\x00", "\x1f", "\x0b", "\x7f"),
        *("secrets.", "secrets.A", "secrets.B", "secrets.A_copy", "secrets.$", "secrets"),
        *("A", "B", "$", "_", ".", " ", "e\u0301t\u00e9", "\u0301", "\u200d", "\ufe0f", "”", "，"),
        *("\U0001f511", "名"),
    ]
)
STRINGS = st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=10,
)


def rewritten_value(value):
    """The plain way: each string of the decoded document by itself, keys and values."""
    if isinstance(value, str):
        return rewrite(value, uuids=SWAPPED_UUIDS, names=SWAPPED_NAMES)
    if isinstance(value, list):
        return [rewritten_value(each) for each in value]
    if isinstance(value, dict):
        # In the order of the text: where two keys become one, the last of them stays.
        return {rewritten_value(key): rewritten_value(value[key]) for key in sorted(value)}
    return value


@given(DOCUMENTS)
@example([f"\\\\{BEGINS_WITH_F}"])
@example([f"\\{BEGINS_WITH_F}\f{BEGINS_WITH_F[1:]}"])
@example({"\\nsecrets.A": "\nsecrets.A"})
@example({"secrets.A": 1, "secrets.B": 2})
def test_rewriting_the_text_of_json_is_rewriting_each_of_its_strings(document):
    rewritten = rewrite(
        canonical.encode(document), uuids=SWAPPED_UUIDS, names=SWAPPED_NAMES, json=True
    )
    assert canonical.encode(canonical.decode(rewritten)) == canonical.encode(
        rewritten_value(document)
    )


def strings_of(value):
    """Every string of a decoded document, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [each for item in value.items() for part in item for each in strings_of(part)]
    return [each for part in value for each in strings_of(part)] if isinstance(value, list) else []


@given(DOCUMENTS)
def test_what_is_found_in_the_text_of_json_is_what_is_found_in_its_strings(document):
    text, strings = canonical.encode(document), strings_of(document)
    assert find_uuids(text, json=True) == set().union(*map(find_uuids, strings))
    assert find_secret_names(text, json=True) == set().union(*map(find_secret_names, strings))


UUID_ANYWHERE = re.compile(r"(?i)(?=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))", re.ASCII)


@given(STRINGS)
def test_uuids_are_those_that_a_plain_search_finds(text):
    assert find_uuids(text) == {uuid.lower() for uuid in UUID_ANYWHERE.findall(text)}


def plainly_found_names(text):
    """Place by place: the longest identifier after each `secrets.` that is a word of its own."""
    found, taken = set(), 0
    for at in range(len(text)):
        before = text[at - 1 : at] if at else ""
        # The mark that gives an emoji its colour is a letter's part in name only.
        inside_word = before != "\ufe0f" and is_identifier(f"_{before}") and before
        if at < taken or inside_word or not text.startswith("secrets.", at):
            continue
        start = at + len("secrets.")
        names = (text[start:end] for end in range(start + 1, len(text) + 1))
        if name := max(filter(is_identifier, names), key=len, default=""):
            found.add(name)
            taken = start + len(name)
    return found


@given(STRINGS)
def test_names_are_those_that_a_search_place_by_place_finds(text):
    assert find_secret_names(text) == plainly_found_names(text)


# --- hostile text
