"""A wrong encryption key is noticed before anything is written with it, and says what to do."""

import json
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import OperationalError
from django.db.transaction import atomic
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tokens import issue_login_token
from flows.encryption import Sealed, WrongKeyError, seal
from flows.models import EncryptionCanary, Flow, Secret
from flows.saves import named_saves
from flows.secrets.canary import check_keys_open
from flows.secrets.checks import check_keys_before_write
from flows.secrets.key_rotation import rotate_keys
from imports.database.backup import make_backup
from imports.errors import WrongEncryptionKey
from tests.support.digest import all_rows
from tests.support.errors import error_of
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import child_environment, flow, import_items

FIRST, OTHER = (Fernet.generate_key().decode() for _ in range(2))
MESSAGE = (
    "A stored secret cannot be opened with the keys in ZIGGY_ENCRYPTION_KEYS. "
    "Put the key that it was stored with at the end of the list."
)


@pytest.fixture(autouse=True)
def keys(settings):
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [FIRST]}
    return settings


@pytest.fixture
def sealed_under_the_first(db, keys):
    """A database whose canary was made by the first key, and that has no secret now."""
    check_keys_open()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}


def admin_token():
    user = User.objects.create_superuser("root", password="pass")
    return {"Authorization": f"Bearer {issue_login_token(user)}"}


@pytest.mark.usefixtures("sealed_under_the_first")
def test_health_is_503_and_says_what_to_do():
    answer = Client().get("/api/health")
    assert (answer.status_code, error_of(answer)) == (
        503,
        {"message": MESSAGE, "code": "wrong-encryption-key", "issues": []},
    )


def start_of_the_site(**environment):
    """What a web server's worker prints as it loads the site."""
    return subprocess.run(
        [sys.executable, "-c", "import ziggy_site.wsgi"],
        env=child_environment(**environment),
        capture_output=True, text=True, timeout=60, check=True,
    ).stderr  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_site_that_starts_with_a_wrong_key_says_so(keys):
    check_keys_open()
    assert start_of_the_site(ZIGGY_ENCRYPTION_KEYS=FIRST) == ""
    assert f"default: {MESSAGE}" in start_of_the_site(ZIGGY_ENCRYPTION_KEYS=OTHER)


def test_a_site_without_a_database_starts_and_says_nothing_of_keys():
    told = start_of_the_site(ZIGGY_ENCRYPTION_KEYS=OTHER, DATABASE_URL="sqlite:////nowhere/x.db")
    assert "ZIGGY_ENCRYPTION_KEYS" not in told


@pytest.mark.django_db
def test_health_writes_nothing():
    assert Client().get("/api/health").status_code == 200
    assert not EncryptionCanary.objects.exists()


@pytest.mark.usefixtures("sealed_under_the_first")
def test_an_import_is_refused():
    with pytest.raises(WrongEncryptionKey) as refused:
        import_items(flow(1, "A"))
    assert (refused.value.code, refused.value.message) == ("wrong-encryption-key", MESSAGE)
    assert not Flow.objects.exists()


@pytest.mark.django_db
def test_an_undo_is_refused(keys, run_command):
    check_keys_open()
    outcome = import_items(flow(1, "A"))
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}
    done = run_command("import_undo", str(outcome.record.pk), "--no-prompt", "--no-backup")
    assert (done.code, json.loads(done.out)["data"]["code"]) == (1, "wrong-encryption-key")
    assert Flow.objects.filter(is_deleted=False).exists()


@pytest.mark.usefixtures("sealed_under_the_first")
def test_a_secret_is_not_stored_through_the_api():
    secret = SecretFactory(name="KEY")
    answer = Client().post(
        "/api/secret",
        json.dumps({"name": "NEW", "devValue": "x"}),
        content_type="application/json",
        headers=admin_token(),
    )
    assert (answer.status_code, answer.json().get("code")) == (503, "wrong-encryption-key")
    assert answer.json()["message"] == MESSAGE
    assert [*Secret.objects.all()] == [secret]


@pytest.mark.usefixtures("sealed_under_the_first")
def test_a_secret_is_not_stored_through_the_admin(client):
    client.force_login(User.objects.create_superuser("root", password="pass"))
    data = {"name": "NEW", "new_dev_value": "x", "dev_value": "x", "tags": "[]"}
    page = client.post("/admin/flows/secret/add/", data)
    assert (page.status_code, MESSAGE in page.content.decode()) == (503, True)
    assert not Secret.objects.exists()


@pytest.mark.django_db
def test_the_first_secret_makes_the_canary_and_the_same_key_goes_on():
    SecretFactory(dev_value="x")
    SecretFactory(dev_value="y")
    assert Sealed(EncryptionCanary.objects.get().token).reveal() == "ziggy"


