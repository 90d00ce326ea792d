"""The profile of an overwrite, by module and by function."""

import cProfile
import io
import pstats
from collections import defaultdict
from pathlib import Path

from benchmarks import ours
from benchmarks.measure import ROOT, ChildOutput

_SHOWN = 40


def overwrite(path: str) -> ChildOutput:
    """Return the profile of an import whose items all exist and all differ, as a text."""
    profile = cProfile.Profile()
    profile.enable()
    ours.run(Path(path).read_bytes())
    profile.disable()
    text = io.StringIO()
    statistics = pstats.Stats(profile, stream=text)
    text.write(f"{'own s':>8} {'calls':>10}  module\n")
    for module, (own, calls) in _group_by_module(statistics):
        text.write(f"{own:8.3f} {calls:10,}  {module}\n")
    for order in ("tottime", "cumulative"):
        statistics.sort_stats(order).print_stats(_SHOWN)
    return ChildOutput(facts={"profile": text.getvalue().replace(f"{ROOT}/", "")})


def _group_by_module(statistics: pstats.Stats) -> list[tuple[str, tuple[float, int]]]:
    """Return own time and calls by file, or by name for C functions; most time first."""
    sums: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for (file, _, function), (_, calls, own, *_) in statistics.stats.items():  # type: ignore[attr-defined]
        module = function if file == "~" else _name_module(Path(file))
        before = sums[module]
        sums[module] = (before[0] + own, before[1] + calls)
    return sorted(sums.items(), key=lambda entry: -entry[1][0])[:_SHOWN]


def _name_module(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else Path(*file.parts[-3:]))
