"""How the last import left a row that was edited since, and the page that shows all three states."""

import pytest
from django.test import Client
from django.urls import reverse
from reversion.models import Version

from accounts.models import User
from flows.content import canonical
from flows.models import Flow
from flows.saves.edits import PRE_EDIT
from imports.importing.service import run_import
from imports.plans.plan import Mode
from imports.records.last_state import read_last_state
from imports.uploads import pending as uploads
from imports.uploads.pending import Options
from tests.flows.rest.test_flows_api import Caller
from tests.support.importing import export_file, flow, request_for, uuid_of
from tests.support.pages import form_of

pytestmark = pytest.mark.django_db


def nodes_of(url: str) -> list[dict]:
    return [{"id": "a", "type": "http", "position": {"x": 0, "y": 0}, "data": {"url": url}}]


def file_of(url: str) -> bytes:
    return export_file(flow(1, "Way", nodes=nodes_of(url), edges=[]))


def read_row() -> Flow:
    return Flow.objects.get(uuid=uuid_of("f", 1))


def imported(url: str = "imported") -> Flow:
    run_import(request_for(file_of(url)))
    return read_row()


def edit(user: User, url: str) -> Flow:
    response = Caller(user).put(f"/flow/{uuid_of('f', 1)}", {"nodes": nodes_of(url)})
    assert response.status_code == 200
    return read_row()


def names_of(row: Flow) -> list[str]:
    versions = Version.objects.get_for_object(row).order_by("pk").select_related("revision")
    return [version.revision.comment for version in versions]


def last_url(row: Flow) -> str | None:
    """The value that the last import left, of a row that was edited since."""
    last = read_last_state(row)
    assert last
    if last.content is None:
        return None
    return canonical.decode(str(last.content["nodes"]))[0]["data"]["url"]


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def test_a_row_that_nobody_edited_has_no_other_last_state() -> None:
    assert read_last_state(imported()) is None


def test_a_row_that_no_import_wrote_has_none() -> None:
    assert read_last_state(Flow.objects.create(name="Mine")) is None


def test_the_first_edit_keeps_how_the_import_left_the_row(ada: User) -> None:
    row = imported()
    row = edit(ada, "here")
    assert names_of(row) == [PRE_EDIT]
    assert last_url(row) == "imported"
    row = edit(ada, "here again")
    assert names_of(row) == [PRE_EDIT]
    assert last_url(row) == "imported"


def test_after_each_import_the_first_edit_keeps_its_state(ada: User) -> None:
    imported()
    edit(ada, "here")
    imported("second")
    row = edit(ada, "here again")
    assert names_of(row) == [PRE_EDIT, "Pre import", PRE_EDIT]
    assert last_url(row) == "second"


def test_a_state_of_which_no_save_was_taken_is_not_kept() -> None:
    row = imported()
    row.nodes = canonical.encode(nodes_of("by a script"))
    row.save()
    assert last_url(read_row()) is None


def test_a_row_edited_back_is_as_the_import_left_it(ada: User) -> None:
    imported()
    edit(ada, "here")
    assert read_last_state(edit(ada, "imported")) is None


def test_an_edit_in_the_form_keeps_the_state(client: Client) -> None:
    row = imported()
    page = reverse("admin:flows_flow_change", args=[row.pk])
    form = form_of(client.get(page))
    for url in ("here", "here again"):
        form = {**form_of(client.get(page)), "nodes": canonical.encode(nodes_of(url))}
        assert client.post(page, form).status_code == 302
    assert names_of(row)[0] == PRE_EDIT
    assert names_of(row).count(PRE_EDIT) == 1
    assert last_url(read_row()) == "imported"


def open_item(client: Client, ada: User, url: str) -> str:
    options = Options(mode=Mode.OVERWRITE, with_backup=False)
    pending = uploads.stage(ada, payload=file_of(url), file_name="way.json", options=options)
    page = reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
    response = client.get(page)
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_of_an_upload_shows_three_states_and_what_would_be_lost(
    client: Client, ada: User
) -> None:
    imported()
    edit(ada, "here")
    page = open_item(client, ada, "file")
    assert "Edited here since the last import" in page
    assert "1 change made here would be lost" in page
    for title in ("Last import", "Now", "File"):
        assert f"<h4>{title}</h4>" in page
    assert "! changed here" in page
    here = page.partition("What was changed here")[2].partition("</details>")[0]
    assert "imported" in here
    assert "file" not in here


def test_the_page_says_where_nothing_is_lost(client: Client, ada: User) -> None:
    run_import(request_for(export_file(flow(1, "Way", info="", nodes=nodes_of("x"), edges=[]))))
    edit(ada, "file")
    file = export_file(flow(1, "Way", info="new", nodes=nodes_of("file"), edges=[]))
    options = Options(mode=Mode.OVERWRITE, with_backup=False)
    pending = uploads.stage(ada, payload=file, file_name="way.json", options=options)
    page = client.get(
        reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
    ).content.decode()
    assert "The import changes none of what was changed here." in page
    assert "! changed here" not in page


def test_the_page_says_where_the_state_is_not_kept(client: Client, ada: User) -> None:
    row = imported()
    row.nodes = canonical.encode(nodes_of("by a script"))
    row.save()
    page = open_item(client, ada, "file")
    assert "left it is not kept" in page
    assert "<h4>Before</h4>" in page


def test_an_item_that_was_not_edited_has_two_states(client: Client, ada: User) -> None:
    imported()
    page = open_item(client, ada, "file")
    assert "Edited here since the last import" not in page
    assert "<h4>Before</h4>" in page
