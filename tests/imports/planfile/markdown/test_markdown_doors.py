"""The plan as Markdown through the command and the API: the same text, the same endings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from flows.content import canonical
from flows.documents.models import StoredDocument
from flows.models import Flow
from imports.models import ImportRecord
from tests.conftest import CommandResult
from tests.support.digest import data_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, uuid_of
from tests.support.uploading import caller, file_part, form, send, words

pytestmark = pytest.mark.django_db

NODES = [
    {"id": "a", "type": "start", "data": {"label": "Start"}},
    {"id": "b", "type": "code", "data": {"label": "Price", "code": "one\ntwo"}},
]
EDGES = [{"id": "e", "source": "a", "target": "b"}]
CHANGED = [NODES[0], {**NODES[1], "data": {"label": "Price", "code": "one\n2"}}]
FILE = export_file(
    flow(1, "Orders", nodes=CHANGED, edges=EDGES),
    connection(1, "Shop", devValue="{ host: 'new.example.com', key: secrets.KEY }"),
)
OF_THE_FLOW = """\
<details><summary>flow <code>Orders</code>: 1 node changed, code in 1</summary>

```mermaid
flowchart LR
  n1["#126; Price"]:::changed
  n2["Start"]
  n2 --> n1
  classDef changed fill:#fff8c5,stroke:#9a6700,color:#1f2328
```

**changed** node `Price` (`code`)

```diff
@@ -1,2 +1,2 @@ data.code
 one
-two
+2
```

