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
    one = Destination("x", "a")
    assert one == Destination("x", "b") != Destination("y", "a")
    assert repr(one) == "Destination(identity='x', label='a')"
    words = [DEVELOPMENT, PRODUCTION, UNKNOWN]
    assert words == ["development", "production", "unknown"]


# --- What changes how, not where, a connection works


def with_setting(literal: str, key: str = "any") -> Destination:
    return destination(f"{{ k: secrets.DB, o: {{ x: 'y', {key}: {literal} }} }}")


def test_constants_and_small_numbers_do_not_count_and_all_else_does() -> None:
    plain = destination("{ k: secrets.DB, o: { x: 'y' } }")
    for literal in ("5", "-1", "65535", "true", "false", "null", "undefined"):
        assert with_setting(literal) == plain, literal
    # Also what a host may be, written as a number.
    counts = [
        "'1'",
        "'one'",
        "'a.b'",
        "2130706433",
        "127.1",
        "0x7f000001",
        "[1]",
        "{}",
        "secrets.A",
    ]
    for key in ("any", "timeout", "comments", "port"):
        found = {with_setting(literal, key).identity for literal in ("1", *counts)}
        assert len(found) == len(counts) + 1, key
    for key in ("description", "Label", "comment"):
        assert with_setting("'in words'", key) == plain, key
        for address in ("'a.b'", "'a:b'", "'a@b'", r"'a\\b'", "'$a'", "'<a>'", "secrets.A"):
            assert with_setting(address, key) != plain, address
    assert destination("{ k: secrets.DB }", "T") != destination("{ k: secrets.DB }", "U")


def test_what_is_computed_is_unknown_and_another_text_or_type_is_another() -> None:
    (one,) = {use.destination for use in uses("f()", "{}")}
    assert one.label == "unknown"
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
