"""No value and no reference of a file is lost or led astray where items land elsewhere."""

from dataclasses import replace

import pytest

from flows.content.fields import Kind
from flows.models import Flow, Secret
from flows.relations.document_rewriting import KeyCollisionError, rewrite_document
from imports.errors import PlanRefused
from imports.plans.build import build_plan
from imports.plans.plan import Mode, Plan
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.imagined import Server, StoredItem, a_file, stored
from tests.support.importing import connection, flow, import_items, results, secret, uuid_of

U, V = uuid_of("c", 1), uuid_of("c", 2)
FLOW = uuid_of("f", 1)


def plan_of(document, *items: StoredItem, mode: str = "overwrite") -> Plan:
    """The plan, where the server can be asked for rows of other kinds."""
    facts = Server(items).as_stored()
    facts = replace(
        facts,
        read_rows=lambda kind, uuids: [
            item.row for item in items if item.kind is kind and item.row.uuid in set(uuids)
        ],
    )
    return build_plan(document, facts, server="production", mode=Mode(mode))


class TestKeys:
    def test_a_key_that_would_take_the_place_of_another_is_told_with_its_path(self):
        with pytest.raises(KeyCollisionError) as raised:
            rewrite_document(f'[1,{{"a":{{"{U}":1,"{V}":2}}}}]', uuids={U: V}, names={})
        assert raised.value.path == (1, "a", V)

    def test_two_that_swap_are_none(self):
        text = f'{{"{U}":1,"{V}":2}}'
        assert rewrite_document(text, uuids={U: V, V: U}, names={}) == f'{{"{U}":2,"{V}":1}}'

    @pytest.mark.parametrize(
        ("key", "path"),
        [("nodes", "flows[0].nodes[0]"), ("unknown", "flows[0].unknown[0]")],
    )
    @pytest.mark.parametrize("mode", ["skip", "overwrite"])
    def test_an_import_that_would_lose_a_value_is_refused(self, key, path, mode):
        document = a_file(
            flows=[flow(1, "Orders", **{key: [{U: 1, V: 2}]})], connections=[connection(1, "CRM")]
        )
        plan = plan_of(document, stored(Kind.CONNECTION, V, "CRM"), mode=mode)
        [issue] = plan.issues
        assert (issue.code, issue.path) == ("key-collision", f"{path}.{V}")
        assert (issue.uuid, issue.name) == (FLOW, "Orders")

    def test_so_is_one_whose_copy_would_lose_a_value(self):
        document = a_file(flows=[flow(1, "Orders", nodes=[{FLOW: 1, FLOW.upper(): 2}])])
        plan = plan_of(document, stored(Kind.FLOW, FLOW, "Orders"), mode="duplicate")
        assert [issue.code for issue in plan.issues] == ["key-collision"]

    def test_so_is_one_that_renames_a_secret_in_a_key(self):
        document = a_file(
            flows=[flow(1, "Orders", nodes=[{"secrets.A": 1, "secrets.A_copy": 2}])],
            secrets=[secret(1, "A")],
        )
        plan = plan_of(document, stored(Kind.SECRET, uuid_of("5", 1), "A"), mode="duplicate")
        assert [issue.code for issue in plan.issues] == ["key-collision"]

    def test_an_item_that_is_not_written_loses_nothing(self):
        document = a_file(
            flows=[flow(1, "Orders", nodes=[{U: 1, V: 2}])], connections=[connection(1, "CRM")]
        )
        rows = (stored(Kind.CONNECTION, V, "CRM"), stored(Kind.FLOW, FLOW, "Orders"))
        assert plan_of(document, *rows, mode="skip").issues == ()


class TestUuidOfAnotherKind:
    """The file's connection has the uuid of a flow here, and lands in a row with another one."""

    def document(self, **keys):
        return a_file(
            flows=[flow(9, "Caller", **keys)], connections=[{"uuid": FLOW, "name": "CRM"}]
        )

    ROWS = (stored(Kind.CONNECTION, V, "CRM"), stored(Kind.FLOW, FLOW, "Called"))

    def test_a_reference_that_could_mean_either_is_refused(self):
        plan = plan_of(self.document(nodes=[{"subflowUuid": FLOW.upper()}]), *self.ROWS)
        [issue] = plan.issues
        assert (issue.code, issue.path) == ("ambiguous-uuid", "connections[0]")

    def test_without_a_reference_nothing_is_ambiguous(self):
        assert plan_of(self.document(), *self.ROWS).issues == ()

    def test_a_deleted_row_is_not_meant(self):
        rows = (self.ROWS[0], stored(Kind.FLOW, FLOW, "Called", is_deleted=True))
        assert plan_of(self.document(nodes=[{"subflowUuid": FLOW}]), *rows).issues == ()

    def test_an_item_that_stays_where_it_is_leads_nobody_astray(self):
        rows = (stored(Kind.CONNECTION, FLOW, "CRM"), self.ROWS[1])
        assert plan_of(self.document(nodes=[{"subflowUuid": FLOW}]), *rows).issues == ()

    @pytest.mark.django_db
    def test_the_server_is_asked(self):
        ConnectionFactory(uuid=V, name="CRM")
        FlowFactory(uuid=U, name="Called")
        with pytest.raises(PlanRefused) as raised:
            import_items(flow(9, "Caller", nodes=[{"subflowUuid": U}]), connection(1, "CRM"))
        assert [issue.code for issue in raised.value.issues] == ["ambiguous-uuid"]


class TestNames:
    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("mode", "names"), [("skip", {"OLD", "NEW"}), ("duplicate", {"OLD", "NEW", "NEW_copy"})]
    )
    def test_a_name_that_is_not_written_is_not_taken(self, mode, names):
        SecretFactory(uuid=uuid_of("5", 1), name="OLD")
        SecretFactory(uuid=uuid_of("5", 2), name="NEW")
        import_items(secret(1, "NEW"), mode=mode)
        assert set(Secret.objects.values_list("name", flat=True)) == names

    @pytest.mark.django_db
    def test_one_that_is_written_is(self):
        SecretFactory(uuid=uuid_of("5", 1), name="OLD")
        SecretFactory(uuid=uuid_of("5", 2), name="NEW")
        with pytest.raises(PlanRefused) as raised:
            import_items(secret(1, "NEW"))
        assert [issue.code for issue in raised.value.issues] == ["name-taken"]

    @pytest.mark.django_db
    def test_a_copy_gets_a_name_that_the_file_has_and_no_row_bears(self):
        FlowFactory(uuid=uuid_of("f", 1), name="A")
        FlowFactory(uuid=uuid_of("f", 2), name="B")
        done = import_items(flow(1, "A"), flow(2, "A (copy)"), mode="duplicate")
        assert results(done) == [("A", "DUPLICATE"), ("A (copy)", "DUPLICATE")]
        assert set(Flow.objects.values_list("name", flat=True)) == {
            "A",
            "B",
            "A (copy)",
            "A (copy) (copy)",
        }

    @pytest.mark.django_db
    def test_a_copy_does_not_get_the_name_of_an_item_that_is_made(self):
        FlowFactory(uuid=uuid_of("f", 1), name="A")
        import_items(flow(1, "A"), flow(2, "A (copy)"), mode="duplicate")
        assert set(Flow.objects.values_list("name", flat=True)) == {"A", "A (copy)", "A (copy 2)"}
