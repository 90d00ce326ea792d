"""`check --deploy` refuses what would leave a server open, and says what to do."""

import pytest
from django.conf import settings as project_settings

from tests.site.test_settings import PRODUCTION, manage
from ziggy_site.checks import check_deployment
from ziggy_site.variables import DEVELOPMENT_ENCRYPTION_KEY, DEVELOPMENT_SECRET_KEY


@pytest.fixture
def complete(settings, tmp_path, monkeypatch):
    """The settings of a deployment that is right."""
    for name, value in {
        "DEBUG": False,
        "SECRET_KEY": PRODUCTION["SECRET_KEY"],
        "ALLOWED_HOSTS": ["ziggy.example.org"],
        "CSRF_TRUSTED_ORIGINS": ["https://ziggy.example.org"],
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "ZIGGY": {
            **settings.ZIGGY,
            "ENCRYPTION_KEYS": [PRODUCTION["ZIGGY_ENCRYPTION_KEYS"]],
            "BACKUP_DIR": tmp_path / "kept",
        },
    }.items():
        setattr(settings, name, value)
    monkeypatch.setattr("os.environ", {"ZIGGY_BACKUP_DIR": "x", "ZIGGY_SERVERS_FILE": __file__})
    monkeypatch.setattr("ziggy_site.checks.find_open_files", list)
    return settings


def ids() -> list[str]:
    return [message.id for message in check_deployment()]


def test_a_deployment_that_is_right_is_told_nothing(complete):
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DEBUG", True, "site.E001"),
        ("SECRET_KEY", DEVELOPMENT_SECRET_KEY, "site.E002"),
        ("ENCRYPTION_KEYS", ["x" * 43 + "=", DEVELOPMENT_ENCRYPTION_KEY], "site.E002"),
        ("ALLOWED_HOSTS", ["ziggy.example.org", "*"], "site.E003"),
        ("BACKUP_DIR", project_settings.BASE_DIR / "backups", "site.E004"),
        ("BACKUP_DIR", str(project_settings.BASE_DIR), "site.E004"),
        ("SESSION_COOKIE_HTTPONLY", False, "site.E005"),
        ("SESSION_COOKIE_SECURE", False, "site.E005"),
        ("CSRF_COOKIE_SECURE", False, "site.E005"),
        ("CSRF_TRUSTED_ORIGINS", ["http://ziggy.example.org"], "site.E006"),
    ],
)
def test_what_is_unsafe_is_an_error_with_what_to_do(complete, name, value, told):
    if name in complete.ZIGGY:
        complete.ZIGGY = {**complete.ZIGGY, name: value}
    else:
        setattr(complete, name, value)
    [message] = [each for each in check_deployment() if each.id != "site.W001"]
    assert message.id == told
    assert message.is_serious()
    assert message.hint
    assert DEVELOPMENT_SECRET_KEY not in message.msg + message.hint


@pytest.mark.parametrize(("mode", "told"), [(0o700, []), (0o750, []), (0o755, ["site.W001"])])
def test_backups_that_everybody_can_list_are_told(complete, tmp_path, mode, told):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(mode)
    assert ids() == told


def test_a_secret_that_everybody_can_read_is_told(complete, monkeypatch):
    monkeypatch.setattr("ziggy_site.checks.find_open_files", lambda: ["SECRET_KEY_FILE"])
    assert ids() == ["site.W002"]


@pytest.mark.parametrize("name", ["ZIGGY_BACKUPDIR", "ZIGGY_SERVER_NAME_FILE"])
def test_a_variable_that_nothing_reads_is_told(complete, monkeypatch, name):
    monkeypatch.setattr("os.environ", {name: "x"})
    [message] = check_deployment()
    assert (message.id, name in message.msg) == ("site.W003", True)


def test_the_command_fails():
    run = manage("check", "--deploy", **PRODUCTION | {"ALLOWED_HOSTS": "*"})
    assert run.returncode == 1
    assert "site.E003" in run.stderr
