"""The measurements on one database, in order, each on a new copy of a filled server."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.linear import CASES
from benchmarks.measure import ChildOutput, Rows, run_child
from benchmarks.scratch import DatabaseServer
from benchmarks.targets import get_sizes, name_size

EMPTY, FILLED, WHOLE, ROOM = "empty", "filled", "whole", "room"
_LEAST_TURNS = 2
_PAGES_OF_A_RUN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The files to import, and how often."""

    directory: Path
    before: Path
    after: Path
    items: int
    runs: int
    scales: dict[int, tuple[Path, Path]] = field(default_factory=dict)
    """By number of flows, a file and one that changes all its flows; empty for real files."""
    shrink: int = 1
    """The divisor of the linear cases' sizes."""
    is_generated: bool = True

    @property
    def peer_flows(self) -> int:
        """Return how many flows the peers get: a fifth, since they are slow."""
        return max(self.items // 5, 1)


class Bench:
    """Measures on one server; calls `print_rows` with the rows of each group when it is done."""

    def __init__(
        self, server: DatabaseServer, sample: Sample, print_rows: Callable[[Rows], None]
    ) -> None:
        self._server, self._sample, self._print_rows = server, sample, print_rows
        self.rows: Rows = {}
        self.facts: dict[str, str] = {}

    def prepare(self) -> None:
        """Create the two servers that are copied."""
        url = self._server.create(EMPTY)
        self._run_at(url, "ours.migrate")
        self.facts = self._run_at(url, "ours.facts").facts
        # Without `settle`: PostgreSQL would record that the tables are empty, and plan for that
        # until it analyses them again, which it does not do during a large import.
        self._run_at(self._server.copy(EMPTY, FILLED), "ours.fill", path=self._sample.before)
        self._server.settle(FILLED)
        self._run_at(self._server.copy(FILLED, WHOLE), "whole_rows.make_whole_rows")
        self._server.settle(WHOLE)

    def measure(self, names: list[str]) -> None:
        """Measure the groups of these names."""
        for name in names:
            groups[name](self)

    def profile(self) -> str:
        """Return the profile of an overwrite."""
        return self._run(FILLED, "profiling.overwrite", path=self._sample.after).facts["profile"]

    def measure_imports(self) -> None:
        """Measure floor and product in turns."""
        sample = self._sample
        after = {"path": sample.after, "items": sample.items}
        before = {"path": sample.before, "items": sample.items}
        found: Rows = {}
        for turn in range(sample.runs):
            results = {
                "floor": self._run(WHOLE, "floor.write_slices", **after),
                "ours": self._run(FILLED, "ours.overwrite", **after),
                "known": self._run(FILLED, "ours.overwrite_known", known=sample.before, **after),
                "repeated": self._run(FILLED, "ours.repeat", **before),
                "unseen": self._run(FILLED, "ours.repeat_unseen", **before),
            }
            if turn < max(sample.runs // 2, 1):
                results["sorted"] = self._run(WHOLE, "floor.write_canonical", **after)
                results["created"] = self._run(EMPTY, "ours.create", **before)
            if turn == 0:
                self._check_floor(results)
            for result in results.values():
                _add(found, result.rows)
        self._keep(found)

    def _check_floor(self, results: dict[str, ChildOutput]) -> None:
        """Record whether the floor wrote what the product did; exit if not, for generated files."""
        ours = results["ours"].facts
        equal = (
            results["floor"].facts["value"] == ours["value"]
            and results["sorted"].facts["text"] == ours["text"]
        )
        if not equal and self._sample.is_generated:
            raise SystemExit("The floor wrote something else than the import.")
        self.facts["floor"] = "wrote the same" if equal else "did not write the same"

    def measure_steps(self) -> None:
        """Measure the steps of an overwrite."""
        job = {"path": self._sample.after, "items": self._sample.items}
        for _ in range(self._count_few_runs()):
            self._keep(self._run(FILLED, "steps.overwrite", **job).rows)

    def measure_plans(self) -> None:
        """Measure planning, and an upload in the admin."""
        payload = {"path": self._sample.after, "items": self._sample.items}
        found = self._run(FILLED, "ours.plan", **payload, runs=self._sample.runs).rows
        page = self._run(FILLED, "ours.first_page", **payload, runs=self._count_few_runs())
        self._keep({**found, **page.rows})

    def measure_status(self) -> None:
        """Measure the status of a file that was imported."""
        payload = {"path": self._sample.before, "items": self._sample.items}
        self._keep(self._run(FILLED, "ours.compare", **payload, runs=self._sample.runs).rows)

    def measure_pages(self) -> None:
        """Measure a page among many flows, and among few."""
        job = {"path": self._sample.before, "items": self._sample.items}
        runs = self._sample.runs * _PAGES_OF_A_RUN
        self._keep(self._run(EMPTY, "pages.open_flow_among_few", runs=runs).rows)
        self._keep(self._run(EMPTY, "pages.open_flow", **job, runs=runs).rows)

    def measure_exports(self) -> None:
        """Measure an export of everything."""
        self._keep(
            self._run(WHOLE, "ours.export", items=self._sample.items, runs=self._sample.runs).rows
        )

    def measure_backups(self) -> None:
        """Measure the backup of the filled server."""
        self._keep(
            self._run(FILLED, "ours.backup", items=self._sample.items, runs=self._sample.runs).rows
        )

    def measure_startup(self) -> None:
        """Measure the command as a whole process."""
        directory, runs = self._sample.directory, self._sample.runs
        self._keep(self._run(EMPTY, "startup.commands", directory=directory, runs=runs).rows)

    def measure_peers(self) -> None:
        """Measure other ways to write the same flows, in turns."""
        job: dict[str, Any] = {
            "directory": self._sample.directory,
            "flows": self._sample.peer_flows,
        }
        self._run(FILLED, "peers.prepare", path=self._sample.after, **job)
        found: Rows = {}
        for _ in range(self._count_few_runs()):
            for peer in ("load_data", "import_export", "plain_loop"):
                _add(found, self._run(FILLED, f"peers.{peer}", **job).rows)
        self._keep(found)

    def measure_scales(self) -> None:
        """Measure few flows against many."""
        for flows, (before, after) in self._sample.scales.items():
            self._keep(
                self._run(
                    EMPTY,
                    "ours.overwrite_by_turns",
                    name=name_size(flows),
                    before=before,
                    after=after,
                    items=flows,
                    runs=self._count_few_runs(),
                ).rows
            )

    def measure_directories(self) -> None:
        """Measure the way to a directory and back against that to a file, of few and many flows."""
        for flows in self._sample.scales:
            job = {"directory": self._sample.directory, "flows": flows}
            runs = self._count_few_runs()
            self._keep(self._run(EMPTY, "directories.go_there_and_back", **job, runs=runs).rows)

    def measure_linear(self) -> None:
        """Measure the files with very many of one thing."""
        for number, case in enumerate(CASES):
            size = case.size // self._sample.shrink
            for share in (size // 2, size):
                job = {"number": number, "size": share, "runs": self._count_few_runs()}
                self._keep(self._run(EMPTY, "scaling.case", **job).rows)

    def _count_few_runs(self) -> int:
        return min(self._sample.runs, max(self._sample.runs // 2, _LEAST_TURNS))

    def _run(self, state: str, work: str, **arguments: Any) -> ChildOutput:
        return self._run_at(self._server.copy(state, ROOM), work, **arguments)

    def _run_at(self, url: str, work: str, **arguments: Any) -> ChildOutput:
        return run_child(work, database_url=url, scratch=self._sample.directory, **arguments)

    def _keep(self, rows: Rows) -> None:
        _add(self.rows, rows)
        self._print_rows(rows)


def _add(rows: Rows, more: Rows) -> None:
    for name, readings in more.items():
        rows.setdefault(name, []).extend(readings)


groups: dict[str, Callable[[Bench], None]] = {
    "import": Bench.measure_imports,
    "steps": Bench.measure_steps,
    "plan": Bench.measure_plans,
    "status": Bench.measure_status,
    "page": Bench.measure_pages,
    "export": Bench.measure_exports,
    "backup": Bench.measure_backups,
    "start": Bench.measure_startup,
    "peers": Bench.measure_peers,
    "scale": Bench.measure_scales,
    "directory": Bench.measure_directories,
    "linear": Bench.measure_linear,
}
"""By the name that `--only` takes."""


def list_generated_sizes(flows: int) -> Iterator[int]:
    """Yield the numbers of flows of the files that a run needs."""
    yield from sorted({flows, *get_sizes(flows)})
