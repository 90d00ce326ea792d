"""The page of one item of an upload: what the plan of the whole file says of it, read alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import assume, given
from hypothesis import strategies as st

from accounts.models import User
from flows.content.documents import read_text
from flows.content.fields import Content, Kind
from flows.models import Flow
from imports.errors import UnableToImport
from imports.importing.service import examine_import, run_import
from imports.models import PendingImport
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Mode
from imports.uploads import one_item
from imports.uploads import pending as uploads
from imports.uploads.one_item import ItemPreview, preview_item
from imports.uploads.pending import Options
from imports.uploads.planning import make_request, read_page
from tests.imports.plans.test_planned_alone import COPY, choices, decide
from tests.imports.undo.test_undo_properties import store
from tests.product.test_real_data import UUID, Server
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
from tests.support.users import logged_in, staff_with

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _recognisable_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the uuids of copies, which are random, begin alike."""
    numbers = iter(range(10**9))
    monkeypatch.setattr(
        "imports.plans.item_destinations.uuid4",
        lambda: f"dddddddd-0000-4000-8000-{next(numbers):012}",
    )


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No whole plan is made."""

    def refuse(*_: Any) -> None:
        raise AssertionError("The whole file is planned.")

    monkeypatch.setattr(one_item, "examine_import", refuse)


def stage(user: User, payload: bytes, mode: Mode = Mode.OVERWRITE) -> PendingImport:
    return uploads.stage(
        user, payload=payload, file_name="a.json", options=Options(mode=mode, override_locks=True)
    )


def describe(preview: ItemPreview | None) -> Any:
    """All of a preview, with the same uuid for every copy."""
    assert preview
    return (
        preview.item,
        preview.is_same_plan,
        describe_content(preview.before),
        describe_content(preview.after),
    )


def describe_content(content: Content | None) -> Any:
    return content and {
        column: COPY.sub("COPY", text) if isinstance(text := read_text(value), str) else text
        for column, value in content.items()
    }


@contextmanager
def planned_whole(
    examine: Callable[..., Any] = examine_import,
) -> Iterator[None]:
    """Inside, the whole file is planned for the page of an item, with `examine`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_item, "examine_item", lambda *_, **__: None)
        patch.setattr(one_item, "examine_import", examine)
        yield


def assert_same_alone(pending: PendingImport) -> None:
    for item in read_page(pending).items:
        alone = describe(preview_item(pending, item.kind, item.uuid))
        with planned_whole():
            assert alone == describe(preview_item(pending, item.kind, item.uuid))


@given(files, servers, servers, st.sampled_from(list(Mode)), choices)
def test_of_any_file_and_server_whatever_is_written_meanwhile(lists, rows, later, mode, drawn):
    PendingImport.objects.all().delete()
    user, _ = User.objects.get_or_create(username="ada", is_superuser=True)
    store(rows)
    items = [item for kind in Kind for item in lists[kind.plural]]
    try:
        pending = stage(user, export_file(*items), mode)
        options = Options(mode=mode, override_locks=True)
        uploads.decide(pending, options, decide(lists, drawn))
    except UnableToImport:
        assume(False)
    assert_same_alone(pending)
    store(later)
    assert_same_alone(pending)


# --- Real files


def assert_same_of_all(
    pending: PendingImport, monkeypatch: pytest.MonkeyPatch, *, renews: bool = False
) -> None:
    """Every item is the same; with `renews`, the whole plan is another one for each."""
    request, page = make_request(pending), read_page(pending)
    whole = examine_import(request)
    warnings = {(c.item.kind, c.item.uuid): c.warnings for c in whole.plan}
    # What is read once for each page is read once here.
    monkeypatch.setattr(one_item, "make_request", lambda _: request)
    monkeypatch.setattr(one_item, "read_page", lambda _: page)
    for item in page.items:
        alone = preview_item(pending, item.kind, item.uuid)
        with planned_whole(examine_import if renews else lambda _: whole):
            assert describe(alone) == describe(preview_item(pending, item.kind, item.uuid))
        assert alone
        assert alone.item.warnings == warnings[item.kind, item.uuid]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("real-small.json", Mode.OVERWRITE),
        ("real-medium.json", Mode.OVERWRITE),
        ("real-odd.json", Mode.OVERWRITE),
        ("real-odd.json", Mode.DUPLICATE),
    ],
)
def test_of_real_files_into_a_server_with_other_uuids(name, mode, ada, monkeypatch, shared_data):
    payload = (shared_data / name).read_bytes()
    Server(payload)
    pending = stage(ada, payload, mode)
    monkeypatch.setattr(one_item, "examine_import", None)
    assert_same_of_all(pending, monkeypatch)


