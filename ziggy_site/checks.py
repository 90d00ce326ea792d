"""Checks of the site's deployment: what `manage.py check --deploy` refuses, and what to do.

Django's own warn of most; these are errors, so that the command fails where a server would be open.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from flows.conf import ziggy
from flows.wrong_settings import find_wrong_settings
from ziggy_site.environment import FILE_SUFFIX, find_open_files
from ziggy_site.variables import DEVELOPMENT_ENCRYPTION_KEY, DEVELOPMENT_SECRET_KEY, VARIABLES

_COOKIES = ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE")
# Of the shell scripts and the tests, beside the declared ones.
_OTHER_PREFIXES = ("ZIGGY_TEST_", "ZIGGY_REQUIRE_", "ZIGGY_CHROMIUM", "ZIGGY_PYTHON")


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Return what is unsafe in production; nothing where a value of ZIGGY is of a wrong type."""
    if find_wrong_settings():
        return []
    return [
        *_check_debug(),
        *_check_keys(),
        *_check_hosts(),
        *_check_backup_directory(),
        *_check_cookies(),
        *_check_origins(),
        *_check_files(),
        *_check_names(),
    ]


def _check_debug() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error(
            "DEBUG is on: pages of errors show the code, and values of this server.",
            hint="Set DEBUG=0.",
            id="site.E001",
        )


def _check_keys() -> Iterator[CheckMessage]:
    names = []
    if settings.SECRET_KEY == DEVELOPMENT_SECRET_KEY:
        names.append("SECRET_KEY")
    if DEVELOPMENT_ENCRYPTION_KEY in ziggy.ENCRYPTION_KEYS:
        names.append("ZIGGY_ENCRYPTION_KEYS")
    for name in names:
        yield Error(
            f"{name} has the key of development, which everybody can read.",
            hint="docs/how-to/deploy.md says how to make one. Rotate the encryption keys where "
            "secrets were stored with it already.",
            id="site.E002",
        )


def _check_hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS has *: links in answers lead wherever a caller says.",
            hint="Name the hosts that the site has. /live and /ready answer to any.",
            id="site.E003",
        )


def _check_backup_directory() -> Iterator[CheckMessage]:
    directory = Path(ziggy.BACKUP_DIR).resolve()
    if directory.is_relative_to(Path(settings.BASE_DIR).resolve()):
        yield Error(
            f"Backups are written into the program's own directory: {directory}.",
            hint="Set ZIGGY_BACKUP_DIR to a directory outside of it, on another disk if possible: "
            "one that a new version does not replace.",
            id="site.E004",
        )
    if directory.is_dir() and directory.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH):
        yield checks.Warning(
            f"Every user of the machine may look into the directory of backups: {directory}.",
            hint=f"chmod o-rwx {directory}",
            id="site.W001",
        )


def _check_cookies() -> Iterator[CheckMessage]:
    if off := [name for name in _COOKIES if not getattr(settings, name)]:
        yield Error(
            f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off: a script, or whoever "
            "listens to plain HTTP, reads the cookie.",
            hint="Set them to True; DEBUG=0 does so for those that need HTTPS.",
            id="site.E005",
        )


def _check_origins() -> Iterator[CheckMessage]:
    if plain := [each for each in settings.CSRF_TRUSTED_ORIGINS if not each.startswith("https://")]:
        yield Error(
            f"CSRF_TRUSTED_ORIGINS trusts what anybody on the way can change: {', '.join(plain)}.",
            hint="Name origins with https:// alone.",
            id="site.E006",
        )


def _check_files() -> Iterator[CheckMessage]:
    for name in find_open_files():
        yield checks.Warning(
            f"Every user of the machine may read the file that {name} names.",
            hint="Let only the service's user read it: chmod 400. In a container, where the "
            "engine mounts it so and there are no other users, it may stay.",
            id="site.W002",
        )


def _check_names() -> Iterator[CheckMessage]:
    known = {*VARIABLES, *(f"{each.name}{FILE_SUFFIX}" for each in _list_secret())}
    unknown = [
        name
        for name in sorted(os.environ)
        if name.startswith("ZIGGY_") and name not in known and not name.startswith(_OTHER_PREFIXES)
    ]
    if unknown:
        yield checks.Warning(
            f"Nothing reads these variables of the environment: {', '.join(unknown)}.",
            hint="docs/reference/settings.md has all names. NAME_FILE is read for secrets alone.",
            id="site.W003",
        )


def _list_secret() -> Iterator[Any]:
    return (each for each in VARIABLES.values() if each.is_secret)
