"""Limits on failed attempts: counted in the database, so that all processes share them.

An attempt is counted before it is made, and given back if it succeeds: however many are made at
once, no more than the limit can fail.

A limit refuses until its period ends. A delay never refuses for good: beyond its number, an address
waits some seconds, at most `LONGEST_DELAY`, and then has one attempt, whatever other addresses do
meanwhile.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from flows.conf import get_limit_of_attempts
from flows.counting import format_count
from flows.models import Attempts

LONGEST_DELAY = 60
"""The longest delay, in seconds."""

_TURN_SECONDS = 600
"""How many seconds after its delay the attempt may be made."""
_PURGED_AT_ONCE = 500
_MINUTE = 60
_HOUR = 60 * _MINUTE


class TooManyAttemptsError(Exception):
    """A limit is reached; `wait` is how many seconds are left. The text is for people."""

    def __init__(self, wait: int, what: str = "wrong passwords") -> None:
        super().__init__(f"Too many {what}. Try again in {format_waiting_time(wait)}.")
        self.wait = wait


class TooManyAttempts(Throttled):
    """The 429 of the API, with the text of the error."""

    def __init__(self, error: TooManyAttemptsError) -> None:
        super().__init__(detail=str(error))
        self.wait = error.wait  # the header Retry-After


def format_waiting_time(seconds: int) -> str:
    """Return a duration for people, rounded up: "45 seconds", "59 minutes", "23 hours"."""
    if seconds <= _MINUTE:
        return format_count(seconds, "second")
    if seconds <= _HOUR:
        return format_count(math.ceil(seconds / _MINUTE), "minute")
    return format_count(math.ceil(seconds / _HOUR), "hour")


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on the attempts with one `ident`: `get_limit_of_attempts` has its number and period.

    `what` is what was attempted, for the message.
    """

    scope: str
    ident: str
    what: str = "wrong passwords"

    @property
    def most(self) -> int:
        return int(get_limit_of_attempts(self.scope)[0])

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=get_limit_of_attempts(self.scope)[1])

    @property
    def key(self) -> str:
        """Return a hash, so that the `ident` is not stored."""
        return sha256(f"{self.scope} {self.ident}".encode()).hexdigest()


def get_address(request: HttpRequest | Request) -> str:
    """Return the address of a request; headers of proxies count as far as NUM_PROXIES trusts them.

    Of an IPv6 address, returns the /64 network, as its holder has all addresses in it.
    """
    text = str(BaseThrottle().get_ident(request))  # type: ignore[arg-type] # it reads headers alone
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def take(limits: Sequence[Limit]) -> None:
    """Count an attempt under each of the limits. Raises TooManyAttemptsError, and counts nothing.

    All callers pass the scopes in one order, so that they lock rows in one order.
    """
    _check(limits)  # without a lock, so that a flood costs no writes
    with transaction.atomic():
        is_new = [_take_one(limit) for limit in limits]
    if any(is_new):
        _purge()


def take_delayed(limit: Limit, *, by: str) -> None:
    """Count an attempt under a limit that delays and never refuses for good.

    Beyond the limit, `by` (such as an address) gets an attempt after a wait that grows with the
    count, up to a maximum. Raises TooManyAttemptsError, and counts nothing, until that is over.
    """
    turn_key = Limit(f"{limit.scope}-turn", f"{limit.ident} {by}").key
    wait = _get_seconds_until(Attempts.objects.filter(pk=turn_key).first())
    if wait <= 0:  # else without a lock, so that a flood costs no writes
        with transaction.atomic():
            counted, is_new = _lock_count(limit)
            wait = _take_turn(turn_key, beyond=counted.count - limit.most)
            if wait <= 0:
                counted.count += 1
                counted.save()
        if is_new:
            _purge()
    if wait > 0:
        raise TooManyAttemptsError(math.ceil(wait), limit.what)


def _take_turn(key: str, *, beyond: int) -> float:
    """Return the seconds until the attempt; 0, and end the wait, where it may be made now."""
    if beyond < 0:
        return 0
    turn = Attempts.objects.filter(pk=key, ends_at__gt=timezone.now()).first()
    if turn is None:
        delay: int = min(LONGEST_DELAY, 2 ** min(beyond, LONGEST_DELAY))
        ends_at = timezone.now() + timedelta(seconds=delay + _TURN_SECONDS)
        Attempts.objects.update_or_create(key=key, defaults={"count": 0, "ends_at": ends_at})
        return delay
    wait = _get_seconds_until(turn)
    if wait <= 0:
        turn.delete()
    return wait


def _get_seconds_until(turn: Attempts | None) -> float:
    """Return the seconds until the attempt. The row ends if it is not made."""
    if turn is None:
        return 0
    left: float = (turn.ends_at - timezone.now()).total_seconds()
    return left - _TURN_SECONDS


def give_back(limits: Sequence[Limit]) -> None:
    """Take back the count of an attempt that did not fail."""
    for limit in limits:
        Attempts.objects.filter(pk=limit.key, count__gt=0).update(count=F("count") - 1)


def _check(limits: Sequence[Limit]) -> None:
    counted = Attempts.objects.in_bulk([limit.key for limit in limits])
    for limit in limits:
        if limit.key in counted:
            _check_one(limit, counted[limit.key])


def _check_one(limit: Limit, counted: Attempts) -> None:
    seconds = (counted.ends_at - timezone.now()).total_seconds()
    if seconds > 0 and counted.count >= limit.most:
        raise TooManyAttemptsError(math.ceil(seconds), limit.what)


def _take_one(limit: Limit) -> bool:
    """Count one attempt, and return whether it is the first ever under the limit."""
    counted, is_new = _lock_count(limit)
    _check_one(limit, counted)
    counted.count += 1
    counted.save()
    return is_new


def _lock_count(limit: Limit) -> tuple[Attempts, bool]:
    """Return the locked count of the present period, and whether its row is new."""
    now = timezone.now()
    counted, is_new = Attempts.objects.select_for_update().get_or_create(
        key=limit.key, defaults={"count": 0, "ends_at": now + limit.period}
    )
    if counted.ends_at <= now:
        counted.count, counted.ends_at = 0, now + limit.period
    return counted, is_new


def _purge() -> None:
    """Delete ended counts, except rows that are locked: waiting for them could deadlock."""
    ended = Attempts.objects.filter(ends_at__lte=timezone.now())
    free = ended.select_for_update(skip_locked=True).values_list("pk", flat=True)
    with transaction.atomic():
        Attempts.objects.filter(pk__in=list(free[:_PURGED_AT_ONCE])).delete()
