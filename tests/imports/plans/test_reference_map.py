"""References follow the items to where they land, in every field that may hold one."""

import json
from uuid import UUID

import pytest

import imports.plans.reference_map
from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import Kind
from imports.plans.plan import Mode
from imports.plans.reference_map import ItemDestination, LostValue, ReferenceMap, map_references
from tests.support.imagined import a_file, planned, stored
from tests.support.inert import assert_inert
from tests.support.ordinary import EDGES_TEXT, NODES_TEXT

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET

# In the file.
SMS = "c4492541-118e-4e23-9450-f2d28204ebee"
TWILIO = "417c5997-296e-4e7d-b482-7c899406041f"
TOKEN = "5ec7e700-0000-4000-8000-000000000001"
# On the server, or the uuid of a copy.
SMS_HERE = "f1111111-0000-4000-8000-00000000000f"
TWILIO_HERE = "c1111111-0000-4000-8000-00000000000c"
TOKEN_HERE = "b1111111-0000-4000-8000-00000000000b"


def content_of(flow=None, connection=None, secret=None, *, others=(), moves=()):
    """The content of the one item given, when items land as `moves` say: uuid, name."""
    document = a_file(
        flows=[flow] if flow else [],
        connections=[connection] if connection else [],
        secrets=[secret] if secret else [],
    )
    other_items = a_file(**dict(others))
    (item,) = document
    destinations = [
        ItemDestination(item=moved, uuid=uuid, name=name)
        for moved, (uuid, name) in zip(other_items, moves, strict=True)
    ]
    references, issues = map_references(
        [ItemDestination(item=item, uuid=item.uuid, name=item.name), *destinations]
    )
    assert issues == []
    content = references.rewrite_content(item)
    return {column: read_text(value) for column, value in content.items()}


def with_connection_moved(**keys):
    return content_of(
        {"uuid": SMS, "name": "SMS", **keys},
        others={"connections": [{"uuid": TWILIO, "name": "Twilio"}]},
        moves=[(TWILIO_HERE, "Twilio")],
    )


def with_secret_renamed(flow=None, connection=None, secret=None):
    return content_of(
        flow,
        connection,
        secret,
        others={"secrets": [{"uuid": TOKEN, "name": "TOKEN"}]},
        moves=[(TOKEN, "TOKEN_copy")],
    )


# --- A uuid, wherever it stands


def test_a_uuid_in_nodes_is_rewritten():
    content = with_connection_moved(nodes=[{"id": "1", "data": {"connectionUuid": TWILIO}}])
    assert content["nodes"] == f'[{{"data":{{"connectionUuid":"{TWILIO_HERE}"}},"id":"1"}}]'


def test_a_uuid_in_edges_and_in_the_viewport_is_rewritten():
    content = with_connection_moved(
        edges=[{"id": "e", "source": TWILIO, "target": "2"}], viewport={"on": TWILIO}
    )
    assert content["edges"] == f'[{{"id":"e","source":"{TWILIO_HERE}","target":"2"}}]'
    assert content["viewport"] == f'{{"on":"{TWILIO_HERE}"}}'


def test_a_uuid_is_rewritten_within_a_longer_string():
    content = with_connection_moved(
        nodes=[{"data": {"code": f"call('https://host/{TWILIO}/run?from={TWILIO}')\n// x"}}],
        info=f"Uses [{TWILIO}].",
    )
    assert content["nodes"] == (
        f'[{{"data":{{"code":"call(\'https://host/{TWILIO_HERE}/run?from={TWILIO_HERE}\')'
        '\\n// x"}}]'
    )
    assert content["info"] == f"Uses [{TWILIO_HERE}]."


def test_a_uuid_within_a_text_that_is_json_itself_is_rewritten():
    handle = json.dumps({"id": TWILIO, "at": [1]})
    content = with_connection_moved(edges=[{"sourceHandle": handle}])
    assert json.loads(content["edges"]) == [
        {"sourceHandle": json.dumps({"id": TWILIO_HERE, "at": [1]})}
    ]


