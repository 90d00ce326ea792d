"""What seems to be a credential is hidden; the rest of a connection's text stays readable."""

import json
from pathlib import Path

import pytest

from flows.differences.masking import Masks

CANARY = "Canary-s3s4me!"


def masked(text: str) -> str:
    return Masks().mask_credentials(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{ user: 'api', password: 'CANARY' }", "{ user: 'api', password: '[hidden 1]' }"),
        ('{"password":"CANARY","host":"db"}', '{"password":"[hidden 1]","host":"db"}'),
        ("{ apiKey: `CANARY`, port: 5432 }", "{ apiKey: `[hidden 1]`, port: 5432 }"),
        ("{ 'x-api-key': 'CANARY' }", "{ 'x-api-key': '[hidden 1]' }"),
        ("auth['token'] = 'CANARY'; const host = 'db'", "auth['token'] = '[hidden 1]'; const host = 'db'"),
        ("{ password: 'CANARY' + 'x', host: 'db' }", "{ password: '[hidden 1]' + '[hidden 2]', host: 'db' }"),
        ("{ password: secrets.DB || 'CANARY', host: 'db' }", "{ password: secrets.DB [hidden 1], host: 'db' }"),
        ("{ credentials: { user: 'CANARY', all: ['CANARY', 'b'] }, host: 'db' }", "{ credentials: { user: '[hidden 1]', all: ['[hidden 1]', '[hidden 2]'] }, host: 'db' }"),
        ("{ fields: [{ name: 'password', value: 'CANARY' }] }", "{ fields: [{ name: 'password', value: '[hidden 1]' }] }"),
        ("set('Authorization', 'CANARY')", "set('Authorization', '[hidden 1]')"),
        ("{ header: 'Bearer CANARY' }", "{ header: 'Bearer [hidden 1]' }"),
        ("{ url: 'postgres://me:CANARY@db:5432/x' }", "{ url: 'postgres://me:[hidden 1]@db:5432/x' }"),
        ("amqp://me:CANARY/x@y@host/z", "amqp://me:[hidden 1]@host/z"),
        ("redis://:CANARY@host:6379", "redis://:[hidden 1]@host:6379"),
        ("mongodb://me:12345@host", "mongodb://me:[hidden 1]@host"),
        ("mongodb://me:123/CANARY@host", "mongodb://me:[hidden 1]@host"),
        ("basic://me:CANARY", "basic://me:[hidden 1]"),
        ("me:CANARY@tcp(host)", "me:[hidden 1]@tcp(host)"),
        ("{ url: 'https://CANARY@host/x' }", "{ url: 'https://[hidden 1]@host/x' }"),
        ("{ url: 'https://host/x?api_key=CANARY' }", "{ url: 'https://host/x?api_key=[hidden 1]' }"),
        ("DB_HOST=db\nDB_PASSWORD=CANARY, and more\nDB_PORT=1", "DB_HOST=db\nDB_PASSWORD=[hidden 1]\nDB_PORT=1"),
        ("{ password: CANARY,x, host: 'db' }", "{ password: [hidden 1], host: 'db' }"),
        ("password:\n  CANARY\nhost: db", "password:\n  [hidden 1]\nhost: db"),
        ("password: |\n  CANARY\n  CANARY\nhost: db", "password: |\n  [hidden 1]\nhost: db"),
        ("curl --password CANARY https://host", "curl --password [hidden 1] https://host"),
        ("password 'CANARY'", "password '[hidden 1]'"),
        ("{ pass: 'it''s CANARY' }", "{ pass: '[hidden 1]' }"),
        ("{ pass: 'it\\'s CANARY' }", "{ pass: '[hidden 1]' }"),
        ("{ pass: `one\nCANARY` }", "{ pass: `[hidden 1]` }"),
        ("{ a: '{\"password\":\"CANARY\"}' }", "{ a: '{\"password\":\"[hidden 1]\"}' }"),
        ('{ a: "{\\"password\\":\\"CANARY\\"}" }', '{ a: "{\\"password\\":[hidden 1]" }'),
        ("a\n-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\nb", "a\n[hidden 1]\nb"),
        ("a\n-----BEGIN PRIVATE KEY-----\nCANARY\nb", "a\n[hidden 1]"),
        ("{ re: /'/, password: 'CANARY', other: /'/ }", "{ re: /'/, password: '[hidden 1]', other: /'/ }"),
    ],
)  # fmt: skip
def test_a_credential_is_hidden_and_its_surroundings_are_not(text: str, shown: str) -> None:
    assert masked(text.replace("CANARY", CANARY)) == shown


