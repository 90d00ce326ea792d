"""Repeat a request without a second effect, by its `Idempotency-Key`.

The answer of the first run is kept for a day, encrypted, in the transaction of what it changed: a
process that dies in between leaves neither, and the key free. Keys are each user's own.
"""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial, wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NoReturn

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from flows.database.locks import Lock, LockHeld, hold_lock
from flows.encryption import WrongKeyError, decrypt_bytes, encrypt_bytes
from flows.models import StoredAnswer
from flows.rest.requests.refusals import Refused, make_permission_refusal
from flows.servers import get_current_database
from flows.users import User

KEY_HOURS = 24
HEADER = "Idempotency-Key"
INVALID_KEY = f"An {HEADER} must be 1 to 255 visible ASCII characters, such as a new UUID."

_KEY = re.compile(r"[!-~]{1,255}")
_SQLITE_LOCKS = 64  # files; where two keys share one, the second request at once gets a refusal

Post = Callable[..., Response]
KeyHolder = Callable[[User, str], bool]
_other_holders: list[KeyHolder] = []


def is_key(text: str) -> bool:
    """Return whether a header's text is a valid key."""
    return _KEY.fullmatch(text) is not None


def get_oldest_kept() -> datetime:
    """Return the time before which keys are free again."""
    return timezone.now() - timedelta(hours=KEY_HOURS)


def is_answered(user: User | None, key: str | None) -> bool:
    """Return whether the answer to the request with this key is kept here."""
    return key is not None and _find_answers(user, key).exists()


def register_holder(holds: KeyHolder) -> None:
    """Register a function that returns whether a user's key is used by another kind of request."""
    _other_holders.append(holds)


def mark_as_taking_key(post: Post) -> Post:
    """Mark a view's method as taking a key, for the documentation and for tests.

    Used alone for methods that keep the answers of their keys in a record of their own.
    """
    post.takes_idempotency_key = True  # type: ignore[attr-defined]
    return post


def answer_once(*, in_transaction: bool = True) -> Callable[[Post], Post]:
    """Return a decorator: a view's method runs once for a key, repetitions get the first answer.

    With `in_transaction` the method and the storing of its answer are one transaction. Without, a
    process that dies between the two leaves the effect and a free key: for methods that cannot run
    in a transaction, and do no harm when they run twice.
    """

    def decorate(post: Post) -> Post:
        @mark_as_taking_key
        @wraps(post)
        def post_once(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            run = partial(post, self, request, *args, **kwargs)
            key = request.headers.get(HEADER)
            if key is None:
                return run()
            if not is_key(key):
                raise Refused(HTTPStatus.BAD_REQUEST, "invalid-idempotency-key", INVALID_KEY)
            return _run_once(request, key, run, in_transaction=in_transaction)

        return post_once

    return decorate


def drop_expired_answers() -> None:
    """Delete the answers that are more than a day old."""
    expired = StoredAnswer.objects.filter(created_at__lt=get_oldest_kept())
    if expired.exists():  # a deletion of nothing is a transaction too
        expired.delete()


def _run_once(
    request: Request, key: str, run: Callable[[], Response], *, in_transaction: bool
) -> Response:
    user: Any = request.user
    digest = _compute_digest(request)
    try:
        with hold_lock(_make_lock(user, key), wait=0):
            if earlier := _find_answers(user, key).first():
                return _answer_again(earlier, digest, user)
            if any(holds(user, key) for holds in _other_holders):
                _refuse_mismatch()
            whole = transaction.atomic(using=get_current_database(), durable=True)
            with whole if in_transaction else nullcontext():
                response = run()
                if response.status_code < HTTPStatus.BAD_REQUEST:
                    _remember(response, user, key, digest)
                elif in_transaction:
                    transaction.set_rollback(True, using=get_current_database())
            return response
    except LockHeld:
        if earlier := _find_answers(user, key).first():
            return _answer_again(earlier, digest, user)
        raise Refused(
            HTTPStatus.CONFLICT,
            "idempotency-in-progress",
            f"The request with this {HEADER} is being carried out. Ask again when it is done.",
        ) from None


def _find_answers(user: User | None, key: str) -> Any:
    return StoredAnswer.objects.filter(user=user, key=key, created_at__gte=get_oldest_kept())


def _make_lock(user: User, key: str) -> Lock:
    digest = sha256(f"{user.pk} {key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    return Lock(number=number, file_suffix=f"key-lock-{number % _SQLITE_LOCKS}")


def _compute_digest(request: Request) -> str:
    """Return a digest that is equal for two equal requests.

    Keyed, because a body may contain a secret's value, which nobody must be able to guess from what
    is stored. A body that is no JSON says by its `describe` what it is.
    """
    body: Any = None if request.stream is None else request.data
    if hasattr(body, "describe"):
        body = body.describe()
    text = json.dumps([request.method, request.get_full_path(), body], sort_keys=True)
    return salted_hmac("flows.rest.requests.idempotency", text, algorithm="sha256").hexdigest()


def _remember(response: Response, user: User, key: str, digest: str) -> None:
    drop_expired_answers()
    body = b"" if response.data is None else JSONRenderer().render(response.data)
    StoredAnswer.objects.create(
        user=user,
        key=key,
        digest=digest,
        created_at=timezone.now(),
        status=response.status_code,
        headers={name: text for name, text in response.items() if name != "Content-Type"},
        body=encrypt_bytes(body),
        permissions=_list_rights(user),
    )


def _list_rights(user: User) -> list[str]:
    """Return the user's permissions on items and imports: a later lack of one hides the answer.

    All of them, since what an endpoint asked for is not known here.
    """
    rights = user.get_all_permissions()
    return sorted(right for right in rights if right.startswith(("flows.", "imports.")))


def _answer_again(earlier: StoredAnswer, digest: str, user: User) -> Response:
    """Return the first answer, if the user may still get it. Raises Refused."""
    if not constant_time_compare(earlier.digest, digest):
        _refuse_mismatch()
    for permission in earlier.permissions:
        if not user.has_perm(permission):
            raise make_permission_refusal("You may not do this any more.", permission)
    try:
        body = decrypt_bytes(bytes(earlier.body))
    except WrongKeyError:
        raise Refused(
            HTTPStatus.CONFLICT,
            "idempotency-answer-lost",
            "The request was carried out, and its answer cannot be read any more. Look at what is "
            f"there now, and give another request another {HEADER}.",
        ) from None
    data = json.loads(body) if body else None
    return Response(data, status=earlier.status, headers=earlier.headers)


def _refuse_mismatch() -> NoReturn:
    raise Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "idempotency-mismatch",
        f"This {HEADER} was used for another request. Give each request a key of its own.",
    )