def test_a_uuid_that_is_a_key_is_rewritten_and_keys_are_sorted_again():
    content = with_connection_moved(nodes=[{"data": {TWILIO: 1, "a": 2, "d": 3}}])
    assert content["nodes"] == f'[{{"data":{{"a":2,"{TWILIO_HERE}":1,"d":3}}}}]'


def test_a_uuid_in_upper_case_is_rewritten():
    content = with_connection_moved(nodes=[{"connectionUuid": TWILIO.upper()}])
    assert content["nodes"] == f'[{{"connectionUuid":"{TWILIO_HERE}"}}]'


def test_a_uuid_in_unknown_keys_is_rewritten():
    content = with_connection_moved(webhook={"of": [TWILIO]})
    assert content["extra"] == f'{{"webhook":{{"of":["{TWILIO_HERE}"]}}}}'


def test_a_uuid_in_every_text_field_is_rewritten():
    content = with_connection_moved(queueUuid=TWILIO, tags=[f"of {TWILIO}"], listenerType=TWILIO)
    assert (content["queue_uuid"], content["tags"], content["listener_type"]) == (
        TWILIO_HERE,
        f'["of {TWILIO_HERE}"]',
        TWILIO_HERE,
    )


def test_a_uuid_in_a_connections_texts_is_rewritten():
    content = content_of(
        connection={
            "uuid": TWILIO,
            "name": "Twilio",
            "devValue": f"{{ hook: '{SMS}' }}",
            "prodValue": None,
            "description": f"for {SMS}",
        },
        others={"flows": [{"uuid": SMS, "name": "SMS"}]},
        moves=[(SMS_HERE, "SMS")],
    )
    assert (content["dev_value"], content["prod_value"], content["description"]) == (
        f"{{ hook: '{SMS_HERE}' }}",
        None,
        f"for {SMS_HERE}",
    )


def test_a_uuid_in_a_secrets_description_is_rewritten():
    content = content_of(
        secret={"uuid": TOKEN, "name": "TOKEN", "description": f"of {TWILIO}", "tags": [TWILIO]},
        others={"connections": [{"uuid": TWILIO, "name": "Twilio"}]},
        moves=[(TWILIO_HERE, "Twilio")],
    )
    assert content["description"] == f"of {TWILIO_HERE}"
    assert content["tags"] == f'["{TWILIO_HERE}"]'


def test_a_name_that_looks_like_a_reference_stays():
    content = content_of(
        {"uuid": SMS, "name": f"secrets.TOKEN {TWILIO}"},
        others={
            "connections": [{"uuid": TWILIO, "name": "Twilio"}],
            "secrets": [{"uuid": TOKEN, "name": "TOKEN"}],
        },
        moves=[(TWILIO_HERE, "Twilio"), (TOKEN_HERE, "TOKEN_copy")],
    )
    assert content["name"] == f"secrets.TOKEN {TWILIO}"


def test_what_refers_to_nothing_that_moves_stays_byte_for_byte():
    nodes = [{"data": {"x": SMS_HERE, "code": "secrets.OTHER\t\u2028"}, "id": "1"}]
    content = with_connection_moved(nodes=nodes, info=SMS_HERE)
    assert content["nodes"] == (
        f'[{{"data":{{"code":"secrets.OTHER\\t\u2028","x":"{SMS_HERE}"}},"id":"1"}}]'
    )
    assert content["info"] == SMS_HERE


def test_absent_keys_stay_absent():
    assert with_connection_moved() == {
        "name": "SMS",
        "nodes": NODES_TEXT,
        "edges": EDGES_TEXT,
        "extra": "{}",
    }


# --- secrets.NAME


