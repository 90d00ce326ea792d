"""Check that a release is consistent, or print its notes: see docs/how-to/release.md.

    python -m tools.release --check    exit with 1 and every problem, or with 0
    python -m tools.release --notes    the release's part of CHANGELOG.md, for its tag

The version is that of `flows/__init__.py`. Nothing is written.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows import __version__
from tools.schema_dump import DUMPS, EXPORT_SUFFIX

ROOT = Path(__file__).parents[1]
VENDORS = ("sqlite", "postgresql")
UPGRADE_HEADING = "### Upgrade"

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_APPLIED = re.compile(r"""django_migrations"? VALUES ?\(\d+, ?'(\w+)', ?'(\w+)'""")

Migration = tuple[str, str]
"""App and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What a release is made from."""

    version: str
    changelog: str
    migrations: frozenset[Migration]
    """Those of the apps of the project."""
    dumps: Mapping[str, str]
    """The dump of the version for each kind of database that has one with its export."""
    head: str
    """The commit that is checked out."""
    tagged: str | None
    """The commit that has the tag of the version, if there is that tag."""
    changed: tuple[str, ...]
    """The files that differ from that commit."""


def find_problems(tree: Tree) -> Iterator[str]:
    """Yield what stands against releasing the tree, each with what to do."""
    if not _VERSION.fullmatch(tree.version):
        yield f"The version {tree.version} is not three numbers: correct flows/__init__.py."
    yield from _find_problems_of_changelog(tree)
    yield from _find_problems_of_dumps(tree)
    if tree.tagged not in {None, tree.head}:
        yield (
            f"The tag {make_tag(tree.version)} is on another commit, {tree.tagged}: a version is "
            "released once. Set a new one in flows/__init__.py."
        )
    if tree.changed:
        yield f"Not committed: {', '.join(tree.changed)}."


def _find_problems_of_changelog(tree: Tree) -> Iterator[str]:
    heading = next(iter(_HEADING.findall(tree.changelog)), "")
    version, _, day = heading.partition(" - ")
    if version != tree.version:
        yield f'The first heading of CHANGELOG.md is "{heading}", and not of {tree.version}.'
        return
    if not _is_date(day):
        yield f'CHANGELOG.md says "{day}" of {version}: write the date of the release.'
    if UPGRADE_HEADING not in read_notes(tree.changelog, version).splitlines():
        yield f'CHANGELOG.md has no "{UPGRADE_HEADING}" for {version}.'


def _find_problems_of_dumps(tree: Tree) -> Iterator[str]:
    for vendor in VENDORS:
        if vendor not in tree.dumps:
            yield f"There is no dump of {tree.version} for {vendor}: see tools/schema_dump.py."
            continue
        apps = {app for app, _ in tree.migrations}
        dumped = {found for found in find_applied(tree.dumps[vendor]) if found[0] in apps}
        if differing := sorted(dumped ^ tree.migrations):
            names = ", ".join(f"{app}.{name}" for app, name in differing)
            yield f"The dump for {vendor} is not of today's migrations: {names}. Make it again."


def find_applied(dump: str) -> set[Migration]:
    """Return the migrations that were applied to a dumped database."""
    return set(_APPLIED.findall(dump))


def make_tag(version: str) -> str:
    """Return the name of the version's tag."""
    return f"v{version}"


def read_notes(changelog: str, version: str) -> str:
    """Return the part of the changelog under the version's heading; empty where it has none."""
    _, *parts = re.split(r"^## ", changelog, flags=re.MULTILINE)
    for part in parts:
        heading, _, notes = part.partition("\n")
        if heading.partition(" - ")[0] == version:
            return notes.strip()
    return ""


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def read_tree() -> Tree:
    """Return the tree that is checked out."""
    return Tree(
        version=__version__,
        changelog=_read_changelog(),
        migrations=frozenset(
            (path.parts[-3], path.stem)
            for app in ("accounts", "flows", "imports")
            for path in (ROOT / app / "migrations").glob("[0-9]*.py")
        ),
        dumps=dict(_read_dumps(DUMPS / __version__)),
        head=_git("rev-parse", "HEAD") or "",
        tagged=_git("rev-parse", "--verify", f"refs/tags/{make_tag(__version__)}^{{commit}}"),
        changed=tuple((_git("status", "--porcelain") or "").splitlines()),
    )


def _read_changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text()


def _read_dumps(folder: Path) -> Iterator[tuple[str, str]]:
    for vendor in VENDORS:
        dump = folder / f"{vendor}.sql"
        if dump.is_file() and dump.with_name(f"{vendor}{EXPORT_SUFFIX}").is_file():
            yield vendor, dump.read_text()


def _git(*arguments: str) -> str | None:
    """Return what git prints; None where it fails."""
    done = subprocess.run(  # noqa: S603 - no shell, and all arguments are ours
        ["git", *arguments],  # noqa: S607 - the git of PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.rstrip() if done.returncode == 0 else None


def main(arguments: list[str] | None = None) -> int:
    """Check the release or print its notes; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="say what stands against a release")
    action.add_argument("--notes", action="store_true", help="print what the release brings")
    if parser.parse_args(arguments).notes:
        print(read_notes(_read_changelog(), __version__))
        return 0
    problems = list(find_problems(read_tree()))
    print(*problems or [f"{make_tag(__version__)} can be released."], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
