"""Which settings make a destination, which do not, and what is said of it and of a flow's code."""

import pytest

import flows.destinations.destinations
from flows.content.fields import Kind
from flows.destinations.destinations import (
    DEVELOPMENT,
    NO_USES,
    PRODUCTION,
    UNKNOWN,
    Destination,
    SecretUse,
    find_secret_uses,
    make_printable_label,
)
from tests.flows.destinations.test_connection_destinations import destination, uses
from tests.support.inert import assert_inert


def test_a_destination_is_inert_data_and_known_by_its_identity_alone() -> None:
    assert_inert(flows.destinations.destinations, by_position=("Destination", "SecretUse"))
    one = Destination("x", "a", frozenset({("host", "1")}))
    assert one == Destination("x", "b") != Destination("y", "a", one.parts)
    assert repr(one) == "Destination(identity='x', label='a')"
    assert Destination("x", "a").parts == frozenset()
    words = [DEVELOPMENT, PRODUCTION, UNKNOWN]
    assert words == ["development", "production", "unknown"]


# --- What changes how, not where, a connection works

NUMBERS = [
    *("timeout", "connectTimeout", "time_out", "heartbeat-interval", "pool", "poolSize", "maxRows"),
    *("minRows", "retry", "retryCount", "retries", "keepAlive", "debug", "batchSize", "page_size"),
]
TEXTS = [
    *("applicationName", "charset", "comment", "debug", "description", "encoding", "label"),
    *("locale", "log_level", "time-zone"),
]


def with_setting(key: str, literal: str) -> Destination:
    return destination(f"{{ k: secrets.DB, '{key}': {literal} }}")


@pytest.mark.parametrize("quote", ["'", '"', ""], ids=["single", "double", "no quotes"])
@pytest.mark.parametrize("key", ["timeout", "retries", "debug"])
def test_a_harmless_key_is_one_in_quotes_too(key: str, quote: str) -> None:
    plain = destination("{ k: secrets.DB }")
    assert destination(f"{{ k: secrets.DB, {quote}{key}{quote}: 5 }}") == plain


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_or_constant_under_a_harmless_key_does_not_count(key: str) -> None:
    plain = destination("{ k: secrets.DB }")
    assert with_setting(key, "5") == with_setting(key.upper(), "true") == plain


@pytest.mark.parametrize("key", ["port", "id", "db", "a_max", "repool", "version", *TEXTS[:3]])
def test_a_number_under_another_key_counts(key: str) -> None:
    assert with_setting(key, "5") != with_setting(key, "6")


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_under_a_harmless_key_does_not_count_unless_it_could_be_an_address(key: str) -> None:
    plain = destination("{ k: secrets.DB }")
    assert with_setting(key, "'one'") == with_setting(key, "'two'") == plain
    for address in ("'a.b'", "'a:b'", "'a@b'", r"'a\\b'", "'$a'", "'<a>'", "[1]"):
        assert with_setting(key, address) != plain


@pytest.mark.parametrize("key", ["timeout", "poolName", "maxHost", "comments", "my_label"])
def test_a_text_under_another_key_counts(key: str) -> None:
    assert with_setting(key, "'one'") != with_setting(key, "'two'")


def test_harmless_settings_of_an_object_inside_do_not_count_but_the_object_does() -> None:
    one, two, without = (
        destination(f"{{ k: secrets.DB{inside} }}")
        for inside in (", o: { timeout: 5 }", ", o: { timeout: 6 }", "")
    )
    assert one == two != without
    other = destination("{ k: secrets.DB, o: { timeout: 5, port: 1 } }")
    assert other != one


# --- What two destinations differ in


def keys_that_differ(before: str, after: str, *types: str) -> set[str]:
    one, two = (
        destination(text, type_)
        for text, type_ in zip((before, after), types or ("T", "T"), strict=True)
    )
    return {key for key, _ in one.parts ^ two.parts}


def test_the_settings_that_differ_are_known_by_their_keys() -> None:
    before = "{ host: 'a', port: 1, o: { path: 'x' }, timeout: 1, k: secrets.DB }"
    assert keys_that_differ(before, before.replace("1,", "2,")) == {"port"}
    assert keys_that_differ(before, before.replace("'x'", "'y'")) == {"path"}
    assert keys_that_differ(before, before.replace("o:", "p:")) == {"o", "p"}
    assert keys_that_differ(before, before.replace(", o: { path: 'x' }", "")) == {"o", "path"}
    assert keys_that_differ(before, before, "T", "U") == {"type"}
    assert keys_that_differ(before, before.replace("timeout: 1", "timeout: 2")) == set()
    long = "x" * 100
    assert keys_that_differ(before, before.replace("o:", f"'{long}': 1, o:")) == {long[:80]}
    assert keys_that_differ(before, before.replace("o:", f"{long}: {{}}, o:")) == {long[:80]}


