"""What is decided of single items, and "only", by the service, the command, the API and a plan."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flows.content.fields import Kind
from flows.models import MODELS, Connection, Flow
from imports.errors import PlanRefused, UnableToImport
from imports.importing.service import preview_import, run_import
from imports.models import ImportRecord
from imports.planfile.decisions import read_decisions
from imports.plans.decisions import ItemAction, ItemDecision
from imports.plans.plan import Mode, Result
from tests.support.ambiguous import SEVERAL_ITEMS, SEVERAL_OF_BOTH, make_items, make_rows, name_of
from tests.support.drawn import files, servers
from tests.support.factories import FACTORIES, ConnectionFactory, FlowFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    results,
    uuid_of,
)
from tests.support.uploading import caller, file_part, form, send, upload, words

pytestmark = pytest.mark.django_db

NODE = {"id": "1", "type": "start", "connectionUuid": uuid_of("c", 1)}
FIVE = (
    flow(1, "Orders", nodes=[NODE]),
    flow(2, "Other"),
    flow(3, "Mail"),
    connection(1, "Mail"),
    connection(2, "Post"),
)


@pytest.fixture
def run_import_command(run_command, tmp_path):
    def run(*arguments, items=FIVE, decisions=None, plan=False):
        export = tmp_path / "zexport.json"
        export.write_bytes(export_file(*items))
        more = []
        if decisions is not None:
            path = tmp_path / "decisions.json"
            path.write_text(json.dumps({"decisions": decisions}))
            more = ["--decisions", str(path)]
        options = ["--server", "local", "--no-prompt", "--no-backup", "--file-path", str(export)]
        mode = [] if plan else ["--overwrite"]
        return run_command("flow_import", *options, *mode, *more, *arguments)

    return run


def test_thirty_ambiguous_connections_are_solved_by_a_decisions_file(run_import_command):
    rows = make_rows()
    before = {row.pk: row.dev_value for row in Connection.objects.all()}
    refused = run_import_command(items=make_items())
    assert refused.code == 3
    assert len(json.loads(refused.out)["data"]["issues"]) == 30
    decisions = {f"connection:{uuid_of('c', number)}": "create" for number in range(1, 11)}
    decisions |= {uuid_of("c", number): "leave-out" for number in SEVERAL_ITEMS}
    decisions |= {
        uuid_of("c", number): str(rows[name_of(number)][(number - 23) % 2].uuid)
        for number in SEVERAL_OF_BOTH
    }
    decisions |= {uuid_of("c", number): str(rows[name_of(number)][1].uuid) for number in (11, 12)}
    done = run_import_command(items=make_items(), decisions=decisions)
    assert done.code == 0, done.err
    assert Connection.objects.count() == len(before) + 10
    written = {rows[name_of(number)][(number - 23) % 2].pk for number in SEVERAL_OF_BOTH}
    written |= {rows[name_of(number)][1].pk for number in (11, 12)}
    changed = {
        row.pk
        for row in Connection.objects.filter(pk__in=before)
        if row.dev_value != before[row.pk]
    }
    # Of the rows that were chosen, six had the content of their item already.
    assert changed < written
    counts = ImportRecord.objects.latest("pk").counts
    assert (counts["CREATE"], counts["SKIP"]) == (30 + 10, 10)
    items = json.loads(done.out)["data"]["connectionsProcessed"]
    assert [item["result"] for item in items[12:22]] == ["SKIP"] * 10
    assert {item["matchMethod"] for item in items[12:22]} == {"unmatched"}


ACTIONS = st.lists(st.sampled_from([None, None, *ItemAction, *Mode]), min_size=12, max_size=12)


def store(rows):
    for kind in Kind:
        MODELS[kind].objects.all().delete()
    for item in rows:
        columns = {**item.content, "name": item.row.name, "is_deleted": item.row.is_deleted}
        FACTORIES[item.kind.value](uuid=item.row.uuid, **columns)


def read_rows():
    return {
        (kind, str(row.uuid)): (row.is_deleted, row.content)
        for kind in Kind
        for row in MODELS[kind].objects.all()
    }


@given(files, servers, st.sampled_from(list(Mode)), ACTIONS)
def test_the_rows_after_an_import_follow_the_decisions(lists, rows, mode, drawn):
    store(rows)
    before = read_rows()
    keys = [(kind, item["uuid"]) for kind in Kind for item in lists[kind.plural]]
    decisions = {
        key: ItemDecision(action=one) if isinstance(one, ItemAction) else ItemDecision(mode=one)
        for key, one in zip(keys, drawn, strict=False)
        if one
    }
    payload = export_file(*(item for kind in Kind for item in lists[kind.plural]))
    request = request_for(payload, mode, decisions=decisions, override_locks=True)
    try:
        plan = run_import(request).plan
    except UnableToImport:
        assert read_rows() == before
        assume(False)
    after = read_rows()
    new = sum(change.written_row is None for change in plan if change.writes)
    assert len(after) == len(before) + new
    written = {(change.item.kind, change.target_uuid) for change in plan if change.writes}
    assert {key: row for key, row in after.items() if key not in written} == {
        key: row for key, row in before.items() if key not in written
    }
    for change in plan:
        key = change.item.kind, change.item.uuid
        decision = decisions.get(key, ItemDecision())
        if decision.action is ItemAction.CREATE:
            assert (change.result, change.target_uuid) == (Result.CREATE, change.item.uuid)
            assert before.get(key, (True,))[0]
        if decision.action is ItemAction.LEAVE_OUT:
            assert not change.writes
            assert key in written or after.get(key) == before.get(key)


def test_what_is_left_out_is_imported_later_as_if_it_were_new():
    left_out = {(Kind.FLOW, uuid_of("f", 1)): ItemDecision(action=ItemAction.LEAVE_OUT)}
    import_items(*FIVE, decisions=left_out)
    assert not Flow.objects.filter(name="Orders").exists()
    assert results(import_items(*FIVE))[0] == ("Orders", "CREATE")


def test_a_decision_beyond_what_is_only_imported_decides_nothing():
    decisions = {(Kind.FLOW, uuid_of("f", 2)): ItemDecision(mode=Mode.DUPLICATE)}
    outcome = import_items(*FIVE, only=("Orders",), decisions=decisions)
    assert [result for _, result in results(outcome)] == [
        "CREATE", "SKIP", "SKIP", "CREATE", "SKIP",
    ]  # fmt: skip


def test_the_token_of_a_plan_without_the_option_is_as_before():
    request = request_for(export_file(*FIVE))
    whole = preview_import(request).token
    words = tuple(item["uuid"] for item in FIVE)
    assert preview_import(request_for(export_file(*FIVE), only=words)).token == whole
    only = preview_import(request_for(export_file(*FIVE), only=("Orders",)))
    assert only.token != whole
    confirmed = run_import(request_for(export_file(*FIVE), only=("Orders",)), confirmed=only)
    assert confirmed.record.counts == {"CREATE": 2, "SKIP": 3}


class TestTheCommand:
    def test_imports_only_an_item_with_what_it_uses(self, run_import_command):
        done = run_import_command("--only", "Orders")
        assert done.code == 0, done.err
        assert "2 to create, 0 to overwrite, 0 to skip, 3 left out, 0 unchanged" in done.err
        assert [row.name for row in (*Flow.objects.all(), *Connection.objects.all())] == [
            "Orders", "Mail",
        ]  # fmt: skip

    def test_takes_several_and_tells_kinds_apart(self, run_import_command):
        assert run_import_command("--only", "connection:Mail", "--only", uuid_of("f", 2)).code == 0
        assert (Flow.objects.get().name, Connection.objects.get().name) == ("Other", "Mail")

    @pytest.mark.parametrize(
        ("word", "code"), [("Mail", "ambiguous-item"), ("Nothing", "unknown-item")]
    )
    def test_refuses_a_word_that_means_none_or_several(self, run_import_command, word, code):
        refused = run_import_command("--only", "Orders", "--only", word)
        assert refused.code == 3
        data = json.loads(refused.out)
        assert (data["status"], data["data"]["code"]) == (422, code)
        assert [issue["path"] for issue in data["data"]["issues"]] == ["only[1]"]
        assert not Flow.objects.exists()

    def test_refuses_an_empty_word_and_a_plan_beside_it(self, run_import_command):
        assert "the name or uuid is empty" in run_import_command("--only", "").err
        assert run_import_command("--apply-plan", "p", "--only", "A", plan=True).code == 2

    def test_keeps_it_in_a_plan(self, run_import_command, tmp_path):
        path = tmp_path / "plan.json"
        assert run_import_command("--only", "Orders", "--plan-out", str(path)).code == 0
        plan = json.loads(path.read_text())
        assert [item["decision"] for item in plan["items"]] == [
            None, "leave-out", "leave-out", None, "leave-out",
        ]  # fmt: skip
        applied = run_import_command("--apply-plan", str(path), plan=True)
        assert applied.code == 0, applied.err
        assert Flow.objects.get().name == "Orders"

    def test_an_item_that_a_plan_left_out_cannot_come_back_in_it(
        self, run_import_command, tmp_path
    ):
        path = tmp_path / "plan.json"
        run_import_command("--only", "Orders", "--plan-out", str(path))
        plan = json.loads(path.read_text())
        plan["items"][1]["decision"] = None
        path.write_text(json.dumps(plan))
        refused = run_import_command("--apply-plan", str(path), plan=True)
        assert refused.code == 3
        assert "The plan was made without this flow" in refused.out

    @pytest.mark.parametrize("decision", ["create", "leave-out", "row"])
    def test_a_plan_is_decided_on_in_the_file(self, run_import_command, tmp_path, decision):
        rows = [ConnectionFactory(name="Mail", dev_value="old") for _ in range(2)]
        path = tmp_path / "plan.json"
        assert run_import_command("--plan-out", str(path)).code == 3
        plan = json.loads(path.read_text())
        (ambiguous,) = [item for item in plan["items"] if item["result"] == "AMBIGUOUS"]
        assert (ambiguous["uuid"], ambiguous["row"]) == (uuid_of("c", 1), None)
        assert plan["counts"]["AMBIGUOUS"] == 1
        ambiguous["decision"] = str(rows[1].uuid) if decision == "row" else decision
        path.write_text(json.dumps(plan))
        applied = run_import_command("--apply-plan", str(path), plan=True)
        assert applied.code == 0, applied.out
        values = {row.pk: row.dev_value for row in Connection.objects.filter(name="Mail")}
        assert len(values) == (3 if decision == "create" else 2)
        assert values[rows[0].pk] == "old"
        assert (values[rows[1].pk] == "old") is (decision != "row")

    def test_a_decision_in_a_plan_may_leave_less_to_write(self, run_import_command, tmp_path):
        rows = [ConnectionFactory(name="Mail") for _ in range(2)]
        import_items(*FIVE, only=("Orders",), decisions={
            (Kind.CONNECTION, uuid_of("c", 1)): ItemDecision(target_uuid=str(rows[1].uuid))
        })  # fmt: skip
        path = tmp_path / "plan.json"
        assert run_import_command("--only", "Orders", "--plan-out", str(path)).code == 3
        plan = json.loads(path.read_text())
        assert [item["result"] for item in plan["items"] if item["result"] != "SKIP"] == [
            "OVERWRITE", "AMBIGUOUS",
        ]  # fmt: skip
        for item in plan["items"]:
            if item["result"] == "AMBIGUOUS":
                item["decision"] = str(rows[1].uuid)
        path.write_text(json.dumps(plan))
        applied = run_import_command("--apply-plan", str(path), plan=True)
        assert applied.code == 0, applied.out
        assert json.loads(applied.out)["data"]["flowsProcessed"][0]["result"] == "UNCHANGED"

    def test_shows_what_is_ambiguous_and_what_is_left_out(self, run_import_command, tmp_path):
        for _ in range(2):
            ConnectionFactory(name="Mail")
        leave_out = {uuid_of("f", 2): "leave-out"}
        path = tmp_path / "plan.json"
        planned = run_import_command("--plan-out", str(path), decisions=leave_out)
        assert f'  ? ambiguous connection "Mail" ({uuid_of("c", 1)})' in planned.err
        assert f'    skip flow "Other" ({uuid_of("f", 2)}, left out)' in planned.err
        assert "1 ambiguous, 1 left out, 0 unchanged" in planned.err


class TestTheAPI:
    def test_imports_only_items_with_what_they_use(self):
        ada = caller(admin=True)
        answer = upload(ada, export_file(*FIVE), only="Orders")
        assert answer.status_code == 201
        assert [item["result"] for item in answer.json()["flowsProcessed"]] == [
            "CREATE", "SKIP", "SKIP",
        ]  # fmt: skip

    def test_takes_the_part_several_times(self):
        parts = [*words(duplicatesMode="OVERWRITE", noBackup="true", only="Orders")]
        parts += words(only="Other")
        answer = send(caller(admin=True), form(file_part(export_file(*FIVE)), *parts))
        assert answer.status_code == 201
        assert set(Flow.objects.values_list("name", flat=True)) == {"Orders", "Other"}

    def test_refuses_a_word_that_means_several(self):
        answer = upload(caller(admin=True), export_file(*FIVE), only="Mail")
        assert (answer.status_code, answer.json()["code"]) == (422, "ambiguous-item")

    def test_takes_the_decisions(self):
        rows = [ConnectionFactory(name="Mail") for _ in range(2)]
        decisions = {uuid_of("c", 1): "create", uuid_of("f", 1): "leave-out"}
        text = json.dumps({"decisions": decisions})
        answer = upload(caller(admin=True), export_file(*FIVE), decisions=text)
        assert answer.status_code == 201, answer.json()
        assert Connection.objects.filter(name="Mail").count() == len(rows) + 1
        assert not Flow.objects.filter(name="Orders").exists()


def test_a_decisions_file_that_cannot_be_done_is_refused_with_each_reason():
    FlowFactory(uuid=uuid_of("f", 2), name="Other")
    decisions = {uuid_of("f", 2): "create", uuid_of("f", 9): "leave-out"}
    data = json.dumps({"decisions": decisions}).encode()
    given_decisions = read_decisions(data, max_bytes=10**6)
    with pytest.raises(PlanRefused) as raised:
        preview_import(request_for(export_file(*FIVE), given_decisions=given_decisions))
    assert [issue.code for issue in raised.value.issues] == ["unknown-item"]
    with pytest.raises(PlanRefused) as raised:
        preview_import(request_for(export_file(*FIVE), given_decisions=given_decisions[:1]))
    assert [(issue.code, issue.path) for issue in raised.value.issues] == [
        ("uuid-taken", "flows[1]")
    ]
