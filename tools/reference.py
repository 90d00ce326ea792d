"""Write the generated parts of docs/reference: `make docs`, or `python -m tools.reference`.

A page is written by hand except for its blocks, each between two comments:

    <!-- generated: exit-codes -->
    <!-- end -->

`--check` writes nothing, and exits with 1 where a committed page is not what would be written.
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_blocks(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """Return the page with its blocks generated again. Raises KeyError for an unknown block."""
    return _BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]().strip()}\n{found[3]}", text)


def main() -> int:
    """Write the pages, or check them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 if stale")
    is_check = parser.parse_args().check
    _set_up_django()
    from tools.reference_blocks import BLOCKS  # noqa: PLC0415 - needs Django

    stale = 0
    for page in sorted(PAGES.glob("*.md")):
        old = page.read_text()
        new = fill_blocks(old, BLOCKS)
        if old == new:
            continue
        stale += 1
        name = str(page.relative_to(ROOT))
        if is_check:
            lines = old.splitlines(), new.splitlines()
            print(
                *difflib.unified_diff(*lines, name, "what `make docs` writes", "", "", 1), sep="\n"
            )
        else:
            page.write_text(new)
            print(f"Written: {name}")
    return 1 if stale and is_check else 0


def _set_up_django() -> None:
    # Environment variables must not change the defaults in the reference.
    for name in os.environ:
        if name.startswith("ZIGGY_") or name in {"DATABASE_URL", "DEBUG"}:
            del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "ziggy_site.settings"
    import django  # noqa: PLC0415 - after the environment is set

    django.setup()


if __name__ == "__main__":
    sys.exit(main())
