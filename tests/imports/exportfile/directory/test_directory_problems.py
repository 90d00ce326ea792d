"""A bad directory is refused with every problem, by its file and line; nothing is guessed."""

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from imports.errors import FileInvalid, FileUnreadable
from imports.exportfile.directory.reading import LooseFiles
from imports.exportfile.document import ExportDocument
from tests.support.archiving import add_to_tar
from tests.support.directories import DIRECTORY_ID, read_export, split_document, zip_files
from tests.support.importing import uuid_of

CODE = "const a = 1;\nconst b = 2;\nreturn a;\n"
FLOW = "flows/orders/flow.json"
LAYOUT = "flows/orders/layout.json"
JS = "flows/orders/code/price-n1.jscode.js"
DOCUMENT = {
    "flows": [
        {
            "uuid": uuid_of("a", 1),
            "name": "Orders",
            "timeout": 60,
            "nodes": [
                {
                    "id": "n1",
                    "type": "code",
                    "position": {"x": 1, "y": 2},
                    "data": {"label": "Price", "jsCode": CODE},
                }
            ],
            "edges": [],
        }
    ],
    "connections": [{"uuid": uuid_of("b", 1), "name": "Shop", "devValue": None}],
    "secrets": [{"uuid": uuid_of("c", 1), "name": "TOKEN"}],
}
MERGED = b"<<<<<<< HEAD\nconst a = 1;\n=======\nconst a = 2;\n>>>>>>> theirs\n"
Files = dict[str, bytes]
Change = Callable[[Files], Any]


def read(files: Files) -> ExportDocument:
    """Read the directory, with the files and lines of its problems."""
    return read_export(zip_files(files))


