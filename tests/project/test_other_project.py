"""Another project takes the apps by following the page: with both users, on both ends of the range."""

import json
import re
import shutil

import pytest
import requests

from flows.roles import ROLES
from tests.project.made import (
    NEWEST,
    OLDEST,
    SAMPLE,
    Browser,
    Environment,
    Project,
    Python,
    block,
    find_hidden,
    run,
)

pytestmark = pytest.mark.project
LOGGING = """
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"ours": {"handlers": ["stderr"], "level": "INFO"}},
}
"""
USERS = {"Django's user": False, "an own user with a UUID": True}


@pytest.fixture(scope="module", params=[OLDEST, NEWEST], ids=["oldest", "newest"])
def environment(request, tmp_path_factory):
    python: Python = request.param
    if python.path is None:
        pytest.fail(f"{python.program} is not installed; ZIGGY_PYTHON names another one")
    made = Environment.make(python, tmp_path_factory.mktemp("environment"))
    assert made.find_version("django").startswith(f"{python.django}.")
    return made


@pytest.fixture(scope="module", params=USERS.values(), ids=USERS)
def project(environment, request, tmp_path_factory):
    """The project when the page was followed up to the import."""
    made = Project(environment, tmp_path_factory.mktemp("project"), own_user=request.param)
    made.add_settings('INSTALLED_APPS += ["reversion", "flows", "imports"]')
    made.bare = made.manage("check")
    made.add_settings('del INSTALLED_APPS[INSTALLED_APPS.index("reversion"):]')
    made.follow_settings_and_addresses()
    shutil.copy(SAMPLE, made.folder / "zexport.json")
    made.followed = made.follow("manage.py check")
    made.add_administrator()
    return made


@pytest.fixture(scope="module")
def browser(project):
    with project.serve() as address:
        yield Browser(address, "root")


def test_with_nothing_set_each_missing_thing_is_told_with_its_remedy(project):
    told = project.bare
    assert re.findall(r"\(ziggy\.(\w+)\)", told) == ["W001", "W002", "W003", "W006"]
    assert told.count("HINT: ") == 4


def test_without_django_reversion_the_start_says_what_is_missing(environment, tmp_path):
    made = Project(environment, tmp_path, own_user=False)
    made.add_settings('INSTALLED_APPS += ["flows", "imports"]')
    last = made.manage("check", check=False).strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert 'put "reversion" before it' in last


def test_with_all_set_check_is_silent(project):
    assert "System check identified no issues (0 silenced)." in project.followed


def test_no_migration_is_missing(project):
    assert project.manage("makemigrations", "--check", "--dry-run") == "No changes detected\n"


def test_what_was_imported_is_exported(project):
    was = json.loads(SAMPLE.read_text())
    exported = json.loads((project.folder / "exported.json").read_text())
    for kind in ("flows", "connections", "secrets"):
        assert {item["uuid"] for item in was[kind]} == {item["uuid"] for item in exported[kind]}
    assert "Done: record 1." in project.followed


def test_the_roles_are_groups(project):
    project.follow("make_roles")
    listed = project.manage(
        "shell", "-v", "0", "-c",
        "from django.contrib.auth.models import Group; print(*Group.objects.values_list('name', flat=True), sep=';')",
    )  # fmt: skip
    assert {*listed.strip().split(";")} == {role.group for role in ROLES.values()}


def test_a_file_is_previewed_and_imported_in_the_admin(project, browser):
    document = json.loads(SAMPLE.read_text())
    document["flows"][0]["info"] = "changed in the trial"
    file = ("zexport.json", json.dumps(document), "application/json")
    upload = browser.get("/admin/imports/importrecord/import/")
    assert upload.status_code == 200
    preview = browser.post(
        "/admin/imports/importrecord/import/", files={"file": file}, mode="overwrite"
    )
    assert preview.status_code == 200
    assert '1 <span class="result overwrite">overwrite</span>' in " ".join(
        preview.text.lower().split()
    )
    done = browser.post(
        preview.url.removeprefix(browser.address) + "confirm/",
        shown=find_hidden(preview.text, "shown"),
    )
    assert "is imported" in done.text
    flow = document["flows"][0]["uuid"]
    assert browser.call("GET", f"flow/{flow}").json()["info"] == "changed in the trial"