def test_of_real_files_that_are_skipped(ada, monkeypatch, shared_data):
    payload = (shared_data / "real-small.json").read_bytes()
    Server(payload)
    assert_same_of_all(stage(ada, payload, Mode.SKIP), monkeypatch, renews=True)


def test_of_a_real_file_with_edits_renames_and_decisions(ada, monkeypatch, shared_data):
    payload = (shared_data / "real-odd.json").read_bytes()
    run_import(request_for(payload))
    for number, row in enumerate(Flow.objects.order_by("pk")):
        values = [{"info": "edited"}, {"name": "another"}, {"is_deleted": True}, {}][number % 4]
        Flow.objects.filter(pk=row.pk).update(**values)
    # Every third uuid of the file is another one: then names decide.
    text = UUID.sub(
        lambda found: str(uuid5(NAMESPACE_URL, found[0])) if int(found[0][0], 16) % 3 else found[0],
        payload.decode(),
    )
    pending = stage(ada, text.encode())
    page = read_page(pending)
    decisions = {
        (item.kind, item.uuid): ItemDecision(
            mode=Mode.DUPLICATE if number % 2 else None,
            target_uuid=item.candidates[-1].uuid if item.candidates else None,
        )
        for number, item in enumerate(page.items)
        if not number % 5
    }
    assert uploads.decide(pending, Options(mode=Mode.OVERWRITE, override_locks=True), decisions)
    monkeypatch.setattr(one_item, "examine_import", None)
    assert_same_of_all(pending, monkeypatch)


# --- What is read


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("mode", list(Mode))
def test_the_file_is_not_planned_again(ada, mode):
    items = (flow(1, "A", info="new"), flow(2, "New"), connection(1, "C"), secret(1, "S"))
    FlowFactory(uuid=uuid_of("f", 1), name="A", info="old")
    ConnectionFactory(name="C")
    SecretFactory(uuid=uuid_of("5", 1), name="S")
    pending = stage(ada, export_file(*items), mode)
    for item in read_page(pending).items:
        preview = preview_item(pending, item.kind, item.uuid)
        assert preview
        assert preview.is_same_plan


@pytest.mark.usefixtures("alone")
def test_a_larger_file_takes_no_more_queries(ada):
    client = logged_in(ada)
    counts = []
    for number in (3, 600):
        items = [flow(each, f"F{each}", info="new") for each in range(number)]
        import_items(*(flow(each, f"F{each}") for each in range(number)))
        pending = stage(ada, export_file(*items))
        url = reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
        client.get(url)
        with CaptureQueriesContext(database) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_may_not_see_every_kind_is_refused_for_what_the_plan_describes():
    bob = staff_with("run_import", "view_flow", "add_flow", "add_secret", name="bob")
    pending = stage(bob, export_file(flow(1, "A"), secret(1, "S")))
    assert preview_item(pending, Kind.FLOW, uuid_of("f", 1))
    SecretFactory(uuid=uuid_of("5", 1), name="S")
    with pytest.raises(UnableToImport) as refused:
        preview_item(pending, Kind.FLOW, uuid_of("f", 1))
    assert refused.value.code == "not-permitted"


def test_a_user_who_may_not_import_any_more_is_refused():
    user = staff_with("run_import", "view_flow", "view_connection", "view_secret", name="bob")
    pending = stage(user, export_file(flow(1, "A")))
    pending.user.user_permissions.remove(Permission.objects.get(codename="run_import"))
    pending = PendingImport.objects.get(pk=pending.pk)
    with pytest.raises(UnableToImport) as refused:
        preview_item(pending, Kind.FLOW, uuid_of("f", 1))
    assert refused.value.code == "not-permitted"


@pytest.mark.usefixtures("alone")
def test_a_limit_that_is_lower_now_refuses_the_file(ada, settings):
    pending = stage(ada, export_file(flow(1, "A")))
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 10}
    with pytest.raises(UnableToImport) as refused:
        preview_item(pending, Kind.FLOW, uuid_of("f", 1))
    assert refused.value.code == "too-large"