SCHEMES = [
    *("Bearer", "Basic", "Digest", "Negotiate", "Token", "ApiKey", "Api-Key", "OAuth", "SSWS"),
    "bearer",
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_stands_behind_a_scheme_of_authentication_is_hidden(scheme: str) -> None:
    assert masked(f"{{ a: '{scheme} hunter2x' }}") == f"{{ a: '{scheme} [hidden 1]' }}"
    assert masked(f"curl -H 'A: {scheme} hunter2x'") == f"curl -H 'A: {scheme} [hidden 1]'"
    joined = f"{{ a: '{scheme}' + 'hunter2x' }}"
    assert masked(joined) == f"{{ a: '{scheme}' + '[hidden 1]' }}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_before_a_reference_to_a_secret_stays_readable(scheme: str) -> None:
    text = f"{{ Authorization: `{scheme} ${{secrets.KEY}}` }}"
    assert masked(text) == text


@pytest.mark.parametrize("key", ["password", "PASSWD", "passphrase", "client_secret", "x-api-key", "accessToken", "Authorization", "auth", "privateKey", "connectionString", "cookie", "jwt"])  # fmt: skip
@pytest.mark.parametrize("text", ["{{ {0}: '{1}' }}", '{{ "{0}": "{1}" }}', "{0} = `{1}`", "{0}={1}", "{0}: {1}", "--{0} {1}", "<a {0}='{1}'/>", "<{0}>{1}</{0}>", "[['{0}', '{1}']]", "the {0} is {1}"])  # fmt: skip
def test_no_spelling_of_a_key_shows_its_value(key: str, text: str) -> None:
    assert CANARY not in masked(text.format(key, CANARY))


@pytest.mark.parametrize(
    "token",
    [
        "9f86d081884c7d659a2feaa0c55ad015",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-proj-abcdefgh",
        "ghp_abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "Xk29fjLq02mNz8Rt",
        "3f2a9c1e-7b44-4a0d-9d0e-2b7f6f1c8a55",
        "hooks.slack.com/services/T000/B000/abc",
        "abcdefghijklmnopqrstuvwxyzabcdefgh",
    ],
)
def test_a_random_looking_token_is_hidden_wherever_it_stands(token: str) -> None:
    assert masked(f"{{ a: '{token}' }}") == "{ a: '[hidden 1]' }"
    assert masked(f"// {token}") == "// [hidden 1]"


@pytest.mark.parametrize(
    "text",
    [
        "{\n  clientId: 'dev-client',\n  clientSecret: secrets.GOOGLE,\n  // googleDriveOAuth2Api\n}",
        "{ headers: { Authorization: `Bearer ${secrets.HEADER_AUTH} ` } }",
        "{ url: `postgres://${user}:${secrets.PW}@db.example.com:5432/x` }",
        "{ host: 'production-cluster-01-eu-west-1.abc.rds.amazonaws.com', port: 993 }",
        "{ numberOfApiCallRetries: 5, url: 'https://api.example.com:8443/v2/accounts/messages' }",
        "{ auth: { pass: secrets.PASS }, token: null, secret: '' }",
        "",
    ],
)
def test_what_is_no_credential_stays_readable(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it's a host\nCANARY\n  x: 'CANARY'", "it[hidden 1]\n[hidden 2]\n  [hidden 3]"),
        ("a: 'CANARY\nCANARY", "a: [hidden 1]\n[hidden 2]"),
        ("{ a: secrets.A, b: \"CANARY }", "{ a: secrets.A, b: [hidden 1]"),
        ("a: `CANARY", "a: [hidden 1]"),
        ("'secrets.A CANARY", "'secrets.A [hidden 1]"),
    ],
)  # fmt: skip
def test_of_a_text_whose_quotes_do_not_match_everything_behind_the_first_is_hidden(
    text: str, shown: str
) -> None:
    assert masked(text.replace("CANARY", CANARY)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{ apiKeyValue: "hunter2x" }', '{ apiKeyValue: "[hidden 1]" }'),
        ('{ authHeader: "hunter2x" }', '{ authHeader: "[hidden 1]" }'),
        ('{ clientCertData: "hunter2x" }', '{ clientCertData: "[hidden 1]" }'),
        ('{ apikeys: "hunter2x" }', '{ apikeys: "[hidden 1]" }'),
        ("{ keys: ['hunter2x', 'b'] }", "{ keys: ['[hidden 1]', '[hidden 2]'] }"),
        ("keys=hunter2x", "keys=[hidden 1]"),
        ('{"pass\\u0077ord": "hunter2x"}', '{"pass\\u0077ord": "[hidden 1]"}'),
        ('{pass\\u{77}ord: "hunter2x"}', '{pass\\u{77}ord: "[hidden 1]"}'),
        ('{"\\x70assword": "hunter2x"}', '{"\\x70assword": "[hidden 1]"}'),
        ('{name: "password", "v\\u0061lue": "hunter2x"}', '{name: "password", "v\\u0061lue": "[hidden 1]"}'),
        ('{/**/password/**/:/**/"hunter2x"}', '{/**/password/**/:/**/"[hidden 1]"}'),
        ('{password/* a\nb */: /* c */ hunter2x }', '{password/* a\nb */: /* c */ [hidden 1] }'),
        ('{password// a\n:// b\n"hunter2x"}', '{password// a\n:// [hidden 1]\n"[hidden 2]"}'),
    ],
)  # fmt: skip
def test_no_way_to_write_a_key_hides_that_it_is_one(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("text", ["{ keyboard: 'qwerty' }", "{ author: 'me' }", "{ certain: 'yes' }", "{ a: 1 /* b */, c: 'd' } /*"])  # fmt: skip
def test_a_word_that_only_begins_like_a_credential_is_none(text: str) -> None:
    assert masked(text) == text


def test_the_same_literal_has_the_same_number_in_every_text_and_another_has_another() -> None:
    masks = Masks()
    assert masks.mask_credentials("{ password: 'one', token: 'two' }") == (
        "{ password: '[hidden 1]', token: '[hidden 2]' }"
    )
    assert masks.mask_credentials("{ token: 'three', password: 'one' }") == (
        "{ token: '[hidden 3]', password: '[hidden 1]' }"
    )


def test_naughty_strings_as_credentials_are_hidden(shared_data: Path) -> None:
    for naughty in json.loads((shared_data / "naughty-strings.json").read_text()):
        secret = f"{CANARY}{naughty}{CANARY}"
        assert CANARY not in masked(json.dumps({"host": "db", "password": secret}))
        escaped = secret.replace("\\", "\\\\").replace("'", "\\'")
        assert CANARY not in masked(f"{{ password: '{escaped}' }}")
        assert CANARY not in masked(f"password={secret}".replace("\n", " ").replace("\r", " "))
