"""The start of the site: what the environment must say, and what is said where it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

PROJECT = Path(__file__).resolve().parents[2]
MAKE_SECRET_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(64))"'
MAKE_ENCRYPTION_KEY = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)
PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": "s3cr3t-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"[::-1] + "-t3st",
    "ZIGGY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "ziggy.example.org",
    "ZIGGY_BACKUP_DIR": "/var/backups/ziggy-of-tests",
}


def manage(*arguments, **environment):
    """Run manage.py in a process of its own, whose environment is this alone."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *arguments],
        cwd=PROJECT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def without(name):
    return {key: value for key, value in PRODUCTION.items() if key != name}


def test_development_needs_no_variable():
    run = manage("check")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "System check identified no issues (0 silenced).\n"


def test_a_complete_environment_passes_the_check_for_deployment():
    run = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "System check identified no issues (1 silenced).\n"


@pytest.mark.parametrize(
    ("environment", "preload"), [({}, False), ({"SECURE_HSTS_PRELOAD": "1"}, True)]
)
def test_a_domain_enters_the_lists_of_browsers_only_where_somebody_says_so(environment, preload):
    script = (
        "from django.http import HttpResponse\n"
        "from django.middleware.security import SecurityMiddleware\n"
        "from django.test import RequestFactory\n"
        "answer = SecurityMiddleware(lambda request: HttpResponse())(RequestFactory().get('/', secure=True))\n"
        "print(answer['Strict-Transport-Security'])"
    )
    run = manage("shell", "--no-imports", "--command", script, **PRODUCTION | environment)
    assert ("preload" in run.stdout, "max-age=31536000" in run.stdout) == (preload, True)


def test_the_check_for_deployment_fails_where_a_setting_is_weak():
    run = manage(
        "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | {"SECRET_KEY": "short"}
    )
    assert run.returncode == 1
    assert "security.W009" in run.stderr


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        pytest.param(
            without("SECRET_KEY"),
            f"SECRET_KEY is not set and DEBUG is off. Make one with: {MAKE_SECRET_KEY}",
            id="without a secret key",
        ),
        pytest.param(
            without("ZIGGY_ENCRYPTION_KEYS"),
            "ZIGGY_ENCRYPTION_KEYS is not set and DEBUG is off. "
            f"Make one with: {MAKE_ENCRYPTION_KEY}",
            id="without an encryption key",
        ),
        pytest.param(
            PRODUCTION | {"ZIGGY_ENCRYPTION_KEYS": ""},
            "ZIGGY_ENCRYPTION_KEYS is not set and DEBUG is off. "
            f"Make one with: {MAKE_ENCRYPTION_KEY}",
            id="with an empty encryption key",
        ),
        pytest.param(
            PRODUCTION | {"SECRET_KEY": "development-only-secret-key-that-everybody-can-read"},
            f"SECRET_KEY is that of development. Make one with: {MAKE_SECRET_KEY}",
            id="with the secret key of development",
        ),
        pytest.param(
            PRODUCTION | {"ZIGGY_ENCRYPTION_KEYS": "ZGV2ZWxvcG1lbnQtb25seS1rZXktbm90LXNlY3JldCE="},
            f"ZIGGY_ENCRYPTION_KEYS is that of development. Make one with: {MAKE_ENCRYPTION_KEY}",
            id="with the encryption key of development",
        ),
        *(
            pytest.param(
                PRODUCTION | {"ZIGGY_ENCRYPTION_KEYS": keys},
                "ENCRYPTION_KEYS in the setting ZIGGY must be a list of Fernet keys (32 bytes in "
                "URL-safe base64); where the variable ZIGGY_ENCRYPTION_KEYS fills it, commas stand "
                "between them.",
                id=f"with {what}",
            )
            for keys, what in [
                ("no-fernet-key", "a key that is none"),
                (f"{PRODUCTION['ZIGGY_ENCRYPTION_KEYS']}, no-fernet-key", "a second one that is"),
                (",", "nothing but a comma"),
            ]
        ),
        *(
            pytest.param(
                PRODUCTION | {"ZIGGY_SERVER_NAME": "here", "ZIGGY_SERVERS": f"{name}=sqlite:///x"},
                f"ZIGGY_SERVERS must not have the name {name}: it is that of this instance.",
                id=f"with a server named {name}",
            )
            for name in ("default", "here")
        ),
    ],
)
def test_the_site_does_not_start(environment, message):
    run = manage("check", **environment)
    assert (run.returncode, run.stderr) == (1, f"The settings are not right. {message}\n")
    assert "no-fernet-key" not in run.stderr


def test_several_encryption_keys_may_stand_between_spaces():
    keys = " , ".join(Fernet.generate_key().decode() for _ in range(3))
    run = manage("check", **PRODUCTION | {"ZIGGY_ENCRYPTION_KEYS": keys})
    assert (run.returncode, run.stderr) == (0, "")


def test_a_registered_server_is_a_database_of_its_own():
    servers = "production=postgres://user:word@host/name?sslmode=require,staging=sqlite:///s.db"
    run = manage(
        "shell",
        "--no-imports",
        "--command",
        "from django.conf import settings\n"
        "for name, each in settings.DATABASES.items():\n"
        "    print(name, each['ENGINE'], each['NAME'], each['OPTIONS'].get('sslmode'))",
        **PRODUCTION | {"ZIGGY_SERVERS": servers, "DATABASE_URL": "sqlite:////tmp/own.db"},
    )
    assert run.stdout.splitlines() == [
        "default django.db.backends.sqlite3 /tmp/own.db None",
        "production django.db.backends.postgresql name require",
        "staging django.db.backends.sqlite3 s.db None",
    ]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("ZIGGY_HISTORY_DAYS", "", "a number, or none, and is empty"),
        ("ZIGGY_HISTORY_DAYS", "nan", "a number, or none, and is 'nan'"),
        ("ZIGGY_BACKUP_MAX_BYTES", "1 GB", "a whole number, or none, and is '1 GB'"),
        ("ZIGGY_UNDO_DAYS", "x", "a number, and is 'x'"),
        ("ZIGGY_HISTORY_KEEP_RUNS", "1.5", "a whole number, and is '1.5'"),
        ("DEBUG", "maybe", "1 or 0, and is 'maybe'"),
        (
            "LOG_LEVEL",
            "loud",
            "one of CRITICAL, ERROR, WARNING, INFO, DEBUG, and is 'loud'",
        ),
    ],
)
def test_a_variable_of_a_wrong_kind_is_named_without_a_traceback(name, value, what):
    run = manage("check", **{name: value})
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"The settings are not right. The variable {name} must be {what}. "
        "Leave it out for the default.\n"
    )


@pytest.mark.parametrize("value", ["none", "None"])
def test_history_is_kept_for_ever_by_a_variable(value):
    script = "from flows.conf import ziggy; print(ziggy.HISTORY_DAYS, ziggy.BACKUP_MAX_BYTES)"
    variables = {"ZIGGY_HISTORY_DAYS": value, "ZIGGY_BACKUP_MAX_BYTES": value}
    run = manage("shell", "--no-imports", "--command", script, **variables)
    assert (run.returncode, run.stdout) == (0, "None None\n")