@pytest.mark.parametrize(
    ("code", "rewritten"),
    [
        ("secrets.TOKEN", "secrets.TOKEN_copy"),
        ("f(secrets.TOKEN, secrets.TOKEN)", "f(secrets.TOKEN_copy, secrets.TOKEN_copy)"),
        ("`${secrets.TOKEN}`", "`${secrets.TOKEN_copy}`"),
        ("secrets.TOKEN.length", "secrets.TOKEN_copy.length"),
        ("x\nsecrets.TOKEN\ny", "x\nsecrets.TOKEN_copy\ny"),
        ("secrets.TOKENS", "secrets.TOKENS"),
        ("secrets.TOKEN_", "secrets.TOKEN_"),
        ("secrets.TOKEN$", "secrets.TOKEN$"),
        ("secrets.token", "secrets.token"),
        ("mysecrets.TOKEN", "mysecrets.TOKEN"),
        ("TOKEN", "TOKEN"),
        ("'TOKEN'", "'TOKEN'"),
    ],
)
def test_a_secrets_name_is_rewritten_only_as_a_whole_identifier(code, rewritten):
    flow = with_secret_renamed({"uuid": SMS, "name": "SMS", "nodes": [{"data": {"code": code}}]})
    connection = with_secret_renamed(
        connection={"uuid": TWILIO, "name": "Twilio", "devValue": code, "prodValue": code}
    )
    assert json.loads(flow["nodes"]) == [{"data": {"code": rewritten}}]
    assert (connection["dev_value"], connection["prod_value"]) == (rewritten, rewritten)


def test_two_secrets_that_swap_names_are_both_followed():
    content = content_of(
        connection={"uuid": TWILIO, "name": "Twilio", "devValue": "secrets.A + secrets.B"},
        others={"secrets": [{"uuid": SMS, "name": "A"}, {"uuid": TOKEN, "name": "B"}]},
        moves=[(SMS, "B"), (TOKEN, "A")],
    )
    assert content["dev_value"] == "secrets.B + secrets.A"


def test_only_secrets_are_followed_by_their_names():
    content = content_of(
        {"uuid": TOKEN, "name": "F", "info": "secrets.TOKEN, secrets.SMS"},
        others={
            "flows": [{"uuid": SMS, "name": "SMS"}],
            "connections": [{"uuid": TWILIO, "name": "TOKEN"}],
        },
        moves=[(SMS, "SMS_here"), (TWILIO, "TOKEN_here")],
    )
    assert content["info"] == "secrets.TOKEN, secrets.SMS"


def test_two_items_that_swap_uuids_are_both_followed():
    content = content_of(
        {"uuid": TOKEN, "name": "F", "nodes": [{"c": TWILIO, "f": SMS, "both": TWILIO + SMS}]},
        others={
            "flows": [{"uuid": SMS, "name": "SMS"}],
            "connections": [{"uuid": TWILIO, "name": "Twilio"}],
        },
        moves=[(TWILIO, "SMS"), (SMS, "Twilio")],
    )
    assert content["nodes"] == f'[{{"both":"{SMS}{TWILIO}","c":"{SMS}","f":"{TWILIO}"}}]'


# --- The lists of what a flow uses


def test_a_list_of_uses_follows_in_uuids_and_in_objects_with_their_names():
    content = content_of(
        {
            "uuid": SMS,
            "name": "SMS",
            "connections": [TWILIO, {"uuid": TWILIO, "name": "Twilio", "type": "Twilio"}],
            "secrets": [{"uuid": TOKEN.upper(), "name": "TOKEN"}, {"uuid": TOKEN}],
        },
        others={
            "connections": [{"uuid": TWILIO, "name": "Twilio"}],
            "secrets": [{"uuid": TOKEN, "name": "TOKEN"}],
        },
        moves=[(TWILIO_HERE, "Twilio (copy)"), (TOKEN_HERE, "TOKEN_copy")],
    )
    assert content["used_connections"] == (
        f'["{TWILIO_HERE}",{{"name":"Twilio (copy)","type":"Twilio","uuid":"{TWILIO_HERE}"}}]'
    )
    assert content["used_secrets"] == (
        f'[{{"name":"TOKEN_copy","uuid":"{TOKEN_HERE}"}},{{"uuid":"{TOKEN_HERE}"}}]'
    )


