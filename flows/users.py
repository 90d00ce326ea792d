"""The user model of the project, whichever `AUTH_USER_MODEL` names, with Django's permissions."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model

from flows.servers import get_current_database

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User
else:
    from django.contrib.auth.base_user import AbstractBaseUser as User

__all__ = ["User", "find_active_user", "read_active_user_names"]


def read_active_user_names() -> frozenset[str]:
    """Return the names of the users that may sign in. No other column of theirs is read."""
    model = get_user_model()
    active = model._default_manager.using(get_current_database()).filter(is_active=True)
    return frozenset(active.values_list(model.USERNAME_FIELD, flat=True))


def find_active_user(name: str) -> User | None:
    """Return the active user with that name, which is what they sign in with."""
    model = get_user_model()
    users: Any = model._default_manager.using(get_current_database())
    user: User | None = users.filter(**{model.USERNAME_FIELD: name, "is_active": True}).first()
    return user
