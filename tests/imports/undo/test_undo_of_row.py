"""The page of one row of an undo: what the plan of the whole undo says of it, read alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import event, given
from hypothesis import strategies as st

from accounts.models import User
from flows.content.fields import Content, Kind
from flows.models import MODELS, Connection, Flow, Secret
from imports.errors import NotPermitted, UnableToImport
from imports.importing.service import run_import
from imports.models import ImportRecord
from imports.undo import service
from imports.undo.one_row import RowPreview, preview_row
from imports.undo.plans.plan import ConflictCode, ConflictResolution
from imports.undo.service import examine_undo, find_kinds_to_undo, undo_import
from tests.imports.undo.test_undo_properties import choices, imported, modes
from tests.support.drawn import files, servers
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.undoing import undo_request
from tests.support.users import logged_in, staff_with

pytestmark = pytest.mark.django_db


@contextmanager
def planned_whole() -> Iterator[None]:
    """Inside, the whole undo is planned for the page of a row."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "plan_row", lambda *_: None)
        yield


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No whole undo is planned."""

    def refuse(*_: Any) -> None:
        raise AssertionError("The whole undo is planned.")

    monkeypatch.setattr(service, "read_undo_inputs", refuse)


def describe(preview: RowPreview | None) -> Any:
    assert preview
    contents = (preview.before, preview.after)
    return (preview.change, *(map(describe_content, contents)))


def describe_content(content: Content | None) -> Any:
    return content and {column: str(value) for column, value in content.items()}


def assert_same_alone(record: ImportRecord) -> None:
    request = undo_request(record)
    for change in examine_undo(request).plan:
        alone = describe(preview_row(request, *change.key))
        assert alone[0] == change
        with planned_whole():
            assert alone == describe(preview_row(request, *change.key))


def edit(what: str, kind: Kind, number: int) -> None:
    """Somebody does this to a row by hand."""
    rows = MODELS[kind]._default_manager.order_by("uuid")
    if not (pks := list(rows.values_list("pk", flat=True))):
        return
    row = rows.get(pk=pks[number % len(pks)])
    now = {"updated_at": timezone.now(), "updated_by": "carl"}
    if what == "use":
        code = f"secrets.{row.name} {str(row.uuid).upper()}"
        FlowFactory(name="User", nodes=json.dumps([{"id": "1", "code": code}]), edges="[]")
        ConnectionFactory(name="User", dev_value=f"{{ host: 'x', token: secrets.{row.name} }}")
        return
    values: dict[str, Any] = {
        "edit": {"extra": '{"edited":1}'},
        "rename": {"name": f"renamed {number}"},
        "delete": {"is_deleted": True},
        "restore": {"is_deleted": False},
    }[what]
    taken = rows.filter(name=row.name, is_deleted=False).exclude(pk=row.pk)
    if what == "restore" and kind is Kind.SECRET and taken.exists():
        return
    rows.filter(pk=row.pk).update(**values, **now)


edits = st.lists(
    st.tuples(
        st.sampled_from(["edit", "rename", "delete", "restore", "use"]),
        st.sampled_from(list(Kind)),
        st.integers(0, 7),
    ),
    max_size=4,
)


@given(files, servers, modes, choices, edits, st.sampled_from(["", "import", "undo"]))
def test_of_any_import_whatever_is_done_since(lists, rows, mode, drawn, done, then):  # noqa: PLR0917
    _, outcome = imported(lists, rows, mode, drawn)
    record = outcome.record
    assert_same_alone(record)
    for each in done:
        edit(*each)
    assert_same_alone(record)
    try:
        if then == "import":
            items = [item for kind in Kind for item in lists[kind.plural]]
            run_import(request_for(export_file(*items), override_locks=True))
        elif then == "undo":
            request = undo_request(record, conflicts=ConflictResolution.RESTORE)
            record = undo_import(request).record
    except UnableToImport as refusal:
        event(f"then: {refusal.code}")
        return
    if find_kinds_to_undo(record):
        assert_same_alone(record)


@pytest.mark.usefixtures("alone")
class TestAlone:
    def test_of_an_overwrite_and_what_is_new(self):
        code = [{"id": "1", "code": "use(secrets.S)", "connectionUuid": uuid_of("c", 1)}]
        FlowFactory(uuid=uuid_of("f", 1), name="A", info="old", nodes=json.dumps(code))
        SecretFactory(uuid=uuid_of("5", 1), name="S", description="old")
        items = [flow(1, "A", info="new", nodes=code), connection(1, "C")]
        items.append(secret(1, "S", description="new"))
        request = undo_request(import_items(*items).record)
        results = [
            preview.change.result.value
            for kind, digit in ((Kind.FLOW, "f"), (Kind.CONNECTION, "c"), (Kind.SECRET, "5"))
            if (preview := preview_row(request, kind, uuid_of(digit, 1)))
        ]
        assert results == ["RESTORE", "DELETE", "RESTORE"]

    def test_who_began_to_use_it_since(self):
        record = import_items(
            connection(1, "C"), flow(1, "A", nodes=[{"c": uuid_of("c", 1)}])
        ).record
        request = undo_request(record)
        preview = preview_row(request, Kind.CONNECTION, uuid_of("c", 1))
        assert preview
        assert preview.change.conflicts == ()
        FlowFactory(name="User", nodes=json.dumps([{"connectionUuid": uuid_of("c", 1)}]))
        preview = preview_row(request, Kind.CONNECTION, uuid_of("c", 1))
        assert preview
        (conflict,) = preview.change.conflicts
        assert conflict.code is ConflictCode.USED
        assert 'used by the flow "User", which' in conflict.text

    def test_a_larger_run_takes_no_more_queries(self):
        client = logged_in(User.objects.create_superuser("ada"))
        counts = []
        for number in (3, 600):
            import_items(*(flow(each, f"F{each}") for each in range(number)))
            items = (flow(each, f"F{each}", info=f"new {number}") for each in range(number))
            args = [import_items(*items).record.pk, "flow", uuid_of("f", 1)]
            url = reverse("admin:imports_importrecord_undo_row", args=args)
            client.get(url)
            with CaptureQueriesContext(database) as queries:
                assert client.get(url).status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1]


def test_a_secret_that_would_be_sent_elsewhere_is_told():
    ConnectionFactory(uuid=uuid_of("c", 1), name="C", dev_value="{ host: 'old', t: secrets.S }")
    SecretFactory(uuid=uuid_of("5", 1), name="S", dev_value="value")
    record = import_items(connection(1, "C", devValue="{ host: 'new', t: secrets.S }")).record
    preview = preview_row(undo_request(record), Kind.CONNECTION, uuid_of("c", 1))
    assert preview
    (warning,) = preview.change.destination_warnings
    assert "old" in warning.text


def test_a_secret_that_would_be_renamed_while_it_is_used_is_told():
    SecretFactory(uuid=uuid_of("5", 1), name="OLD")
    record = import_items(secret(1, "NEW")).record
    FlowFactory(name="User", nodes=json.dumps([{"code": "secrets.NEW"}]))
    preview = preview_row(undo_request(record), Kind.SECRET, uuid_of("5", 1))
    assert preview
    (warning,) = preview.change.own_warnings
    assert "secrets.NEW will lead to nothing" in warning.text


def test_who_may_not_see_every_kind_is_refused_as_for_the_whole_undo():
    record = import_items(flow(1, "A"), secret(1, "S")).record
    bob = staff_with("undo_import", "view_importrecord", "view_flow", name="bob")
    with pytest.raises(NotPermitted) as refused:
        preview_row(undo_request(record, user=bob), Kind.FLOW, uuid_of("f", 1))
    with pytest.raises(NotPermitted) as expected:
        examine_undo(undo_request(record, user=bob))
    assert refused.value.message == expected.value.message


def test_a_row_that_the_run_did_not_write():
    FlowFactory(uuid=uuid_of("f", 2))
    record = import_items(flow(1, "A")).record
    assert preview_row(undo_request(record), Kind.FLOW, uuid_of("f", 2)) is None


def test_decisions_count_as_in_the_whole_undo():
    record = import_items(flow(1, "A")).record
    Flow.objects.update(info="edited", updated_at=timezone.now())
    request = undo_request(record, conflicts=ConflictResolution.KEEP)
    preview = preview_row(request, Kind.FLOW, uuid_of("f", 1))
    assert preview
    assert preview.change.decision is ConflictResolution.KEEP
    assert not Connection.objects.exists()
    assert not Secret.objects.exists()