def test_a_name_in_a_list_of_uses_follows_where_only_the_name_differs():
    content = content_of(
        {"uuid": SMS, "name": "SMS", "connections": [{"uuid": TWILIO, "name": "Twilio"}]},
        others={"connections": [{"uuid": TWILIO, "name": "Twilio"}]},
        moves=[(TWILIO, "Twilio of this server")],
    )
    assert content["used_connections"] == f'[{{"name":"Twilio of this server","uuid":"{TWILIO}"}}]'


def test_a_stale_name_beside_a_uuid_becomes_the_name_of_the_row_that_it_lands_in():
    uses = [{"uuid": TWILIO, "name": "Its name of last year"}, {"uuid": TWILIO}, TWILIO]
    content = content_of(
        {"uuid": SMS, "name": "SMS", "connections": uses},
        others={"connections": [{"uuid": TWILIO, "name": "Twilio"}]},
        moves=[(TWILIO_HERE, "Twilio (copy)")],
    )
    assert content["used_connections"] == (
        f'[{{"name":"Twilio (copy)","uuid":"{TWILIO_HERE}"}},{{"uuid":"{TWILIO_HERE}"}},'
        f'"{TWILIO_HERE}"]'
    )


def test_a_name_in_a_list_of_uses_follows_a_uuid_in_upper_case():
    content = content_of(
        {"uuid": SMS, "name": "SMS", "connections": [{"uuid": TWILIO.upper(), "name": "Twilio"}]},
        others={"connections": [{"uuid": TWILIO, "name": "Twilio"}]},
        moves=[(TWILIO, "Here")],
    )
    assert content["used_connections"] == f'[{{"name":"Here","uuid":"{TWILIO.upper()}"}}]'


def test_a_list_of_uses_of_what_does_not_move_stays():
    content = with_connection_moved(connections=[{"uuid": SMS_HERE, "name": "Twilio"}], secrets=[])
    assert content["used_connections"] == f'[{{"name":"Twilio","uuid":"{SMS_HERE}"}}]'
    assert content["used_secrets"] == "[]"


def test_a_list_of_uses_that_is_null_stays_null():
    content = with_connection_moved(connections=None)
    assert content["used_connections"] is None


# --- In a plan


def by_path(plan):
    return {change.item.path: change for change in plan}


A_FLOW_WITH_ALL = a_file(
    flows=[
        {
            "uuid": SMS,
            "name": "SMS",
            "nodes": [{"connectionUuid": TWILIO, "code": "secrets.TOKEN", "subflowUuid": SMS}],
        }
    ],
    connections=[{"uuid": TWILIO, "name": "Twilio", "devValue": "{ token: secrets.TOKEN }"}],
    secrets=[{"uuid": TOKEN, "name": "TOKEN"}],
)
ALL_HERE = (
    stored(FLOW, SMS_HERE, "SMS"),
    stored(CONNECTION, TWILIO_HERE, "Twilio"),
    stored(SECRET, TOKEN_HERE, "TOKEN"),
)


def test_duplicates_point_at_duplicates():
    plan = planned(A_FLOW_WITH_ALL, *ALL_HERE, mode=Mode.DUPLICATE)
    changes = by_path(plan)
    flow, connection = changes["flows[0]"], changes["connections[0]"]
    assert json.loads(flow.content["nodes"].text) == [
        {
            "connectionUuid": connection.target_uuid,
            "code": "secrets.TOKEN_copy",
            "subflowUuid": flow.target_uuid,
        }
    ]
    assert connection.content["dev_value"] == "{ token: secrets.TOKEN_copy }"
    new = {change.target_uuid for change in plan}
    assert len(new) == 3
    assert not new & {SMS, TWILIO, TOKEN, SMS_HERE, TWILIO_HERE, TOKEN_HERE}
    assert {UUID(uuid).version for uuid in new} == {4}


def test_a_name_match_points_at_this_servers_rows():
    changes = by_path(planned(A_FLOW_WITH_ALL, *ALL_HERE, mode=Mode.OVERWRITE))
    assert json.loads(changes["flows[0]"].content["nodes"].text) == [
        {"connectionUuid": TWILIO_HERE, "code": "secrets.TOKEN", "subflowUuid": SMS_HERE}
    ]