def test_no_part_has_a_value_in_clear_text() -> None:
    assert "hunter2" not in str(destination("{ p: 'hunter2', k: secrets.DB }").parts)


def test_what_is_computed_has_no_parts_and_another_text_or_type_is_another() -> None:
    (one,) = {use.destination for use in uses("f()", "{}")}
    assert (one.label, one.parts) == ("unknown", frozenset())
    others = {use.destination for use in (*uses("f( )", "{}"), *uses("f()", "{}", "Other"))}
    assert one not in others
    assert {use.destination for use in uses("f()", "{}", None)} == {
        use.destination for use in uses("f()", "{}", "")
    }


# --- What is said of a destination


@pytest.mark.parametrize(
    "key",
    [
        *("host", "hostName", "server", "endpoint", "address", "broker", "domain", "url", "uri"),
        *("baseUrl", "proxy", "region", "bucket", "SERVER_NAME"),
    ],
)
def test_a_key_that_names_a_host_is_shown_with_the_port(key: str) -> None:
    assert destination(f"{{ {key}: 'a', k: secrets.A }}").label == "a"
    assert destination(f"{{ {key}: 'a', port: 25, k: secrets.A }}").label == "a:25"


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("user: 'a'", "Postgres"),
        ("host: ''", "Postgres"),
        ("host: 'a', port: {}", "a"),
        ("a: { port: 1, host: 'x' }, port: 2, host: 'y'", "x:1, y:2"),
        ("host: 'b', server: 'a', url: 'b'", "a, b"),
        ("any: 'ftp://a/b'", "ftp://a"),
        ("any: 'ftp://a?b'", "ftp://a"),
        ("any: 'ftp://a#b'", "ftp://a"),
        ("any: 'ftp://a'", "ftp://a"),
        ("any: `ftp://a/b`", "ftp://a"),
        ("any: 'ftp://u@a/b'", "ftp://a"),
        ("any: 'ftp://a/u@b'", "ftp://a"),
        ("any: 'sftp-or-a-very-long-scheme://a'", "or-a-very-long-scheme"[-20:] + "://a"),
        ("host: 'u@a'", "(not shown)"),
        (", ".join(f"host{n}: 'h{n}'" for n in range(5)), "h0, h1, h2, h3, h4"),
        (", ".join(f"host{n}: 'h{n}'" for n in range(7)), "h0, h1, h2, h3, h4 and 2 more"),
    ],
)
def test_hosts_are_said_in_short(said: str, label: str) -> None:
    assert destination(f"{{ {said}, k: secrets.A }}").label == label


def test_without_a_host_or_a_type_the_label_says_that_it_is_unknown() -> None:
    assert destination("{ k: secrets.A }", "").label == "unknown"


def test_a_label_is_short_and_on_one_line() -> None:
    assert make_printable_label("x" * 80) == "x" * 80
    assert make_printable_label("x" * 81) == "x" * 80 + "..."
    assert make_printable_label("a\nb\u202ec") == "a?b?c"


# --- Flows


def flow_uses(**columns: str | None) -> frozenset[SecretUse]:
    return find_secret_uses(Kind.FLOW, "a uuid", columns)


@pytest.mark.parametrize("column", ["nodes", "edges", "viewport", "tags", "extra"])
def test_the_code_of_a_flow_uses_secrets_wherever_it_stands(column: str) -> None:
    (use,) = flow_uses(**{column: '[{"code":"secrets.KEY"}]'})
    assert (use.secret, use.environment) == ("KEY", "")
    assert (use.destination.identity, use.destination.label) == ("flow a uuid", "its code")


def test_a_flow_may_speak_of_secrets_without_using_them() -> None:
    spoken = dict.fromkeys(("name", "info", "execution_history_level"), "secrets.KEY")
    assert flow_uses(**spoken) == NO_USES
    assert flow_uses(nodes='{"secrets":1}', extra=None) == NO_USES
    assert flow_uses() == NO_USES


def test_each_secret_of_a_flow_is_a_use() -> None:
    found = flow_uses(nodes='["secrets.A"]', edges='["secrets.B"]', extra='["secrets.C"]')
    assert {use.secret for use in found} == {"A", "B", "C"}


def test_a_secret_uses_none() -> None:
    assert find_secret_uses(Kind.SECRET, "a uuid", {"description": "secrets.KEY"}) == NO_USES
