"""The security event of a run or a request that its user's rights do not allow."""

from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.security_events import SecurityEvent, log_security_event
from imports.errors import NotPermitted


def log_refusal(refusal: NotPermitted, *, account: int | None = None) -> None:
    """Log the refusal, unless that was done: once, where it refuses somebody.

    `account` is the number of who asked, where the refusal does not say. A refusal that a page
    only shows, so that its user can change what is asked for, is no event.
    """
    if refusal.is_logged:
        return
    refusal.is_logged = True
    retargets = RETARGET_CONNECTIONS in refusal.permissions
    log_security_event(
        SecurityEvent.RETARGET_REFUSED if retargets else SecurityEvent.PERMISSION_REFUSED,
        account=account if refusal.account is None else refusal.account,
        permission=",".join(refusal.permissions) or None,
    )