@pytest.mark.django_db
def test_no_wrong_key_gets_a_canary_beside_what_another_sealed(keys):
    SecretFactory(dev_value="x")
    EncryptionCanary.objects.all().delete()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}
    with pytest.raises(WrongKeyError), atomic():
        SecretFactory(dev_value="y")
    assert Client().get("/api/health").status_code == 503
    assert not EncryptionCanary.objects.exists()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER, FIRST]}
    SecretFactory(dev_value="y")
    assert EncryptionCanary.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rotation_seals_the_canary_anew(keys):
    check_keys_open()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER, FIRST]}
    rotate_keys()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}
    check_keys_open()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [FIRST]}
    with pytest.raises(WrongKeyError):
        check_keys_open()


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_dropped_before_the_rotation_is_noticed(keys):
    check_keys_open()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER, FIRST]}
    check_keys_open()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}
    with pytest.raises(WrongKeyError):
        rotate_keys()


@pytest.mark.usefixtures("sealed_under_the_first")
def test_the_check_of_databases_finds_it():
    [error] = [one for one in run_checks(tags=[Tags.database], databases=["default"]) if one.id]
    assert (error.id, error.msg) == ("flows.E001", f"default: {MESSAGE}")


@pytest.mark.django_db
def test_the_check_of_databases_passes_with_the_right_key():
    check_keys_open()
    call_command("check", databases=["default"])


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_has_the_canary_of_then(keys, run_command):
    check_keys_open()
    backup = make_backup()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER, FIRST]}
    rotate_keys()
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}
    done = run_command("database_restore", str(backup.path), "--no-prompt")
    assert (done.code, f"! {MESSAGE}\n" in done.err) == (0, True)
    with pytest.raises(WrongKeyError):
        SecretFactory(dev_value="y")
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER, FIRST]}
    SecretFactory(dev_value="y")


@pytest.mark.django_db
def test_a_second_canary_is_never_made():
    EncryptionCanary.objects.create(pk=1, token=seal("ziggy").token)
    check_keys_open()
    assert EncryptionCanary.objects.count() == 1


# --- Before any write, at every door


@pytest.fixture
def rows(db, keys):
    """A row of each kind, with a save, on a database whose canary was made by the first key."""
    check_keys_open()
    found = {
        "flow": FlowFactory(name="A"),
        "connection": ConnectionFactory(name="B"),
        "secret": SecretFactory(name="C", dev_value="x"),
    }
    for row in found.values():
        named_saves.take(row, "before")
    keys.ZIGGY = {**keys.ZIGGY, "ENCRYPTION_KEYS": [OTHER]}
    return found


KINDS = ("flow", "connection", "secret")
API_WRITES = [
    *((kind, "PUT", "/api/{kind}/{uuid}", {"description": "new"}) for kind in KINDS),
    *((kind, "DELETE", "/api/{kind}/{uuid}", None) for kind in KINDS),
    *((kind, "POST", "/api/{kind}", {"name": "NEW"}) for kind in ("connection", "secret")),
    ("flow", "POST", "/api/flow/NEW/HTTP", None),
    ("flow", "POST", "/api/flow/clone/{uuid}", None),
    ("flow", "POST", "/api/ziggy/history-named-save/{uuid}/NEW", None),
]


@pytest.mark.parametrize(("kind", "method", "path", "body"), API_WRITES)
def test_the_api_writes_nothing(kind, method, path, body, rows):
    before = all_rows()
    address = path.format(kind=kind, uuid=rows[kind].uuid)
    headers = {f"HTTP_{key.upper()}": value for key, value in admin_token().items()}
    before = all_rows()
    answer = Client().generic(
        method, address, json.dumps(body or {}), content_type="application/json", **headers
    )
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (503, "wrong-encryption-key")
    assert error["message"] == MESSAGE
    assert all_rows() == before
    assert Client().get(f"/api/{kind}", **headers).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page", ["change", "delete", "saves"])
def test_the_admin_writes_nothing(kind, page, rows, admin_client):
    url = reverse(f"admin:flows_{kind}_{page}", args=[rows[kind].pk])
    assert admin_client.get(url).status_code == 200
    before = all_rows()
    answer = admin_client.post(url, {"name": "new", "post": "yes"})
    assert answer.status_code == 503
    assert "ZIGGY_ENCRYPTION_KEYS" in answer.content.decode()
    assert all_rows() == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_of_named_saves_writes_nothing(kind, rows, run_command):
    save = named_saves.list_saves(rows[kind])[0].pk
    type(rows[kind]).objects.update(name="NEW")
    before = all_rows()
    for arguments in (["restore", str(save), "--no-prompt"], ["take", "NEW", "--name", "x"]):
        done = run_command("named_save", *arguments)
        assert done.code == 1
        assert json.loads(done.out)["data"]["code"] == "wrong-encryption-key"
    assert all_rows() == before


def test_who_logs_in_may_and_the_lists_are_read(rows):
    User.objects.create_superuser("ada", password="pass")
    client = Client()
    url = reverse("admin:login")
    assert client.post(url, {"username": "ada", "password": "pass"}).status_code == 302
    assert client.get(reverse("admin:flows_flow_changelist")).status_code == 200
    body = json.dumps({"username": "ada", "password": "pass"})
    answer = client.post("/api/auth/login", body, content_type="application/json")
    assert answer.status_code in (200, 201)


def test_without_a_database_the_check_says_nothing(monkeypatch):
    def fail(**_):
        raise OperationalError("away")

    monkeypatch.setattr("flows.secrets.checks.check_keys_open", fail)
    check_keys_before_write("POST")
