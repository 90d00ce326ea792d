"""Read the document of a request from its file."""

from contextlib import suppress
from dataclasses import replace

from flows.conf import ziggy
from flows.strict_json.problems import JSONProblem
from imports.errors import FileInvalid, FileTooLarge
from imports.exportfile.directory.reading import LooseFiles
from imports.exportfile.document import ExportDocument, parse
from imports.exportfile.unpacking import locate, unpack_export
from imports.importing.request import ImportRequest
from imports.importing.saved_plan import check_origin, find_decisions
from imports.parsed.store import find_parsed


def unpack_request(request: ImportRequest) -> ImportRequest:
    """Return the request with the content of its file, where that is in gzip or an archive.

    What is kept of a file, its digest and its size, is of the content, so that a plan for a file is
    good for the same file in gzip, and one for a directory for each archive of it. A request whose
    file cannot be unpacked is returned as it is: `read_document` refuses it then, after the rights
    were checked, and in the run's record.
    """
    with suppress(FileTooLarge, FileInvalid, JSONProblem):
        source = _get_source(request)
        content = unpack_export(source, max_bytes=ziggy.MAX_IMPORT_BYTES)
        if content is not source:
            return replace(request, payload=content, packed=source)
    return request


def _get_source(request: ImportRequest) -> bytes | LooseFiles:
    """Return what the document is to be read from: a directory, until that is unpacked."""
    return request.packed if request.packed and not request.payload else request.payload


def read_document(request: ImportRequest, *, sha256: str | None = None) -> ExportDocument:
    """Return the request's document. `sha256` is that of its content, where it is known.

    Raises FileTooLarge, FileUnreadable and FileInvalid: of a directory with file and line.
    """
    limit = ziggy.MAX_IMPORT_BYTES
    source = _get_source(request)
    try:
        return parse(source, max_bytes=limit, sha256=sha256, find_known=find_parsed)
    except FileInvalid as error:
        if request.packed is None:
            raise
        raise locate(error, request.packed, max_bytes=limit) from None


def read_request(
    request: ImportRequest, *, sha256: str, document: ExportDocument | None = None
) -> tuple[ExportDocument, ImportRequest]:
    """Return the request's document, and the request with its decisions on the document's items.

    A `document` of the same file is used instead of reading the file again. Raises StalePlan where
    a saved plan is for another file or server, what `read_document` raises, and PlanRefused where
    decisions do not fit the document.
    """
    check_origin(request, sha256)
    document = document or read_document(request, sha256=sha256)
    return document, replace(request, decisions=find_decisions(request, document))
