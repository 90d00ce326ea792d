"""Which pairs of a secret and a destination a change makes: held against a model that knows them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content.fields import Kind
from flows.destinations.changes import (
    CODE_USES_SECRET,
    SECRET_TO_NEW_DESTINATION,
    NewDestination,
    SecretChange,
    SecretState,
    SecretUser,
    UserChange,
)
from flows.destinations.destinations import SecretUse, find_secret_uses
from flows.destinations.new import find_new_destinations
from flows.destinations.uses import EVERY
from flows.destinations.warnings import make_warnings

# Ways to use the secrets A and B, each with the names that it may reach.
WAYS = {
    "'none'": set(),
    "secrets.A": {"A"},
    "secrets.B": {"B"},
    "`${secrets.A}:${secrets.B}`": {"A", "B"},
    'secrets["A"]': {EVERY},
    "secrets?.A": {EVERY},
    "(s => s.A)(secrets)": {EVERY},
    "secrets.\\u0041": {EVERY},
    "globalThis['sec' + 'rets'].A": {EVERY},
}
HOSTS = ["one", "two", "three"]
KEYS = ["password", "comment", "timeout"]
NAMES = ["A", "B", "C"]


@dataclass(frozen=True)
class Value:
    """One text of a connection, with what it does known from how it was made."""

    host: str
    key: str
    way: str

    @property
    def text(self) -> str:
        return f"{{ host: '{self.host}', {self.key}: {self.way} }}"

    @property
    def target(self) -> str:
        """Its destination: all of a text that is no plain object, else its host."""
        return self.text if WAYS[self.way] == {EVERY} else self.host


@dataclass(frozen=True)
class Connection:
    value: Value
    is_live: bool = True


@dataclass(frozen=True)
class Secret:
    name: str
    is_live: bool = True
    has_value: bool = True


@dataclass(frozen=True)
class State:
    """A whole server: flows.destinations.new.Server."""

    secrets_by_uuid: dict[str, Secret] = field(default_factory=dict)
    connections_by_uuid: dict[str, Connection] = field(default_factory=dict)

    def read_secrets(self) -> dict[str, SecretState]:
        return {
            uuid: SecretState(name=one.name, has_value=one.has_value)
            for uuid, one in self.secrets_by_uuid.items()
            if one.is_live
        }

    def read_valued_secrets(self) -> set[str]:
        return {uuid for uuid, one in self.secrets_by_uuid.items() if one.has_value}

    def read_connections(self) -> Iterator[SecretUser]:
        for uuid in self.connections_by_uuid:
            if uses := self.uses(uuid):
                yield SecretUser(kind=Kind.CONNECTION, uuid=uuid, name=uuid, uses=uses)

    def read_flows(self) -> Iterator[SecretUser]:
        return iter(())

    def uses(self, uuid: str):
        one = self.connections_by_uuid.get(uuid)
        if one is None or not one.is_live:
            return frozenset()
        content = {"type": "T", "dev_value": one.value.text, "prod_value": ""}
        return find_secret_uses(Kind.CONNECTION, uuid, content)

    def pairs(self) -> set[tuple[str, str]]:
        """Every secret with a value, with each target it is sent to: told without the product."""
        return {
            (uuid, one.value.target)
            for one in self.connections_by_uuid.values()
            if one.is_live
            for uuid, secret in self.secrets_by_uuid.items()
            if secret.is_live
            and secret.has_value
            and (WAYS[one.value.way] == {EVERY} or secret.name in WAYS[one.value.way])
        }


def found(before: State, after: State) -> list[NewDestination]:
    users = [
        UserChange(
            kind=Kind.CONNECTION,
            uuid=uuid,
            name=uuid,
            before=before.uses(uuid),
            after=after.uses(uuid),
        )
        for uuid in after.connections_by_uuid
        if before.connections_by_uuid.get(uuid) != after.connections_by_uuid[uuid]
    ]
    secrets = [
        SecretChange(
            uuid=uuid, before=before.read_secrets().get(uuid), after=after.read_secrets().get(uuid)
        )
        for uuid in after.secrets_by_uuid
        if before.secrets_by_uuid.get(uuid) != after.secrets_by_uuid[uuid]
    ]
    results = find_new_destinations(users, secrets, before)
    return [new for news in results.values() for new in news]


def needs_right(before: State, after: State) -> bool:
    return any(new.needs_right for new in found(before, after))


_VALUES = st.builds(
    Value, host=st.sampled_from(HOSTS), key=st.sampled_from(KEYS), way=st.sampled_from(list(WAYS))
)
_CONNECTIONS = st.builds(Connection, value=_VALUES, is_live=st.booleans())
_SECRETS = st.builds(
    Secret, name=st.sampled_from(NAMES), is_live=st.booleans(), has_value=st.booleans()
)


def _unique(state: State) -> bool:
    """The names of live secrets are unique."""
    names = [one.name for one in state.secrets_by_uuid.values() if one.is_live]
    return len(names) == len(set(names))


_STATES = st.builds(
    State,
    secrets_by_uuid=st.dictionaries(st.sampled_from(["s1", "s2", "s3"]), _SECRETS, max_size=3),
    connections_by_uuid=st.dictionaries(st.sampled_from(["c1", "c2"]), _CONNECTIONS, max_size=2),
).filter(_unique)


@st.composite
def _writes(draw: st.DrawFn, state: State) -> State:
    """A state after one write: of a secret, of a connection, or of several rows at once."""
    secrets, connections = dict(state.secrets_by_uuid), dict(state.connections_by_uuid)
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            connections[draw(st.sampled_from(["c1", "c2", "c3"]))] = draw(_CONNECTIONS)
        else:
            uuid = draw(st.sampled_from(["s1", "s2", "s3", "s4"]))
            new = draw(_SECRETS)
            # A new row has no stored value; one that is there may lose it, or get it back.
            secrets[uuid] = new if uuid in secrets else replace(new, has_value=False)
    return State(secrets, connections)


@given(st.data())
def test_what_needs_the_right_is_what_makes_a_pair(data: st.DataObject) -> None:
    before = data.draw(_STATES)
    after = data.draw(_writes(before).filter(_unique))
    made = after.pairs() - before.pairs()
    assert bool(made) <= needs_right(before, after)  # nothing is missed
    named = {new.secret_uuid for new in found(before, after) if new.needs_right} - {""}
    # A harmless key that names a secret is a setting like any other, so that a little more is said.
    assert {uuid for uuid, _ in made} <= named or "" in {
        new.secret_uuid for new in found(before, after) if new.needs_right
    }


@given(st.data())
def test_no_three_permitted_writes_make_a_pair_that_needs_the_right(data: st.DataObject) -> None:
    first = state = data.draw(_STATES)
    for _ in range(data.draw(st.integers(1, 3))):
        after = data.draw(_writes(state).filter(_unique))
        if not needs_right(state, after):
            state = after
    assert state.pairs() <= first.pairs()
    assert not needs_right(first, state)


def test_a_write_that_changes_nothing_is_asked_nothing() -> None:
    class Untouched(State):
        def read_secrets(self):
            raise AssertionError

    state = Untouched({"s": Secret("A")}, {"c": Connection(Value("one", "password", "secrets.A"))})
    use = state.uses("c")
    change = UserChange(kind=Kind.CONNECTION, uuid="c", name="c", before=use, after=use)
    assert find_new_destinations([change], [], state) == {}


def connection_change(before: str, after: str, uuid: str = "c") -> UserChange:
    uses = [
        find_secret_uses(Kind.CONNECTION, uuid, {"type": "T", "dev_value": text, "prod_value": ""})
        for text in (before, after)
    ]
    return UserChange(kind=Kind.CONNECTION, uuid=uuid, name="Mail", before=uses[0], after=uses[1])


SERVER = State({"s": Secret("A"), "e": Secret("B", has_value=False)})


def test_a_new_pair_says_what_programs_and_people_need() -> None:
    change = connection_change("{ host: 'old', k: secrets.A }", "{ host: 'new', k: secrets.A }")
    (new,) = find_new_destinations([change], [], SERVER)[Kind.CONNECTION, "c"]
    assert new.code == SECRET_TO_NEW_DESTINATION
    assert (new.secret, new.secret_uuid, new.needs_right) == ("A", "s", True)
    assert (new.old, new.new, new.environments) == (("old",), "new", ("development", "production"))


def test_where_it_is_sent_now_is_told_of_the_environment_that_changes() -> None:
    def uses(dev: str, prod: str) -> frozenset[SecretUse]:
        texts = {"dev_value": f"{{ host: '{dev}', k: secrets.A }}"}
        texts["prod_value"] = f"{{ host: '{prod}', k: secrets.A }}"
        return find_secret_uses(Kind.CONNECTION, "c", {"type": "T", **texts})

    def new_of(before: tuple[str, str], after: tuple[str, str]) -> list[NewDestination]:
        change = UserChange(
            kind=Kind.CONNECTION, uuid="c", name="M", before=uses(*before), after=uses(*after)
        )
        return find_new_destinations([change], [], SERVER)[Kind.CONNECTION, "c"]

    (new,) = new_of(("dev", "prod"), ("dev", "evil"))
    assert (new.environments, new.old, new.new) == (("production",), ("prod",), "evil")
    (new,) = new_of(("dev", "prod"), ("evil", "evil"))
    assert (new.environments, new.old) == (("development", "production"), ("dev", "prod"))


def test_a_secret_without_a_value_makes_no_pair() -> None:
    change = connection_change("", "{ host: 'new', k: secrets.B }")
    assert find_new_destinations([change], [], SERVER) == {}


def test_a_name_that_no_secret_has_makes_no_pair() -> None:
    change = connection_change("", "{ host: 'new', k: secrets.C }")
    assert find_new_destinations([change], [], SERVER) == {}


def test_where_another_connection_sends_it_already_is_not_new() -> None:
    value = Value("one", "password", "secrets.A")
    server = replace(SERVER, connections_by_uuid={"other": Connection(value)})
    assert find_new_destinations([connection_change("", value.text)], [], server) == {}
    other = connection_change("", replace(value, host="two").text)
    (new,) = find_new_destinations([other], [], server)[Kind.CONNECTION, "c"]
    assert (new.old, new.new) == (("one",), "two")


def test_code_that_names_a_secret_for_the_first_time_needs_no_right() -> None:
    uses = [
        find_secret_uses(Kind.FLOW, "f", {"nodes": f'[{{"code":"{code}"}}]'})
        for code in ("secrets.A", "secrets.A + secrets.B", "secrets[x]")
    ]

    def change(before, after):
        return UserChange(kind=Kind.FLOW, uuid="f", name="F", before=before, after=after)

    assert find_new_destinations([change(uses[0], uses[0])], [], SERVER) == {}
    (new,) = find_new_destinations([change(frozenset(), uses[1])], [], SERVER)[Kind.FLOW, "f"]
    assert (new.code, new.secret, new.needs_right) == (CODE_USES_SECRET, "A", False)
    (new,) = find_new_destinations([change(frozenset(), uses[2])], [], SERVER)[Kind.FLOW, "f"]
    assert (new.secret, new.names, new.needs_right) == (EVERY, ("A", "B"), False)
    for after in uses:
        first = replace(change(frozenset(), after), is_new=True)
        assert find_new_destinations([first], [], SERVER) == {}


@pytest.mark.parametrize("has_value", [True, False])
def test_a_renamed_secret_goes_where_its_new_name_is_used(has_value: bool) -> None:
    value = Value("evil", "password", "secrets.A")
    server = State({"s": Secret("B", has_value=has_value)}, {"c": Connection(value)})
    change = SecretChange(
        uuid="s",
        before=SecretState(name="B", has_value=has_value),
        after=SecretState(name="A", has_value=has_value),
    )
    results = find_new_destinations([], [change], server)
    if not has_value:
        assert results == {}
    else:
        (new,) = results[Kind.SECRET, "s"]
        assert (new.uuid, new.new, new.needs_right) == ("c", "evil", True)


def test_a_connection_of_many_secrets_is_compared_in_linear_time() -> None:
    many = 300
    names = [f"S{number}" for number in range(many)]

    def sent(host: str):
        settings = ", ".join(f"{name}: secrets.{name}" for name in names)
        content = {"type": "T", "dev_value": f"{{ host: '{host}', {settings} }}", "prod_value": ""}
        return find_secret_uses(Kind.CONNECTION, "c", content)

    looked_up = 0

    class Uuid(str):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal looked_up
            looked_up += 1
            return super().__hash__()

    state = State({Uuid(name): Secret(name) for name in names})
    change = UserChange(kind=Kind.CONNECTION, uuid="c", name="c", before=sent("a"), after=sent("b"))
    found = find_new_destinations([change], [], state)
    assert len(found[Kind.CONNECTION, "c"]) == many
    assert looked_up < 100 * many


def renamed(uuid: str, before: str, after: str, *, has_value: bool = True) -> SecretChange:
    return SecretChange(
        uuid=uuid,
        before=SecretState(name=before, has_value=has_value),
        after=SecretState(name=after, has_value=has_value),
    )


def test_every_secret_that_a_rename_reaches_is_told_of_by_that_secret() -> None:
    value = Value("one", "password", "(s => s.A)(secrets)")
    server = State({"s": Secret("OLD"), "t": Secret("T")}, {"c": Connection(value)})
    assert find_new_destinations([], [renamed("s", "OLD", "NEW")], server) == {}
    back = SecretChange(uuid="n", after=SecretState(name="N", has_value=True))
    ((row, (new,)),) = find_new_destinations([], [back], server).items()
    assert row == (Kind.SECRET, "n")
    assert (new.secret, new.secret_uuid, new.names) == (EVERY, "", ("N",))


def test_a_user_that_the_same_change_writes_is_told_of_once_and_by_itself() -> None:
    server = State({"s": Secret("B")}, {"c": Connection(Value("one", "password", "secrets.A"))})
    own = connection_change("{ host: 'one', k: secrets.A }", "{ host: 'two', k: secrets.A }")
    found = find_new_destinations([own], [renamed("s", "B", "A")], server)
    ((row, (new,)),) = found.items()
    assert (row, new.old, new.new) == ((Kind.CONNECTION, "c"), (), "two")


@pytest.mark.parametrize(("number", "told"), [(5, ()), (6, ("1 more",)), (7, ("2 more",))])
def test_of_many_places_the_first_five_are_named_and_how_many_more(number, told) -> None:
    hosts = [f"h{at}" for at in range(number)]
    server = State(
        {"s": Secret("A"), "t": Secret("B")},
        {
            **{host: Connection(Value(host, "password", "secrets.A")) for host in hosts},
            "other": Connection(Value("elsewhere", "password", "secrets.B")),
        },
    )
    change = connection_change("", "{ host: 'new', k: secrets.A }", uuid="new")
    (new,) = find_new_destinations([change], [], server)[Kind.CONNECTION, "new"]
    assert new.old == (*hosts[:5], *told)


def test_of_every_secret_all_places_are_named_where_any_goes_now() -> None:
    server = State(
        {"s": Secret("A"), "t": Secret("B")},
        {
            "a": Connection(Value("one", "password", "secrets.A")),
            "b": Connection(Value("two", "password", "secrets.B")),
        },
    )
    change = connection_change("", "(s => s)(secrets)", uuid="new")
    (new,) = find_new_destinations([change], [], server)[Kind.CONNECTION, "new"]
    assert (new.secret, new.names, new.old) == (EVERY, ("A", "B"), ("one", "two"))


def test_a_flow_has_no_environment_and_a_connection_the_one_that_sends() -> None:
    uses = find_secret_uses(Kind.FLOW, "f", {"info": "", "nodes": '[{"code":"f(secrets.A)"}]'})
    change = UserChange(kind=Kind.FLOW, uuid="f", name="F", after=uses)
    (new,) = find_new_destinations([change], [], SERVER)[Kind.FLOW, "f"]
    assert new.environments == ()


def test_the_same_host_with_the_same_secret_is_no_new_pair_whatever_else_changed() -> None:
    before = "{ host: 'db.example.com', port: 1, db: 'x', k: secrets.A }"
    after = "{ host: 'DB.Example.com', port: 2, db: 'y', ssl: true, k: secrets.A }"
    assert find_new_destinations([connection_change(before, after)], [], SERVER) == {}


def test_another_destination_that_reads_the_same_is_told_as_one_with_other_settings() -> None:
    before = "{ user: 'a', db: 'x', k: secrets.A }"
    after = "{ user: 'b', db: 'x', k: secrets.A }"
    row = Kind.CONNECTION, "c"
    found = find_new_destinations([connection_change(before, after)], [], SERVER)[row]
    (warning,) = make_warnings(found, of=row)
    assert warning.text.endswith("secrets.A -> T -> T with other settings")


def test_warnings_of_two_environments_are_in_one_order_however_they_are_found() -> None:
    change = connection_change("", "{ host: 'new', k: secrets.A }")
    (new,) = find_new_destinations([change], [], SERVER)[Kind.CONNECTION, "c"]
    both = [replace(new, environments=(name,)) for name in ("development", "production")]
    key = Kind.CONNECTION, "c"
    assert make_warnings(both, of=key) == make_warnings(reversed(both), of=key)


def test_what_is_frozen_cannot_be_changed() -> None:
    change = connection_change("", "{ host: 'new', k: secrets.A }")
    (new,) = find_new_destinations([change], [], SERVER)[Kind.CONNECTION, "c"]
    with pytest.raises(AttributeError):
        new.secret = "B"  # type: ignore[misc]