</details>
"""
TWICE = export_file(flow(7, "Twice"))
BAD = export_file(flow(1, "Orders", timeout="@octocat"))


@pytest.fixture(autouse=True)
def server() -> None:
    FlowFactory(
        uuid=uuid_of("f", 1),
        name="Orders",
        nodes=canonical.encode(NODES),
        edges=canonical.encode(EDGES),
    )
    ConnectionFactory(
        uuid=uuid_of("c", 1),
        name="Shop",
        dev_value="{ host: 'old.example.com', key: secrets.KEY }",
    )
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")
    for number in (71, 72):
        FlowFactory(uuid=uuid_of("f", number), name="Twice")


@pytest.fixture
def plan_as(tmp_path: Path, run_command: Callable[..., CommandResult]) -> Callable[..., Any]:
    def run(shape: str, payload: bytes, *options: str) -> CommandResult:
        path = tmp_path / "zexport.json"
        path.write_bytes(payload)
        options = options or ("--dry-run",)
        arguments = ("--server", "local", "--overwrite", "--file-path", str(path), *options)
        return run_command("flow_import", *arguments, "--plan-format", shape)

    return run


def ask(client: APIClient, payload: bytes, **fields: str) -> Any:
    parts = words(**{"duplicatesMode": "OVERWRITE", "dryRun": "true", **fields})
    return send(client, form(file_part(payload), *parts), HTTP_ACCEPT="text/markdown")


def without_place(text: str) -> str:
    """The text without where the whole plan is, which each door says of itself."""
    return text.partition("The whole plan: ")[0]


def test_the_command_prints_markdown_in_the_place_of_json(plan_as):
    before = data_rows()
    done = plan_as("markdown", FILE)
    assert done.code == 0
    assert done.out.startswith(
        "<!-- ziggy-plan server=local source=zexport.json -->\n\n"
        "**local**: 2 to overwrite, 1 red warning\n\n"
        "Import of `zexport.json`, overwrite.\n\n"
        "### To be acknowledged before the import\n\n"
        "- `secret-to-new-destination`: connection `Shop`: `sends the stored secret to another "
        "destination: secrets.KEY -> old.example.com -> new.example.com`\n"
    )
    assert OF_THE_FLOW in done.out
    assert (
        "connection <code>Shop</code>: <code>host old.example.com \N{RIGHTWARDS ARROW} new.exam"
        in done.out
    )
    assert "CANARY" not in done.out
    assert 'Import into the server "local", overwrite:' in done.err
    assert data_rows() == before


def test_the_api_answers_with_the_same_text(plan_as):
    answer = ask(caller(admin=True), FILE)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/markdown; charset=utf-8")
    text = answer.content.decode()
    assert without_place(text) == without_place(plan_as("markdown", FILE).out)


def test_json_is_printed_alone(plan_as):
    done = plan_as("json", FILE)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(plan_as("text", FILE).out)


def test_text_is_the_default(plan_as, run_command, tmp_path):
    told = plan_as("text", FILE)
    arguments = ("--overwrite", "--dry-run", "-fp", str(tmp_path / "zexport.json"))
    assert run_command("flow_import", "-s", "local", *arguments) == told


@pytest.mark.parametrize("shape", ["text", "json", "markdown"])
def test_a_plan_that_is_done_has_no_format(plan_as, shape):
    done = plan_as(shape, FILE, "--no-prompt")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "CommandError: --plan-format is of a plan that is not done: give it with --dry-run or "
        "--plan-out.\n"
    )
    assert not ImportRecord.objects.exists()


def test_a_refused_plan_is_printed_with_the_reason_and_the_exit_code(plan_as):
    done = plan_as("markdown", TWICE)
    assert done.code == 3
    assert "**local**: refused, 1 ambiguous\n" in done.out
    assert "### Refused: `ambiguous-name`\n\n- `flows[0]` `Twice`: `" in done.out
    assert not ImportRecord.objects.exists()
    answer = ask(caller(admin=True), TWICE)
    assert answer.status_code == 422
    assert without_place(answer.content.decode()) == without_place(done.out)


def test_a_bad_file_is_refused_with_each_place(plan_as):
    done = plan_as("markdown", BAD)
    assert done.code == 3
    answer = ask(caller(admin=True), BAD)
    assert (answer.status_code, answer["Content-Type"]) == (422, "text/markdown; charset=utf-8")
    for text in (done.out, answer.content.decode()):
        assert text.startswith("<!-- ziggy-plan server=local source=zexport.json -->\n\n")
        assert "**local**: `zexport.json` cannot be imported\n\n### Refused: `" in text
        assert "- `flows[0].timeout` `Orders`: `" in text


def test_what_is_no_json_and_what_is_too_large_is_refused_in_markdown(plan_as, settings):
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 1000}
    client = caller(admin=True)
    for payload, status in ((b"{", 400), (b"x" * 2000, 413)):
        answer = ask(client, payload)
        assert (answer.status_code, answer["Content-Type"]) == (
            status, "text/markdown; charset=utf-8",
        )  # fmt: skip
        assert "### Refused: `" in answer.content.decode()
        assert plan_as("markdown", payload).code == 3


def test_a_plan_to_save_is_printed_as_markdown_too(plan_as, tmp_path):
    path = tmp_path / "plan.json"
    done = plan_as("markdown", TWICE, "--plan-out", str(path), "--no-prompt")
    assert done.code == 3
    assert "### Refused: `ambiguous-name`" in done.out
    assert path.exists()
    done = plan_as("markdown", FILE, "--plan-out", str(path), "--no-prompt")
    assert (done.code, OF_THE_FLOW in done.out) == (0, True)
    assert "Plan written to " in done.err


def test_of_a_damaged_document_it_is_said_and_the_others_are_compared(plan_as):
    damaged = Flow.objects.filter(name="Orders").values_list("nodes", flat=True).get()
    StoredDocument.objects.filter(digest=damaged.digest).update(body=b"damaged")
    text = plan_as("markdown", FILE).out
    assert f"It cannot be compared: `The stored document {damaged.digest} is" in text
    assert "+{ host: 'new.example.com', key: secrets.KEY }\n" in text


def test_the_text_names_the_file_that_has_all_of_it(plan_as, tmp_path):
    path = tmp_path / "all.txt"
    done = plan_as("markdown", FILE, "--dry-run", "--plan-text", str(path), "--no-prompt")
    assert done.out.endswith(f"The whole plan: `{path}`\n")
    assert "+ 2" in path.read_text()


@pytest.mark.parametrize("fields", [{"dryRun": "false"}, {"withPlan": "true"}])
def test_only_a_dry_run_without_its_plan_is_markdown(fields):
    client = caller(admin=True)
    before = data_rows()
    answer = ask(client, FILE, **fields)
    assert answer.status_code == 406
    assert answer.json()["code"] == "not-acceptable"
    assert answer.json()["message"].startswith("Markdown is only of a dry run without withPlan")
    assert data_rows() == before


def test_json_is_answered_to_whoever_accepts_anything():
    client = caller(admin=True)
    parts = words(duplicatesMode="OVERWRITE", dryRun="true")
    for accepted in ("*/*", "application/json", "text/markdown, application/json", ""):
        answer = send(client, form(file_part(FILE), *parts), HTTP_ACCEPT=accepted)
        assert answer["Content-Type"] == "application/json"


def test_whoever_may_not_import_is_told_so_in_markdown():
    answer = ask(caller(), FILE)
    assert answer.status_code == 403
    assert "### Refused: `" in answer.content.decode()
    assert "Shop" not in answer.content.decode()


def test_who_is_not_logged_in_is_told_so_in_json():
    answer = ask(APIClient(), FILE)
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
