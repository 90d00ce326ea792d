"""A file that is sent to a page: counted while it is received."""

from django.http import HttpRequest

from flows.conf import ziggy
from imports.exportfile.size_limit import make_too_large_error
from imports.uploads.uploaded_file import FileCollector, get_longest_body


def start_receiving(request: HttpRequest) -> FileCollector:
    """Set what receives the request's files, and return it.

    Call it before the form is read, also before the CSRF check, which reads it: such a view is
    exempt, and checks behind this. Raises FileTooLarge where the request says so by its length.
    """
    limit = ziggy.MAX_IMPORT_BYTES
    collector = FileCollector(limit)
    request.upload_handlers = [collector]
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length[:20]) > get_longest_body(limit):
        raise make_too_large_error(limit)
    return collector
