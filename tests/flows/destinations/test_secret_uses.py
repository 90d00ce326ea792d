"""Which secrets a text uses: any use of `secrets` but `secrets.NAME` counts as all of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Kind
from flows.destinations.destinations import find_secret_uses, find_used_names
from flows.destinations.uses import EVERY, find_secrets_used

CASES = {
    "secrets.X": {"X"},
    "f(secrets.X)+secrets.Y.z": {"X", "Y"},
    "secrets.Ä_1$": {"Ä_1$"},
    "this.secrets.X": {"X"},
    "\nsecrets.X\n": {"X"},
    'secrets["X"]': {EVERY},
    "secrets?.X": {EVERY},
    'secrets [ "X" ]': {EVERY},
    "secrets . X": {EVERY},
    "secrets\n.X": {EVERY},
    "secrets/**/.X": {EVERY},
    "const {X} = secrets": {EVERY},
    "const s = secrets;": {EVERY},
    "{...secrets}": {EVERY},
    "secrets": {EVERY},
    "secrets.": {EVERY},
    "secrets.1": {EVERY},
    "\\u0073ecrets.X": {"X"},
    "secret\\u{73}.X": {"X"},
    "secret\\u{000073}.X": {"X"},
    "secrets.\\u0058": {"X", EVERY},
    "secrets.X\\u0059": {"XY", EVERY},
    "secrets\\u0058.Y": {EVERY},
    "secrets.X; secrets[y]": {"X", EVERY},
    "mysecrets.X": set(),
    "secretsX.Y": set(),
    "$secrets.Y": set(),
    "no_secrets": set(),
    "'\\u00e4' + '\\u2013'": set(),
    "": set(),
}


ORDINARY = [
    "Read the secrets of the vault",
    "// rotate secrets monthly\nf()",
    "/v1/secrets/db",
    "https://vault.example.com/v1/secrets/db?x=1",
    '{"secrets": []}',
    "{ secrets: [], a: 1 }",
    "f({ secrets: [], a: 1 })",
    "a: 1\nsecrets:\n  - db",
    "/* no secrets here */",
    "my-secrets, secrets-manager",
    "/v1/secrets?list=true",
    "'\\x41' + '\\u0041' + '\\101'",
]
HOSTILE = {
    "'{{secr\\x65ts.S}}'": {"S"},
    "'{{secr\\145ts.S}}'": {"S"},
    "'{{secr\\\nets.S}}'": {"S"},
    "'{{secr\\\r\nets.S}}'": {"S"},
    "f(secrets)": {EVERY},
    "return secrets": {EVERY},
    "x = secrets\nf()": {EVERY},
    "f(/**/secrets)": {EVERY},
    "f(secrets/**/)": {EVERY},
    "a ? secrets : b": {EVERY},
    "a ?\n secrets : b": {EVERY},
    f"a ?{' ' * 99}secrets : b": {EVERY},
    "a + secrets : b": {EVERY},
    "case secrets:": {EVERY},
    "const { secrets: s } = globalThis": {EVERY},
    "globalThis['secrets']": {EVERY},
    "for (const k in secrets) {}": {EVERY},
    "'A' in secrets": {EVERY},
    "{secrets}": {EVERY},
    "[...secrets]": {EVERY},
    "{{ secrets }}": {EVERY},
    'f(-secrets["PIN"])': {EVERY},
    'f(0-secrets["A"].charCodeAt(0))': {EVERY},
    '1/secrets["A"].length': {EVERY},
    "-secrets [x]": {EVERY},
    "-secrets/**/[x]": {EVERY},
    "1/secrets//\n[x]": {EVERY},
    "-secrets?.[x]": {EVERY},
    f"-secrets{' ' * 99}[x]": {EVERY},
    "(function ({ secrets: s }) { return s })(x)": {EVERY},
    "exports.run = { run({ secrets: s }, b = f()) { return s } }": {EVERY},
    "(({ secrets: s }, y) => s)(x)": {EVERY},
    "for (const { secrets: s } of [x]) {}": {EVERY},
    "try { f() } catch ({ secrets: s }) {}": {EVERY},
    "let s; f({ secrets: s }, globalThis)": {EVERY},
}


@pytest.mark.parametrize("text", CASES)
def test_in_plain_text(text: str) -> None:
    assert find_secrets_used(text) == CASES[text]


@pytest.mark.parametrize("text", CASES)
def test_in_a_string_of_a_document(text: str) -> None:
    assert find_secrets_used(canonical.encode({"code": text}), json=True) == CASES[text]
    assert find_secrets_used(canonical.encode([{"a": [text, 1]}]), json=True) == CASES[text]


def test_a_key_of_a_document_is_no_use_and_a_value_is() -> None:
    assert find_secrets_used('{"secrets":["A"]}', json=True) == set()
    assert find_secrets_used('{"a":"secrets"}', json=True) == {EVERY}
    assert find_secrets_used('["secrets"]', json=True) == {EVERY}


_PIECES = st.sampled_from(
    ["secrets", "secrets.", ".A", "B", "\\", "\\u0073", "u", '"', "\n", "\t", "ä", "\x1f", " ", ":", "{", "😀", "_"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_a_document_says_what_its_string_says(text: str) -> None:
    document = canonical.encode({"k": text})
    assert json.loads(document) == {"k": text}
    assert find_secrets_used(document, json=True) == find_secrets_used(text)


def test_every_is_a_star_which_no_secret_can_be_named() -> None:
    assert EVERY == "*"


def test_what_reads_nothing_is_no_use_and_what_reads_is_found() -> None:
    def find(text: str) -> frozenset[str]:
        in_document = find_secrets_used(canonical.encode([{"label": text}]), json=True)
        assert in_document == find_secrets_used(text), text
        return in_document

    assert {text: find(text) for text in ORDINARY} == dict.fromkeys(ORDINARY, frozenset())
    assert {text: find(text) for text in HOSTILE} == HOSTILE


def test_no_real_flow_or_connection_is_said_to_use_every_secret(shared_data) -> None:
    for name in ("small", "medium", "odd"):
        file = json.loads((shared_data / f"real-{name}.json").read_text())
        for each in file["flows"]:
            assert EVERY not in find_secrets_used(canonical.encode(each), json=True), each["name"]
        for each in file["connections"]:
            texts = {"dev_value": each.get("devValue"), "prod_value": each.get("prodValue")}
            assert EVERY not in find_used_names(Kind.CONNECTION, texts), each["name"]


PIECES = [
    "secrets",
    ".",
    "KEY",
    "B",
    "{ a: ",
    "}",
    "'",
    '"',
    ",",
    "(",
    "[",
    "?",
    "\n",
    " ",
    "\\u0073",
]
TEXTS = st.lists(st.sampled_from([*PIECES, "secrets.KEY", "secrets.OTHER"])).map("".join)


@given(TEXTS, TEXTS)
def test_the_names_alone_are_those_of_the_uses(development, production):
    content = {
        "name": "Mail", "type": "Mail", "dev_value": development, "prod_value": production,
        "extra": canonical.encode({"note": production, "more": development}),
    }  # fmt: skip
    uses = find_secret_uses(Kind.CONNECTION, "u", content)
    assert find_used_names(Kind.CONNECTION, content) == {use.secret for use in uses}
    flow = {"name": "Orders", "nodes": canonical.encode([development]), "info": production,
            "extra": content["extra"]}  # fmt: skip
    uses = find_secret_uses(Kind.FLOW, "u", flow)
    assert find_used_names(Kind.FLOW, flow) == {use.secret for use in uses}
