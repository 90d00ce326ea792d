"""Check whether the configured keys are those of the database, by a row that any of them opens.

The row is made when the next secret is sealed, or the keys are rotated, with the keys that are
configured then. Where there are values and no such row, the newest one must open first, so that no
row is made with a wrong key. A registered server's database has its own row.
"""

from flows.encryption import Sealed, seal
from flows.models import EncryptionCanary, Secret

_KNOWN = "ziggy"
_PK = 1


def check_keys_open(*, may_write: bool = True) -> None:
    """Raise WrongKeyError where no configured key opens what the current database has sealed.

    Makes the canary where there is none, if it `may_write`.
    """
    canary = EncryptionCanary.objects.filter(pk=_PK).first()
    if canary is None:
        _check_stored()
        if not may_write:
            return
        # Another process may have made one meanwhile, with other keys: that one counts.
        canary, _ = EncryptionCanary.objects.get_or_create(
            pk=_PK, defaults={"token": _make_token()}
        )
    Sealed(canary.token).reveal()


def rotate_canary() -> None:
    """Seal the canary with the current key. Raises WrongKeyError where no key opens it."""
    check_keys_open()
    canary = EncryptionCanary.objects.select_for_update().get(pk=_PK)
    sealed = Sealed(canary.token)
    if (rotated := sealed.rotate()) is not sealed:
        canary.token = rotated.token
        canary.save()


def _make_token() -> str:
    return seal(_KNOWN).token


def _check_stored() -> None:
    stored = Secret.objects.exclude(dev_value=None, prod_value=None).order_by("-pk").first()
    if stored:
        stored.check_values_open()
