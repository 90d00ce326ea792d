"""A run on a registered server asks that server's database alone, with and without a router."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings

from flows.servers import ServerRouter, target_server
from tests.support.importing import child_environment

# A project with a registered server, and with these routers: any query to its own database fails.
PROJECT = """
import json
import sys
from io import StringIO
from pathlib import Path

import django
from django.conf import settings

work, routers = Path(sys.argv[1]), json.loads(sys.argv[2])
settings.DATABASE_ROUTERS = routers
settings.SILENCED_SYSTEM_CHECKS = [] if routers else ["ziggy.E003"]
django.setup()

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection

from flows.models import Flow
from flows.secrets.key_rotation import rotate_keys
from flows.servers import target_server
from tests.support.importing import connection as a_connection
from tests.support.importing import export_file, flow, secret

call_command("migrate", database="production", verbosity=0)
users = get_user_model().objects.using("production")
ada = get_user_model()(username="ada", is_active=True)
ada.save(using="production")
ada.user_permissions.through.objects.using("production").bulk_create(
    ada.user_permissions.through(user_id=ada.pk, permission_id=pk)
    for pk in Permission.objects.using("production").values_list("pk", flat=True)
)


def refuse(execute, sql, *rest):
    raise AssertionError(f"asked the default database: {sql}")


def write(name, info):
    path = work / name
    items = flow(1, "Orders", info=info), flow(2, "Bills"), a_connection(3, "Shop"), secret(4, "TOKEN")
    path.write_bytes(export_file(*items))
    return str(path)


def run(*words, **options):
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


first, second, plan = write("first.json", "first"), write("second.json", "second"), work / "plan"
there = ["--server", "production"]
answers = {}
with connection.execute_wrapper(refuse):
    run("flow_import", *there, "--overwrite", "--no-prompt", "--file-path", first)
    run("flow_import", *there, "--overwrite", "--dry-run", "--file-path", second)
    run("flow_import", *there, "--overwrite", "--file-path", second, "--plan-out", str(plan))
    run("flow_import", *there, "--no-prompt", "--file-path", second, "--apply-plan", str(plan))
    answers["imported"] = Flow.objects.using("production").get(name="Orders").info
    run("import_undo", *there, "2", "--no-prompt")
    answers["undone"] = Flow.objects.using("production").get(name="Orders").info
    answers["listed"] = len(json.loads(run("flow_list", *there, "--json"))["data"]["flows"])
    run("flow_export", *there, "--file-path", str(work / "out.json"))
    answers["exported"] = len(json.loads((work / "out.json").read_text())["flows"])
    run("flow_status", *there, "--file-path", first)
    uuid = str(Flow.objects.using("production").get(name="Orders").uuid)
    run("named_save", "take", *there, uuid, "--name", "kept")
    run("named_save", "list", *there, uuid)
    run("named_save", "restore", *there, "3", "--no-prompt")
    with target_server("production"):
        rotate_keys()
    run("database_vacuum", *there, "--no-prompt")
    run("database_backup", *there)
    (backup, *_) = sorted(Path(settings.ZIGGY["BACKUP_DIR"]).glob("production-*.sqlite3"))[-1:]
    run("database_restore", *there, str(backup), "--no-prompt")
    try:
        run(
            "flow_import", *there, "--overwrite", "--no-prompt", "--no-backup", "--user", "ada",
            "--file-path", second,
        )
    except CommandError as error:
        answers["refused"] = error.returncode
    answers["by ada"] = Flow.objects.using("production").get(name="Orders").info
print(json.dumps(answers))
"""


@pytest.mark.parametrize("routers", [[], ["flows.servers.ServerRouter"]])
def test_the_own_database_is_asked_nothing(tmp_path, routers):
    own, other = f"sqlite:///{tmp_path}/own.sqlite3", f"sqlite:///{tmp_path}/other.sqlite3"
    done = subprocess.run(
        [sys.executable, "-c", PROJECT, tmp_path, json.dumps(routers)],
        env=child_environment(
            DATABASE_URL=own,
            ZIGGY_SERVERS=f"production={other}",
            ZIGGY_BACKUP_DIR=str(tmp_path / "backups"),
            PYTHONPATH=str(settings.BASE_DIR),
        ),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "imported": "second",
        "undone": "first",
        "listed": 2,
        "exported": 2,
        # Whose rights cannot be read may do nothing.
        **({"by ada": "second"} if routers else {"by ada": "first", "refused": 7}),
    }


def model(label: str) -> SimpleNamespace:
    app, _, name = label.partition(".")
    return SimpleNamespace(_meta=SimpleNamespace(app_label=app, label_lower=f"{app}.{name}"))


@pytest.mark.parametrize("label", ["shop.order", "admin.logentry", "people.pet"])
def test_the_router_leaves_models_of_the_project_alone(label, settings):
    settings.ZIGGY = {**settings.ZIGGY, "SERVERS": {"production": ""}}
    settings.AUTH_USER_MODEL = "people.Person"
    router, order, flow = ServerRouter(), model(label), model("flows.flow")
    with target_server("production"):
        assert router.db_for_read(order) is router.db_for_write(order) is None
        assert router.allow_relation(order, flow) is router.allow_relation(flow, order) is None


@pytest.mark.parametrize("label", ["flows.flow", "auth.permission", "people.person"])
def test_the_router_sends_users_and_their_rights_to_the_target_alone(label, settings):
    settings.ZIGGY = {**settings.ZIGGY, "SERVERS": {"production": ""}}
    settings.AUTH_USER_MODEL = "people.Person"
    router, routed = ServerRouter(), model(label)
    assert router.db_for_read(routed) is router.db_for_write(routed) is None
    with target_server("production"):
        assert router.db_for_read(routed) == router.db_for_write(routed) == "production"
        assert router.allow_relation(routed, routed)
