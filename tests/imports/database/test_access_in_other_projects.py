"""What a restore says of access in a project that keeps sessions or tokens in its own way."""

import json

import pytest

from tests.project.made import block
from tests.support.local_project import LocalProject

WITHOUT_SESSIONS = """
INSTALLED_APPS.remove("django.contrib.sessions")
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
"""
MAKE_TOKENS = """
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
for name in ("ada", "bob", "carl"):
    Token.objects.create(user=User.objects.create_user(name), key=name)
"""
END_TWO = """
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
Token.objects.get(key="bob").delete()
User.objects.filter(username="carl").update(is_active=False)
"""
KEYS = """
from rest_framework.authtoken.models import Token
print(*Token.objects.order_by("key").values_list("key", flat=True))
"""


@pytest.fixture
def project(tmp_path):
    return LocalProject(tmp_path)


def back_up(project):
    project.manage("migrate", "-v", "0")
    return answer_in(project.manage("database_backup"))["path"]


def answer_in(printed):
    """The data of the answer among what a command prints on both streams."""
    return json.loads(printed[printed.index("\n{") :] if "\n{" in printed else printed)["data"]


def restore(project, path):
    return project.manage("database_restore", path, "--no-prompt")


def test_a_project_without_the_app_of_sessions_is_restored(project):
    project.add_settings(WITHOUT_SESSIONS)
    printed = restore(project, back_up(project))
    assert "Ended: nothing." in printed
    assert "kept by django.contrib.sessions.backends.signed_cookies and stay valid" in printed


def test_the_pages_example_revokes_tokens_of_django_rest_framework(project):
    project.add_settings('INSTALLED_APPS += ["rest_framework.authtoken"]')
    project.add_app(
        "ours",
        tokens=block("python", "def revoke_all_but"),
        apps=block("python", "register_issuer(tokens"),
    )
    project.manage("migrate", "-v", "0")
    project.run_code(MAKE_TOKENS)
    path = back_up(project)
    project.run_code(END_TWO)
    printed = restore(project, path)
    assert project.run_code(KEYS) == "ada"
    assert "Ended: 0 sessions, 2 API keys, 0 API logins" in printed
    assert "These are the keys and logins of rest_framework.authtoken" in printed


def test_tokens_that_no_app_has_registered_are_said_to_be_as_in_the_backup(project):
    project.add_settings('INSTALLED_APPS += ["rest_framework.authtoken"]')
    project.manage("migrate", "-v", "0")
    project.run_code(MAKE_TOKENS)
    path = back_up(project)
    project.run_code(END_TWO)
    printed = restore(project, path)
    assert project.run_code(KEYS) == "ada bob carl"
    assert "Ended: 0 sessions (all sessions)." in printed
    assert "No app has registered the keys and logins that it issues" in printed
    assert "API key" not in printed.partition("{")[0].partition("No app")[0]
