"""The block of the warnings, by their codes."""

from pathlib import Path

from imports.exportfile.warnings import WarningCode
from tools.reference_blocks.markdown import format_table
from tools.reference_words import WARNINGS

_ROOT = Path(__file__).resolve().parents[2]
# The codes of warnings about destinations, which are not members of WarningCode.
_DESTINATION_CODES = ("secret-to-new-destination", "code-uses-secret")


def list_warnings() -> str:
    """Return the table of the codes of warnings, the most severe first."""
    sources = "".join(source.read_text() for source in (_ROOT / "flows").rglob("*.py"))
    codes = [code for code in _DESTINATION_CODES if f'"{code}"' in sources]
    codes += [code.value for code in WarningCode]
    if unknown := set(codes) ^ WARNINGS.keys():
        raise LookupError(f"Say in tools/reference_words.py what these mean: {sorted(unknown)}")
    return format_table(["code", "meaning"], [(f"`{code}`", WARNINGS[code]) for code in codes])
