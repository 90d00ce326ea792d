"""The directory of an export as a zip to download: the same export gives the same bytes."""

import gzip
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from django.http import HttpResponse

from flows.content.fields import Kind
from imports.exportfile.directory.form import make_root_files, name_item_files
from imports.exportfile.directory.splitting import split_item_into
from imports.exportfile.directory.zip_writing import write_zip

FILE_NAME = "zexport.zip"
"""The file name of a directory that a browser saves."""


class _Export(msgspec.Struct):
    flows: list[msgspec.Raw]
    connections: list[msgspec.Raw]
    secrets: list[msgspec.Raw]


class _Named(msgspec.Struct):
    uuid: str
    name: str


def make_directory_response(packed: bytes, *, directory_id: str) -> HttpResponse:
    """Return the response with which a browser saves a gzipped export as the zip of a directory."""
    content = b"".join(write_zip(_make_files(gzip.decompress(packed), directory_id)))
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
            "Content-Length": str(len(content)),
        },
    )


def _make_files(export: bytes, directory_id: str) -> Iterator[tuple[str, bytes]]:
    document = msgspec.json.decode(export, type=_Export)
    yield from make_root_files(directory_id).items()
    for kind in Kind:
        yield from _make_files_of_kind(kind, getattr(document, kind.plural))


def _make_files_of_kind(kind: Kind, items: Sequence[msgspec.Raw]) -> Iterator[tuple[str, bytes]]:
    named = [msgspec.json.decode(item, type=_Named) for item in items]
    paths: Mapping[str, str] = name_item_files(kind, ((item.uuid, item.name) for item in named))
    for one, item in sorted(zip(named, items, strict=True), key=lambda pair: paths[pair[0].uuid]):
        value = msgspec.json.decode(item)
        yield from sorted(split_item_into(paths[one.uuid], kind, value).items())