def test_a_created_flow_points_at_what_is_skipped():
    _, *used_here = ALL_HERE
    changes = by_path(planned(A_FLOW_WITH_ALL, *used_here, mode=Mode.SKIP))
    assert json.loads(changes["flows[0]"].content["nodes"].text) == [
        {"connectionUuid": TWILIO_HERE, "code": "secrets.TOKEN", "subflowUuid": SMS}
    ]


def test_a_created_connection_names_a_skipped_secret_as_this_server_does():
    token = stored(SECRET, TOKEN, "TOKEN_OF_PRODUCTION")
    changes = by_path(planned(A_FLOW_WITH_ALL, token, mode=Mode.SKIP))
    assert changes["connections[0]"].content["dev_value"] == (
        "{ token: secrets.TOKEN_OF_PRODUCTION }"
    )
    assert changes["secrets[0]"].target_name == "TOKEN_OF_PRODUCTION"


def test_secrets_whose_names_this_server_has_the_other_way_round_are_skipped_and_followed():
    document = a_file(
        connections=[{"uuid": TWILIO, "name": "Twilio", "devValue": "secrets.A, secrets.B"}],
        secrets=[{"uuid": TOKEN, "name": "A"}, {"uuid": TOKEN_HERE, "name": "B"}],
    )
    plan = planned(
        document, stored(SECRET, TOKEN, "B"), stored(SECRET, TOKEN_HERE, "A"), mode=Mode.SKIP
    )
    assert by_path(plan)["connections[0]"].content["dev_value"] == "secrets.B, secrets.A"


def test_duplicates_of_flows_that_call_each_other_in_a_ring_call_each_others_duplicates():
    uuids = [SMS, TWILIO, TOKEN]
    document = a_file(
        flows=[
            {"uuid": uuid, "name": name, "nodes": [{"subflowUuid": called}]}
            for uuid, name, called in zip(uuids, "ABC", uuids[1:] + uuids[:1], strict=True)
        ]
    )
    rows = [stored(FLOW, uuid, name) for uuid, name in zip(uuids, "ABC", strict=True)]
    first, second, third = planned(document, *rows, mode=Mode.DUPLICATE)
    assert [change.content["nodes"] for change in (first, second, third)] == [
        f'[{{"subflowUuid":"{second.target_uuid}"}}]',
        f'[{{"subflowUuid":"{third.target_uuid}"}}]',
        f'[{{"subflowUuid":"{first.target_uuid}"}}]',
    ]


def test_a_created_flow_points_at_the_duplicate_of_what_it_uses():
    connection = stored(CONNECTION, TWILIO, "Twilio")
    changes = by_path(planned(A_FLOW_WITH_ALL, connection, mode=Mode.DUPLICATE))
    assert (changes["flows[0]"].result, changes["connections[0]"].result) == ("CREATE", "DUPLICATE")
    assert json.loads(changes["flows[0]"].content["nodes"].text) == [
        {
            "connectionUuid": changes["connections[0]"].target_uuid,
            "code": "secrets.TOKEN",
            "subflowUuid": SMS,
        }
    ]


def test_a_copys_content_bears_the_copys_name():
    plan = planned(A_FLOW_WITH_ALL, *ALL_HERE, mode=Mode.DUPLICATE)
    assert [change.content["name"] for change in plan] == [
        "SMS (copy)",
        "Twilio (copy)",
        "TOKEN_copy",
    ]


def test_a_row_that_an_item_is_not_moved_to_is_not_followed():
    """The file's own uuids stay where its items keep them."""
    changes = by_path(planned(A_FLOW_WITH_ALL, mode=Mode.OVERWRITE))
    assert changes["flows[0]"].content["nodes"] == (
        f'[{{"code":"secrets.TOKEN","connectionUuid":"{TWILIO}","subflowUuid":"{SMS}"}}]'
    )


# --- Thousands of references


