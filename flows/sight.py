"""Which kinds of items an account may see, and so which a page or a refusal may name."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin

from flows.content.fields import Kind


def may_see(user: AbstractBaseUser | PermissionsMixin | AnonymousUser, kind: Kind) -> bool:
    """Return whether the user may see rows of the kind: as in the admin, also by changing them."""
    may = user.has_perm  # type: ignore[union-attr]
    return bool(may(f"flows.view_{kind}") or may(f"flows.change_{kind}"))


def find_visible_kinds(
    user: AbstractBaseUser | PermissionsMixin | AnonymousUser,
) -> frozenset[Kind]:
    """Return the kinds whose rows the user may see."""
    return frozenset(kind for kind in Kind if may_see(user, kind))
