"""The security events of keys and accounts: of what is committed, and by their right names."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import issue_key, issue_login_token
from flows.security_events import SecurityEvent, note_security_events

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada():
    return User.objects.create_user("ada")


def make_key(user, name="CI"):
    key = ApiToken(user=user, name=name, expiry=timezone.now() + timedelta(days=1))
    return key, issue_key(key)


def test_a_key_that_logs_out_is_revoked_and_a_login_that_does_is_logged_out(ada):
    for token, event in (
        (make_key(ada)[1], SecurityEvent.KEY_REVOKED),
        (issue_login_token(ada), SecurityEvent.LOGGED_OUT),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        with note_security_events() as events:
            answer = Client().get(f"/api/auth/logout/{ada.uuid}", headers=headers)
        assert answer.status_code == 200
        assert events == [event]
    assert not ApiToken.objects.exists()


def test_a_key_or_a_deactivation_that_is_rolled_back_is_no_event(ada):
    make_key(ada)
    with note_security_events() as events, transaction.atomic():
        make_key(ada, "other")
        ada.is_active = False
        ada.save()
        assert events == []
        transaction.set_rollback(True)
    assert events == []
    with note_security_events() as events, transaction.atomic():
        make_key(ada, "other")
        ada.save()
    assert events == [SecurityEvent.KEY_ISSUED, SecurityEvent.KEY_REVOKED]


def test_what_fails_in_the_admin_is_no_event(ada, admin_client, monkeypatch):
    def fail(*_args, **_keywords):
        raise RuntimeError("no room on the disk")

    key, _ = make_key(ada)
    admin_client.raise_request_exception = False
    monkeypatch.setattr("django.contrib.admin.models.LogEntryManager.log_actions", fail)
    changed = {"username": "eve", "date_joined_0": "2026-01-01", "date_joined_1": "12:00"}
    pages = [(reverse("admin:accounts_user_change", args=[ada.pk]), changed)]
    with note_security_events() as events:
        assert [admin_client.post(*page).status_code for page in pages] == [500]
        monkeypatch.undo()
        monkeypatch.setattr("django.contrib.admin.options.ModelAdmin.delete_queryset", fail)
        monkeypatch.setattr("django.db.models.Model.delete", fail)
        several = {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"}
        pages = [
            (reverse("admin:accounts_user_delete", args=[ada.pk]), {"post": "yes"}),
            (reverse("admin:accounts_apitoken_delete", args=[key.pk]), {"post": "yes"}),
            (reverse("admin:accounts_apitoken_changelist"), several),
        ]
        assert [admin_client.post(*page).status_code for page in pages] == [500, 500, 500]
    assert events == []
    assert ApiToken.objects.get().user.username == "ada"
