"""Limits on attempts that fail: counted in the database, so that all processes share them.

An attempt is counted before it is made, and given back if it succeeds: however many are made at
once, no more than the limit can fail.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import Attempts

_PURGED_AT_ONCE = 500


class TooManyAttemptsError(Exception):
    """A limit is reached; `wait` says for how many seconds more."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Limit:
    """On the attempts that have an `ident` in common; how many is in ZIGGY_ATTEMPTS, by scope."""

    scope: str
    ident: str

    @property
    def most(self) -> int:
        return int(settings.ZIGGY_ATTEMPTS[self.scope][0])

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=settings.ZIGGY_ATTEMPTS[self.scope][1])

    @property
    def key(self) -> str:
        """A hash: who it was that failed need not be stored."""
        return sha256(f"{self.scope} {self.ident}".encode()).hexdigest()


def address_of(request: HttpRequest | Request) -> str:
    """Where a request comes from: what a proxy says counts only as far as NUM_PROXIES trusts it.

    Of an IPv6 address, the network: whoever has one has all of its addresses.
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

    All callers name the scopes in one order: each waits for the rows of the one before.
    """
    _check(limits)  # without a lock, so that a flood costs no writes
    with transaction.atomic():
        is_new = [_take_one(limit) for limit in limits]
    if any(is_new):
        _purge()


def give_back(limits: Sequence[Limit]) -> None:
    """The attempt that was counted did not fail."""
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
        raise TooManyAttemptsError(wait=math.ceil(seconds))


def _take_one(limit: Limit) -> bool:
    """Count one, and whether it is the first that was ever counted there."""
    now = timezone.now()
    counted, is_new = Attempts.objects.select_for_update().get_or_create(
        key=limit.key, defaults={"count": 0, "ends_at": now + limit.period}
    )
    if counted.ends_at <= now:
        counted.count, counted.ends_at = 0, now + limit.period
    _check_one(limit, counted)
    counted.count += 1
    counted.save()
    return is_new


def _purge() -> None:
    """Drop what has ended, but for rows that somebody is counting in: waiting could deadlock."""
    ended = Attempts.objects.filter(ends_at__lte=timezone.now())
    free = ended.select_for_update(skip_locked=True).values_list("pk", flat=True)
    with transaction.atomic():
        Attempts.objects.filter(pk__in=list(free[:_PURGED_AT_ONCE])).delete()
