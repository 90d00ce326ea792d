"""An export that a worker has built, for tests that need one of everything."""

import gzip
from typing import Any

from django.utils import timezone

from flows.content.fields import Kind
from imports.models import BackgroundExport, ExportStatus
from imports.uploads.stored_file import pack_file

CONTENT = b'{"exportedFrom":"local","flows":[],"connections":[],"secrets":[]}'


def store_export(user: Any) -> BackgroundExport:
    """The user's export, which was built just now."""
    return BackgroundExport.objects.create(
        user=user,
        asked_at=timezone.now(),
        finished_at=timezone.now(),
        status=ExportStatus.SUCCEEDED,
        choice={"has_everything": True},
        counts={kind.plural: 0 for kind in Kind},
        size=len(CONTENT),
        content=pack_file(gzip.compress(CONTENT)),
    )
