"""A kept plan as it is answered and applied, in the form in which it is stored. Pure."""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from imports.planfile.shape import SavedPlan

_FASTEST = 1


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a plan beside its page, so that nothing is planned to answer it."""

    data: msgspec.Raw
    """The plan as a dry run answers it."""
    markdown: str
    saved: msgspec.Raw
    """The plan that is applied."""

    def read_data(self) -> dict[str, Any]:
        """Return the plan as a dry run answers it."""
        found: dict[str, Any] = msgspec.json.decode(self.data)
        return found

    def read_saved(self) -> SavedPlan:
        """Return the plan that is applied exactly, or not at all."""
        return msgspec.json.decode(self.saved, type=SavedPlan)


def make_kept_answer(data: Mapping[str, Any], saved: SavedPlan, *, markdown: str) -> KeptAnswer:
    """Return what is kept of a plan."""
    return KeptAnswer(
        data=msgspec.Raw(msgspec.json.encode(data)),
        markdown=markdown,
        saved=msgspec.Raw(msgspec.json.encode(saved)),
    )


def pack_answer(answer: KeptAnswer) -> bytes:
    """Return it as bytes for storage."""
    return zlib.compress(msgspec.json.encode(answer), _FASTEST)


def unpack_answer(packed: bytes) -> KeptAnswer:
    """Return it from the bytes of `pack_answer`."""
    return msgspec.json.decode(zlib.decompress(packed), type=KeptAnswer)
