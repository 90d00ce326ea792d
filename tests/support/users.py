"""Accounts in tests: with just some permissions, logged in, with a key."""

from datetime import timedelta

from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import issue_key

PASSWORD = "correct-horse-battery"
ROLES = ("anonymous", "staff", "Operator", "Service Account", "Editor", "Admin", "superuser")
"""Everybody who may come to the admin; of the groups among them each is on staff too."""


def staff_with(*codenames: str, name: str = "ada") -> User:
    """Somebody on staff who has just these permissions."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def logged_in(user: User) -> Client:
    """A browser of the user's."""
    client = Client()
    client.force_login(user)
    return client


def key_for(user: User, name: str = "CI", **lasting: int) -> str:
    """The text of a new API key of the user's."""
    return issue_key(
        ApiToken(user=user, name=name, expiry=timezone.now() + timedelta(**lasting or {"days": 30}))
    )


def client_in(role: str) -> Client:
    """A browser of somebody of that role on staff; `staff` has no role."""
    if role == "anonymous":
        return Client()
    user = User.objects.create_user(role, is_staff=True, is_superuser=role == "superuser")
    user.groups.set(Group.objects.filter(name=role))
    return logged_in(user)