def test_one_large_flow_that_refers_to_thousands_of_secrets_is_rewritten():
    names = [f"SECRET_{number:04}" for number in range(500)]
    code = "".join(f"use(secrets.{name});" + " " * 95 + "\n" for name in names)
    assert len(code) > 60_000
    document = a_file(
        flows=[{"uuid": SMS, "name": "SMS", "nodes": [{"code": code}]}],
        secrets=[
            {"uuid": f"5e000000-0000-4000-8000-{n:012}", "name": name}
            for n, name in enumerate(names)
        ],
    )
    rows = [
        stored(SECRET, f"5e000000-0000-4000-8000-{n:012}", name) for n, name in enumerate(names)
    ]
    plan = planned(document, *rows, mode=Mode.DUPLICATE)
    (rewritten,) = canonical.decode(by_path(plan)["flows[0]"].content["nodes"].text)
    assert rewritten["code"].startswith("use(secrets.SECRET_0000_copy);")
    assert rewritten["code"].count("_copy)") == 500


def test_one_large_flow_that_refers_to_thousands_of_flows_is_rewritten():
    uuids = [f"f1000000-0000-4000-8000-{number:012}" for number in range(500)]
    nodes = [{"id": str(n), "data": {"subflowUuid": uuid}} for n, uuid in enumerate(uuids)]
    document = a_file(
        flows=[
            {"uuid": SMS, "name": "SMS", "nodes": nodes},
            *({"uuid": uuid, "name": f"F{n}"} for n, uuid in enumerate(uuids)),
        ]
    )
    rows = [stored(FLOW, uuid, f"F{n}") for n, uuid in enumerate(uuids)]
    plan = planned(document, *rows, mode=Mode.DUPLICATE)
    called = [
        node["data"]["subflowUuid"]
        for node in json.loads(by_path(plan)["flows[0]"].content["nodes"].text)
    ]
    assert called == [change.target_uuid for change in plan.changes[FLOW][1:]]
    assert not set(called) & set(uuids)


# --- What cannot be followed

COLLISION = (
    "This key is a reference that would become the same as another key of the object, and "
    "one of the two values would be lost. Rename one of the keys in the file."
)
AMBIGUOUS = (
    "Two items of the file, of different kinds, have this uuid and land in rows "
    "with different uuids, so that a reference to it could mean either. "
    "Give one of them another uuid."
)


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"nodes": [{}, {"map": {TWILIO: 1, TWILIO_HERE: 2}}]}, "flows[1].nodes[1].map"),
        ({"unknown": {TWILIO: 1, TWILIO_HERE: 2}}, "flows[1].unknown"),
    ],
)
def test_a_key_that_would_take_another_ones_place_is_refused(keys, path):
    document = a_file(flows=[{"uuid": SMS_HERE, "name": "A"}, {"uuid": SMS, "name": "SMS", **keys}])
    with pytest.raises(LostValue) as lost:
        ReferenceMap(uuids={TWILIO: TWILIO_HERE}).rewrite_content(document.items[FLOW][1])
    issue = lost.value.issue
    assert (issue.code, issue.message, str(lost.value)) == ("key-collision", COLLISION, COLLISION)
    assert (issue.uuid, issue.name) == (SMS, "SMS")
    assert issue.path.startswith(path)


def test_a_uuid_that_would_mean_two_rows_is_refused_for_each_item():
    document = a_file(
        flows=[{"uuid": SMS, "name": "A"}],
        connections=[{"uuid": SMS, "name": "B"}, {"uuid": TWILIO, "name": "C"}],
        secrets=[{"uuid": TWILIO, "name": "D"}],
    )
    a, b, c, d = document
    destinations = [
        ItemDestination(item=a, uuid=SMS, name="A"),
        ItemDestination(item=b, uuid=SMS_HERE, name="B"),
        ItemDestination(item=c, uuid=TWILIO_HERE, name="C"),
        ItemDestination(item=d, uuid=TWILIO_HERE, name="D"),
    ]
    _, issues = map_references(destinations)
    assert [(issue.code, issue.message, issue.path) for issue in issues] == [
        ("ambiguous-uuid", AMBIGUOUS, "flows[0]"),
        ("ambiguous-uuid", AMBIGUOUS, "connections[0]"),
    ]


def test_where_items_land_is_inert_data():
    assert_inert(imports.plans.reference_map)
