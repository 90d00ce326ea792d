"""Issue, list and revoke API keys for automation."""

import json
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils import timezone
from django.utils.text import capfirst

from accounts.models import ApiToken, User
from accounts.tokens import get_days_offered, get_shown_digest, issue_key, log_revoked, revoke
from flows.conf import ziggy
from flows.content.representation import format_time
from flows.counting import format_count
from flows.management.database_errors import explain_database_errors
from flows.texts import make_printable, make_storable, quote
from flows.users import find_active_user

_USAGE_ERROR = 2
_EPILOG = """\
examples:
  give a pipeline a key of its user for 30 days, and keep it in a variable:
    KEY=$(manage.py api_key issue ci --name "CI of the shop" --days 30)
  send it with every request of the API:
    curl -H "Authorization: Bearer $KEY" https://ziggy.example.com/api/auth/profile
  see all keys, or those of one user:
    manage.py api_key list
    manage.py api_key list ci
  revoke one, by its id or its prefix from the list:
    manage.py api_key revoke 5d1f0c2b7a90

A key may do what its user may do. "issue" prints it once, alone on stdout; the server keeps a hash
of it. It ends at its time, or as soon as the user's password changes or the user becomes inactive.
The id of a key is in the log of security events too.

stdout carries the key of "issue", and one JSON object of the others; stderr everything for people.
exit codes: 0 done, 2 usage, or no such user or key, 1 anything else.
"""
_COLUMNS = ("id", "prefix", "user", "name", "created", "expires", "valid")


class Command(BaseCommand):
    help = "Issue, list and revoke API keys for automation."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, **_PARSER_OPTIONS, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="issue|list|revoke")

        def add(name: str, help_text: str) -> CommandParser:
            description = f"{capfirst(help_text)}."
            return actions.add_parser(
                name, help=help_text, description=description, **_PARSER_OPTIONS
            )

        issuing = add("issue", "issue a key and print it once")
        issuing.add_argument("user", metavar="USER", help="the user name of who will use the key")
        issuing.add_argument(
            "--name", required=True, type=_read_name, metavar="NAME", help="what the key is for"
        )
        issuing.add_argument(
            "--days",
            type=_read_days,
            default=get_days_offered(),
            metavar="N",
            help="after how many days it expires (%(default)s), at most ZIGGY_KEY_DAYS",
        )
        listing = add("list", "list the keys of a user, or of all users")
        listing.add_argument("user", nargs="?", metavar="USER", help="the user name")
        revoking = add("revoke", "revoke a key at once")
        revoking.add_argument(
            "key", metavar="KEY-ID-OR-PREFIX", help="its id or its prefix, as list shows it"
        )

    def handle(self, *, action: str, **options: Any) -> None:
        with explain_database_errors():
            if action == "issue":
                self._issue(_find_user(options["user"]), options["name"], options["days"])
            elif action == "list":
                self._list(_find_user(options["user"]) if options["user"] else None)
            else:
                self._revoke(options["key"])

    def _issue(self, user: User, name: str, days: int) -> None:
        key = ApiToken(user=user, name=name, expiry=timezone.now() + timedelta(days=days))
        try:
            token = issue_key(key)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self._say(
            f"The key {quote(name)} of {quote(user.get_username())} has the id "
            f"{get_shown_digest(key)}, and expires at {_format_expiry(key)}. It is shown this once:"
        )
        self.stdout.write(token)

    def _list(self, user: User | None) -> None:
        keys = _read_keys().order_by("user__username", "created")
        rows = [_describe(key) for key in (keys.filter(user=user) if user else keys)]
        for line in _format_rows(rows):
            self._say(line)
        self._say(format_count(len(rows), "key"))
        self._answer({"keys": rows})

    def _revoke(self, text: str) -> None:
        key = _find_key(text)
        if key is None or not revoke(key):
            raise CommandError(
                f"There is no key with the id or the prefix {quote(text)}.",
                returncode=_USAGE_ERROR,
            )
        log_revoked(key)
        self._say(f"Revoked the key {quote(key.name)} of {quote(key.user.get_username())}.")
        self._answer({"key": _describe(key)})

    def _say(self, line: str) -> None:
        self.stderr.write(line, style_func=str)

    def _answer(self, data: dict[str, Any]) -> None:
        self.stdout.write(json.dumps({"status": 200, "statusText": "OK", "data": data}, indent=2))


_PARSER_OPTIONS: dict[str, Any] = {
    "epilog": _EPILOG,
    "formatter_class": RawDescriptionHelpFormatter,
    "allow_abbrev": False,
}


def _read_name(text: str) -> str:
    if not (name := make_storable(text).strip()):
        raise ArgumentTypeError("a key needs a name")
    return name


def _read_days(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= ziggy.KEY_DAYS:
            return int(text)
    raise ArgumentTypeError(
        f"{quote(text)} is not a whole number of days from 1 to {ziggy.KEY_DAYS}"
    )


def _find_user(name: str) -> User:
    user = find_active_user(make_storable(name))
    if user is None:
        raise CommandError(f"There is no active user {quote(name)}.", returncode=_USAGE_ERROR)
    return user


def _read_keys() -> Any:
    return ApiToken.objects.exclude(name="").select_related("user")


def _find_key(text: str) -> ApiToken | None:
    """Return the key with exactly that id or prefix; the beginning of one is not enough."""
    found = _read_keys().filter(Q(token_key=text) | Q(digest__startswith=text))
    return next((key for key in found if text in (key.token_key, get_shown_digest(key))), None)


def _describe(key: ApiToken) -> dict[str, Any]:
    return {
        "id": get_shown_digest(key),
        "prefix": key.token_key,
        "user": key.user.get_username(),
        "name": key.name,
        "created": format_time(key.created),
        "expires": _format_expiry(key),
        "valid": key.is_good(),
    }


def _format_expiry(key: ApiToken) -> str | None:
    return format_time(key.expiry) if key.expiry else None


def _format_rows(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the lines of a table, with its headings."""
    cells = [[name.upper() for name in _COLUMNS]]
    cells += ([make_printable(str(row[name])) for name in _COLUMNS] for row in rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