def test_every_page_of_the_admin_answers(project, browser):
    seen, waiting = set(), ["/admin/"]
    while waiting and len(seen) < 60:
        path = waiting.pop(0)
        if path in seen or "logout" in path:
            continue
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code == 200, path
        if answer.headers["Content-Type"].startswith("text/html"):
            waiting += re.findall(r'href="(/admin/(?:flows|imports)/[^"?#]*)"', answer.text)
    assert len(seen) > 30


def test_the_api_takes_the_session_of_the_admin(project, browser):
    flows = browser.call("GET", "flow").json()
    assert len(flows) == len(json.loads(SAMPLE.read_text())["flows"])
    file = {"file": ("zexport.json", SAMPLE.read_bytes(), "application/json")}
    sent = browser.call("POST", "flow/import", files=file, data={"duplicatesMode": "OVERWRITE"})
    assert sent.status_code == 201, sent.text
    record = browser.session.get(f"{browser.address}{sent.headers['Location']}", timeout=60).json()
    assert (record["status"], record["user"], record["door"]) == ("succeeded", "root", "api")
    undone = browser.call("POST", f"imports/{record['id']}/undo", json={"dryRun": False})
    assert undone.status_code == 201, undone.text


def test_the_api_asks_for_the_token_of_the_session(project, browser):
    answer = browser.session.post(f"{browser.address}/api/system/backup-db", timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")
    assert "CSRF" in answer.json()["message"]


def test_the_api_refuses_who_is_not_logged_in_and_answers_errors_in_its_form(browser):
    for path, status, code in [
        ("flow", 403, "not-authenticated"),
        ("nothing-here", 404, "not-found"),
    ]:
        answer = requests.get(f"{browser.address}/api/{path}", timeout=60)
        body = answer.json()
        assert (answer.status_code, body["code"]) == (status, code)
        assert [*body] == ["message", "code", "issues", "requestId"]
        assert body["requestId"] == answer.headers["X-Request-ID"]
    assert "Bearer" not in requests.get(f"{browser.address}/api/flow", timeout=60).text


def test_what_the_page_says_of_extending_works(environment, tmp_path):
    project = Project(environment, tmp_path, own_user=False)
    project.follow_settings_and_addresses()
    app = project.folder / "ours"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "admin.py").write_text(block("python", "class FlowAdmin"))
    (app / "apps.py").write_text(
        "from django.apps import AppConfig\n\n\nclass OursConfig(AppConfig):\n"
        '    name = "ours"\n\n    def ready(self):\n        import ours.receivers\n'
    )
    (app / "receivers.py").write_text(block("python", "@receiver(import_finished)"))
    pages = project.folder / "pages" / "admin" / "imports" / "importing"
    pages.mkdir(parents=True)
    (pages / "upload.html").write_text(block("django", "before_upload"))
    project.add_settings('INSTALLED_APPS += ["ours"]\nTEMPLATES[0]["DIRS"] = [BASE_DIR / "pages"]')
    project.add_settings(LOGGING)
    shutil.copy(SAMPLE, project.folder / "zexport.json")
    assert ": overwrite, {'CREATE': 27}\n" in project.follow("manage.py check")
    command = "python manage.py flow_import --server production --overwrite --no-prompt"
    told = run(
        "sh", "-ec", f"{command} --file-path zexport.json > answer.json",
        cwd=project.folder, PATH=environment.path, ZIGGY_ENCRYPTION_KEYS=project.key,
    )  # fmt: skip
    assert ": overwrite, " in told
    json.loads((project.folder / "answer.json").read_text())
    project.add_administrator()
    with project.serve() as address:
        root = Browser(address, "root")
        assert "Imports need a ticket" in root.get("/admin/imports/importrecord/import/").text
        assert "column-updated_by" in root.get("/admin/flows/flow/").text
