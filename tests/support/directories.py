"""The directory form of a document, made and read in memory."""

import io
import json
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.content import canonical
from flows.content.fields import Kind
from imports.errors import FileInvalid
from imports.exportfile.directory.form import (
    HEAD_FILE,
    TIME_KEYS,
    make_head,
    name_item_files,
)
from imports.exportfile.directory.reading import LooseFiles, find_directory, join_directory
from imports.exportfile.directory.splitting import split_item_into
from imports.exportfile.document import ExportDocument, parse
from imports.exportfile.unpacking import locate
from tests.support.importing import export_file

DIRECTORY_ID = "00000000-0000-4000-8000-00000000000d"
OTHER_DIRECTORY_ID = "00000000-0000-4000-8000-0000000000d2"


def split_document(
    document: Mapping[str, Any], *, directory_id: str = DIRECTORY_ID
) -> dict[str, bytes]:
    """Return the files of a one-file export, by their paths."""
    files = {HEAD_FILE: make_head(directory_id)}
    for kind in Kind:
        items = document.get(kind.plural, [])
        paths = name_item_files(kind, ((item["uuid"], item["name"]) for item in items))
        for item in items:
            files |= split_item_into(paths[item["uuid"]], kind, item)
    return files


def a_directory(*items: dict[str, Any], of: str = DIRECTORY_ID) -> bytes:
    """Return a zip of the directory of that id with these items."""
    return zip_files(split_document(json.loads(export_file(*items)), directory_id=of))


def join_files(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the one-file export of a directory."""
    document: dict[str, Any] = json.loads(join_directory(find_directory(LooseFiles(files=files))))
    return document


def normalize(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what counts of a document: its items by kind and uuid, without their times."""
    return {
        kind: {
            item["uuid"]: canonical.encode(
                {key: value for key, value in item.items() if key not in TIME_KEYS}
            )
            for item in document.get(kind.plural, [])
        }
        for kind in Kind
    }


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return packed.getvalue()


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a directory."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def read_files(root: Path) -> dict[str, bytes]:
    """Return all files of a directory but those of git, by their paths in it."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def git(root: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git there, as nobody in particular and with no settings of the machine."""
    return subprocess.run(
        [
            "git",
            *("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"),
            *("-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"),
            *words,
        ],
        cwd=root,
        check=check,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(root)},
    )


def read_export(archive: bytes | LooseFiles) -> ExportDocument:
    """Read an archive or a directory as an import does. Raises FileInvalid with files and lines."""
    try:
        return parse(archive, max_bytes=10**8)
    except FileInvalid as error:
        raise locate(error, archive, max_bytes=10**8) from None