def tar_with_links(files: Files, links: list[str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in files.items():
            add_to_tar(archive, f"shop/{path}", content)
        for path in links:
            add_to_tar(archive, f"shop/{path}", type=tarfile.LNKTYPE, linkname="shop/LICENSE")
    return out.getvalue()


def replace(path: str, old: bytes, new: bytes) -> Change:
    def change(files: Files) -> None:
        assert old in files[path]
        files[path] = files[path].replace(old, new, 1)

    return change


def add(path: str, content: bytes) -> Change:
    return lambda files: files.update({path: content})


def remove(*paths: str) -> Change:
    return lambda files: [files.pop(path) for path in paths]


def test_the_directory_of_these_tests_is_good() -> None:
    document = read(split_document(DOCUMENT))
    assert len(document) == 3
    assert document.directory_id == DIRECTORY_ID
    assert [item.warnings for item in document] == [(), (), ()]


NO_REFERENCE = '"$file": "code/price-n1.jscode.js"'
PROBLEMS: dict[str, tuple[Change, list[tuple[str, str]]]] = {
    "a file that is named is missing": (
        remove(JS),
        [("missing-file", f"{FLOW}:11")],
    ),
    "a folder without its flow": (
        remove(FLOW),
        [("missing-file", FLOW)],
    ),
    "a flow without its layout": (
        remove(LAYOUT),
        [("missing-file", LAYOUT)],
    ),
    "two files for one uuid": (
        lambda files: files.update({f"flows/copy/{name}": files[f"flows/orders/{name}"] for name in ("flow.json", "layout.json", "code/price-n1.jscode.js")}),
        [("duplicate-uuid", f"{FLOW}:2")],
    ),
    "two files for one secret": (
        add("secrets/other.json", b'{"uuid": "%b",\n"name": "TOKEN"}' % uuid_of("c", 2).encode()),
        [("duplicate-name", "secrets/token.json:3")],
    ),
    "conflict markers in code": (
        add(JS, b"// a\n" + MERGED),
        [("merge-conflict", f"{JS}:2")],
    ),
    "conflict markers in a flow": (
        replace(FLOW, b'  "timeout": 60,\n', b'<<<<<<< HEAD\n  "timeout": 60,\n=======\n  "timeout": 61,\n>>>>>>> b\n'),
        [("merge-conflict", f"{FLOW}:4")],
    ),
    "conflict markers in a layout, written in Windows": (
        add(LAYOUT, MERGED.replace(b"\n", b"\r\n")),
        [("merge-conflict", f"{LAYOUT}:1")],
    ),
    "conflict markers in a connection": (
        add("connections/shop.json", MERGED),
        [("merge-conflict", "connections/shop.json:1")],
    ),
    "a reference to a file above": (
        replace(FLOW, b"code/price-n1.jscode.js", b"../../secrets/token.json"),
        [("unsafe-path", f"{FLOW}:11")],
    ),
    "a reference to a file above its code": (
        replace(FLOW, b"code/price-n1.jscode.js", b"code/../layout.json"),
        [("unsafe-path", f"{FLOW}:11")],
    ),
    "a reference to the folder": (
        replace(FLOW, b"code/price-n1.jscode.js", b"code/.."),
        [("unsafe-path", f"{FLOW}:11")],
    ),
    "an absolute reference": (
        replace(FLOW, b"code/price-n1.jscode.js", b"/etc/passwd"),
        [("unsafe-path", f"{FLOW}:11")],
    ),
    "a reference to another flow's code": (
        replace(FLOW, b"code/price-n1.jscode.js", b"../other/code/a.js"),
        [("unsafe-path", f"{FLOW}:11")],
    ),
    "a reference with other keys": (
        replace(FLOW, NO_REFERENCE.encode(), f'{NO_REFERENCE}, "a": 1'.encode()),
        [("wrong-reference", f"{FLOW}:11")],
    ),
    "a reference that is no text": (
        replace(FLOW, NO_REFERENCE.encode(), b'"$file": 5'),
        [("wrong-reference", f"{FLOW}:11")],
    ),
    "a code file that is no text": (
        add(JS, b"a\n\xff\n"),
        [("invalid-encoding", f"{JS}:2")],
    ),
    "a code file with a NUL": (
        add(JS, b"a\n\nb\0\n"),
        [("nul-character", f"{JS}:3")],
    ),
    "a flow that is no JSON": (
        replace(FLOW, b'"timeout": 60,', b'"timeout": 60;'),
        [("invalid-json", f"{FLOW}:4")],
    ),
    "a flow that ends in the middle": (
        lambda files: files.update({FLOW: files[FLOW][:60]}),
        [("invalid-json", f"{FLOW}:3")],
    ),
    "an empty flow": (
        add(FLOW, b""),
        [("invalid-json", f"{FLOW}:1")],
    ),
    "a key that stands twice": (
        replace(FLOW, b'"timeout": 60,', b'"timeout": 60,\n  "timeout": 61,'),
        [("duplicate-key", f"{FLOW}:5")],
    ),
    "a flow that is a list": (
        add(FLOW, b"[]"),
        [("wrong-type", f"{FLOW}:1")],
    ),
    "a flow with a byte order mark": (
        lambda files: files.update({FLOW: b"\xef\xbb\xbf" + files[FLOW]}),
        [("invalid-json", f"{FLOW}:1")],
    ),
    "a wrong value": (
        replace(FLOW, b'"timeout": 60', b'"timeout": "soon"'),
        [("wrong-type", f"{FLOW}:4: timeout")],
    ),
    "a wrong value in a connection": (
        replace("connections/shop.json", b'"devValue": null', b'"devValue": 5'),
        [("wrong-type", "connections/shop.json:4: devValue")],
    ),
    "two wrong files, both told": (
        lambda files: (files.pop(JS), files.update({"secrets/token.json": b"{"})),
        [("missing-file", f"{FLOW}:11"), ("invalid-json", "secrets/token.json:1")],
    ),
    "code in a layout, which hosts fold": (
        replace(LAYOUT, b'"position"', b'"data": {"jsCode": "bad()"}, "position"'),
        [("unknown-key", f"{LAYOUT}:4")],
    ),
    "an unknown key of a layout": (
        replace(LAYOUT, b'"nodes"', b'"more": 1,\n  "nodes"'),
        [("unknown-key", f"{LAYOUT}:2")],
    ),
    "a layout of nodes that is a list": (
        add(LAYOUT, b'{"nodes": []}'),
        [("wrong-type", f"{LAYOUT}:1")],
    ),
    "a layout of a node that is a number": (
        add(LAYOUT, b'{"nodes": {"n1": 1}}'),
        [("wrong-type", f"{LAYOUT}:1")],
    ),
    "a position in both files": (
        replace(FLOW, b'"type": "code",', b'"type": "code", "position": null,'),
        [("layout-twice", f"{FLOW}:8")],
    ),
    "a flow beside its folder": (
        add("flows/orders.json", b"{}"),
        [("misplaced-file", "flows/orders.json")],
    ),
    "a connection in a folder": (
        add("connections/shop/shop.json", b"{}"),
        [("misplaced-file", "connections/shop/shop.json")],
    ),
    "no version": (
        replace("ziggy.json", b'"formatVersion": 1', b'"formatVersion": null'),
        [("unsupported-version", "ziggy.json")],
    ),
    "a version of tomorrow": (
        replace("ziggy.json", b'"formatVersion": 1', b'"formatVersion": 2'),
        [("unsupported-version", "ziggy.json")],
    ),
    "an id that is none": (
        replace("ziggy.json", DIRECTORY_ID.encode(), b"../x"),
        [("invalid-uuid", "ziggy.json")],
    ),
    "a head that is no JSON": (
        add("ziggy.json", b"{"),
        [("invalid-json", "ziggy.json:1")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "found"), PROBLEMS.values(), ids=PROBLEMS)
def test_each_problem_is_told_with_its_file_and_line(
    change: Change, found: list[tuple[str, str]]
) -> None:
    files = split_document(DOCUMENT)
    change(files)
    with pytest.raises(FileInvalid) as refused:
        read(files)
    assert [(issue.code, issue.path) for issue in refused.value.issues] == found
    assert refused.value.message.startswith("The directory is no valid export. ")
    for issue in refused.value.issues:
        assert issue.message.endswith(".")


def test_links_are_told_of_among_all_problems() -> None:
    """Nothing else is said of what is a link; all other files are read as if there were none."""
    files = split_document(DOCUMENT) | {"connections/shop.json": MERGED}
    places = [JS, LAYOUT, "flows/folder", "secrets/token.json", "README.md"]
    for links in (places, [*places, "ziggy.json"]):
        own = {path: content for path, content in files.items() if path not in links}
        for given in (LooseFiles(files=own, links=links), tar_with_links(own, links)):
            with pytest.raises(FileInvalid) as refused:
                read_export(given)
            assert [(issue.code, issue.path) for issue in refused.value.issues] == [
                *(("link-in-directory", path) for path in sorted(links)),
                ("merge-conflict", "connections/shop.json:1"),
            ]


def test_a_deep_flow_is_refused() -> None:
    files = split_document(DOCUMENT)
    files[FLOW] = files[FLOW].replace(b'"edges": []', b'"edges": ' + b"[" * 70 + b"]" * 70)
    with pytest.raises(FileInvalid, match=r"flow\.json"):
        read(files)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (remove("ziggy.json"), "no-directory"),
        (add("copy/ziggy.json", b"{}"), "several-directories"),
    ],
    ids=["none", "several"],
)
def test_an_archive_has_exactly_one_directory(change: Change, code: str) -> None:
    files = split_document(DOCUMENT)
    change(files)
    with pytest.raises(FileUnreadable) as refused:
        read(files)
    assert refused.value.code == code


def test_the_directory_may_lie_in_folders_of_the_archive() -> None:
    files = {f"shop-1a2b3c/flows/{path}": each for path, each in split_document(DOCUMENT).items()}
    files["shop-1a2b3c/README.md"] = b"of the repository"
    files["shop-1a2b3c/flows/README.md"] = b"of the directory"
    assert len(read(files)) == 3


def test_line_ends_of_a_checkout_are_no_change() -> None:
    files = split_document(DOCUMENT)
    expected = read(files)
    changed = {path: each.replace(b"\n", b"\r\n") for path, each in files.items()}
    assert read(changed).sha256 == expected.sha256


def test_the_same_directory_in_any_order_is_the_same_document() -> None:
    files = split_document(DOCUMENT)
    backwards = dict(reversed(files.items()))
    assert read(backwards).sha256 == read(files).sha256


def test_what_lies_in_a_flow_and_is_named_by_nothing_is_warned_of() -> None:
    files = split_document(DOCUMENT)
    files["flows/orders/code/old.js"] = b"old()"
    layout = json.loads(files[LAYOUT])
    layout["nodes"]["gone"] = {"position": None}
    files[LAYOUT] = json.dumps(layout).encode()
    (warning,) = next(iter(read(files))).own_warnings
    assert warning.code == "leftover-files"
    assert warning.text == (
        'nothing in the flow names "code/old.js" and "gone" of its folder, which is ignored: '
        "remove it, or name it in flow.json"
    )
    assert warning.data == {"files": ["code/old.js", "gone"], "more": 0}
