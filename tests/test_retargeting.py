"""Whether a connection sends its secrets elsewhere: what counts as another destination."""

import pytest

from flows.retargeting import retargetings

BEFORE = "{ host: 'db.example.com', port: 5432, user: 'app', timeout: 30, password: secrets.DB }"


def found(
    before: str, after: str, *, types: tuple[str, str] = ("Postgres", "Postgres")
) -> list[str]:
    """What is found between two development values, without production values."""
    old, new = types
    contents = (
        {"type": old, "dev_value": before, "prod_value": ""},
        {"type": new, "dev_value": after, "prod_value": "{}"},
    )
    return [
        str(change) for change in retargetings(*contents) if change.key.startswith(("dev", "type"))
    ]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (("'db.example.com'", "'evil.example.com'"), "devValue.host 'db.example.com' -> 'evil.example.com'"),
        (("5432", "6432"), "devValue.port 5432 -> 6432"),
        (("'app'", "'root'"), "devValue.user 'app' -> 'root'"),
        (("secrets.DB", "secrets.OTHER"), "devValue.password"),
        (("host:", "hostName:"), "devValue.host 'db.example.com' -> none"),
        (("port: 5432", "port: 5432, proxy: 'evil'"), "devValue.proxy"),
        (("port: 5432", "port: 5432, ssl: { rejectUnauthorized: false }"), "devValue.ssl"),
        (("'db.example.com'", "`${'evil'}`"), "devValue.host 'db.example.com' -> `${'evil'}`"),
        (("'db.example.com'", "'good.com@evil.com'"), "devValue.host 'db.example.com' -> (not shown)"),
        (("'db.example.com'", "'db.example.com' + x"), "devValue"),
        (("port: 5432", "...overrides"), "devValue"),
        (("port: 5432", "['ho' + 'st']: 'evil'"), "devValue"),
        (("port: 5432", "port: 5432, host: 'evil'"), "devValue"),
        (("port: 5432", "get host() { return 'evil' }"), "devValue"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else " to ".join(value),
)  # fmt: skip
def test_a_changed_destination_is_found(new: tuple[str, str], expected: str) -> None:
    after = BEFORE.replace(*new)
    assert after != BEFORE
    assert expected in found(BEFORE, after)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("30", "60"),
        BEFORE.replace("timeout: 30, ", ""),
        BEFORE.replace("port: 5432,", "port: 5432, // the usual port\n"),
        BEFORE.replace("port: 5432", "poolSize: 5, port: 5432"),
        BEFORE.replace("{ ", "{\n  ").replace(" }", ",\n}"),
        "{ port: 5432, host: 'db.example.com', user: 'app', password: secrets.DB }",
    ],
    ids=["timeout", "no timeout", "comment", "pool size", "white space", "order"],
)
def test_what_leaves_the_destination_alone_is_not_found(after: str) -> None:
    assert found(BEFORE, after) == []


def test_another_type_is_another_destination() -> None:
    assert found(BEFORE, BEFORE, types=("Postgres", "SqlServer")) == ["type Postgres -> SqlServer"]


def test_an_emptied_production_value_falls_back_to_development() -> None:
    before = {"type": "SFTP", "dev_value": "{ host: 'dev' }", "prod_value": "{ host: 'prod' }"}
    assert [str(change) for change in retargetings(before, {**before, "prod_value": ""})] == [
        "prodValue.host 'prod' -> 'dev'"
    ]


def test_a_development_value_that_production_falls_back_to_counts_for_both() -> None:
    before = {"type": "SFTP", "dev_value": "{ host: 'a' }", "prod_value": None}
    assert [str(change) for change in retargetings(before, {**before, "dev_value": "{ host: 'b' }"})] == [
        "devValue.host 'a' -> 'b'",
        "prodValue.host 'a' -> 'b'",
    ]  # fmt: skip


def test_a_url_is_named_but_not_shown_since_it_may_hold_a_password() -> None:
    before, after = "{ url: 'https://u:hunter2@a' }", "{ url: 'https://u:hunter2@b' }"
    assert found(before, after) == ["devValue.url"]


def test_text_that_is_no_object_counts_as_a_whole() -> None:
    assert found("postgres://a/db", "postgres://b/db") == ["devValue"]
    assert found("postgres://a/db", "postgres://a/db") == []


def test_deep_and_long_texts_are_read_in_bounded_time() -> None:
    deep = "{ a: " * 5000 + "1" + " }" * 5000
    assert found(deep, "{}") == ["devValue"]
    long = "{ a: '" + "x" * 1_000_000 + "' }"
    assert found(long, long.replace("a:", "b:")) == ["devValue.a", "devValue.b"]
    unfinished = "/*" * 100_000 + "'" * 99_999
    assert found(unfinished, "{}") == ["devValue"]
    assert found("{ a: [", "{}") == ["devValue"]
