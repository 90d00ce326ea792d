"""What is measured of the deployed service; each function returns rows of a table."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks.generate import make_export_file
from benchmarks.service.client import Client, Request, run_clients
from benchmarks.service.processes import find_processes, forget_peaks, read_memory, read_seconds
from tests.support.composed import Deployment

_KILOBYTES = 20
_ENDED = {"succeeded", "refused", "failed", "interrupted", "cancelled"}
_POLL = 0.2
_LONGEST = 600


@dataclass(kw_only=True)
class Deployed:
    """The deployed service, with somebody who is logged in."""

    site: Deployment
    token: str
    flows: int
    """How many the server holds when reading is measured."""
    revision: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def open(self, number: int = 200) -> Client:
        return Client(self.site, number, self.token)

    def make_file(self, flows: int) -> bytes:
        """Return a file of so many flows that differs from the one before in every flow."""
        self.revision += 1
        return make_export_file(flows=flows, kilobytes=_KILOBYTES, revision=self.revision)


def fill(bench: Deployed) -> None:
    """Import the flows that are read afterwards."""
    with bench.open() as client:
        record = import_in_worker(client, bench.make_file(bench.flows))
        if record["status"] != "succeeded":
            raise SystemExit(f"The service could not be filled: {record}")
        listed = json.loads(client.ask("list", "GET", "/api/flow?limit=50"))
    bench.facts["uuids"] = [flow["uuid"] for flow in listed]


def import_in_worker(client: Client, file: bytes, *, backup: bool = True) -> dict[str, Any]:
    """Leave the import of the file to a worker, and return its record when it has ended."""
    fields = {"duplicatesMode": "OVERWRITE", "noBackup": "false" if backup else "true"}
    record = client.send_file("import", "/api/flow/import", file, fields, Prefer="respond-async")
    if "id" not in record:
        raise SystemExit(f"The import was not taken: {client.samples[-1]} {record}")
    number = record["id"]
    while record.get("status") not in _ENDED:
        time.sleep(_POLL)
        record = json.loads(client.ask("poll", "GET", f"/api/imports/{number}") or "{}")
    return record


def list_reads(bench: Deployed) -> dict[str, Callable[[Client, int], None]]:
    """Return what clients ask for, by its name in the table."""
    uuids = bench.facts["uuids"]
    file = make_export_file(flows=50, kilobytes=_KILOBYTES, revision=10_000)

    def plan(client: Client, _: int) -> None:
        fields = {"duplicatesMode": "OVERWRITE", "dryRun": "true"}
        client.send_file("plan", "/api/flow/import", file, fields)

    return {
        "list": lambda client, _: ask(client, "list", "/api/flow?limit=50"),
        "flow": lambda client, turn: ask(client, "flow", f"/api/flow/{uuids[turn % len(uuids)]}"),
        "export": lambda client, _: ask(client, "export", "/api/flow/export-all"),
        "plan": plan,
    }


def ask(client: Client, name: str, path: str) -> None:
    client.ask(name, "GET", path)


def measure_reads(bench: Deployed, seconds: float, counts: tuple[int, ...]) -> Iterator[list[str]]:
    """Yield a row for each thing to ask for and each number of clients."""
    for name, act in list_reads(bench).items():
        for count in counts:
            before = read_seconds(bench.site)
            samples = run_clients(bench.site, bench.token, count, seconds, act)
            after = read_seconds(bench.site)
            used = [f"{(after[kind] - before[kind]) / len(samples) * 1000:.1f}" for kind in after]
            yield [name, str(count), *describe(samples, seconds), *used]


def describe(samples: list[Request], seconds: float) -> list[str]:
    """Return requests a second, the median, the 95th percentile and what went wrong."""
    took = [sample.seconds for sample in samples]
    cuts = quantiles(took, n=20, method="inclusive") if len(took) > 1 else took * 19
    wrong = sum(not 200 <= sample.status < 300 for sample in samples)  # 0 without an answer
    span = max(seconds, max(s.start + s.seconds for s in samples) - min(s.start for s in samples))
    return [
        f"{len(took) / span:.1f}",
        f"{median(took) * 1000:.1f}",
        f"{cuts[18] * 1000:.1f}",
        str(wrong),
    ]


def measure_imports(
    bench: Deployed, megabytes: tuple[int, ...], counts: tuple[int, ...]
) -> Iterator[list[str]]:
    """Yield a row for each size of a file and each number of imports at once, in workers."""
    for size in megabytes:
        for count in counts if size < 100 else counts[:2]:
            files = [bench.make_file(size * 1000 // _KILOBYTES) for _ in range(count)]
            yield [f"{size} MB", str(count), *_import_at_once(bench, files)]


def _import_at_once(bench: Deployed, files: list[bytes]) -> list[str]:
    processes = find_processes(bench.site)
    everyone = [number for numbers in processes.values() for number in numbers]
    forget_peaks(everyone)

    def run(number: int) -> tuple[float, float, str]:
        start = time.perf_counter()
        with bench.open(200 + number) as client:
            record = import_in_worker(client, files[number])
            sent = client.samples[0].seconds
        return time.perf_counter() - start, sent, record["status"]

    with ThreadPoolExecutor(len(files)) as pool:
        ended = list(pool.map(run, range(len(files))))
    peaks = [max(read_memory(n)["VmHWM"] for n in processes[kind]) for kind in ("web", "worker")]
    after = [max(read_memory(n)["VmRSS"] for n in processes[kind]) for kind in ("web", "worker")]
    seconds, sent, states = zip(*ended, strict=True)
    if set(states) != {"succeeded"}:
        raise SystemExit(f"An import ended otherwise: {states}")
    return [f"{max(sent):.1f}", f"{min(seconds):.1f}", f"{max(seconds):.1f}",
            *(f"{peak} / {now}" for peak, now in zip(peaks, after, strict=True))]  # fmt: skip


def measure_readers_beside_an_import(bench: Deployed, megabytes: int) -> Iterator[list[str]]:
    """Yield what readers see without an import, and while a worker imports a large file."""
    act = list_reads(bench)["list"]

    def look(client: Client, turn: int) -> None:
        act(client, turn)
        time.sleep(0.1)  # somebody who pages on; not a test of how much can be asked

    file = bench.make_file(megabytes * 1000 // _KILOBYTES)
    for count in (1, 4):
        quiet = run_clients(bench.site, bench.token, count, 20, look)
        with ThreadPoolExecutor(1) as pool, bench.open() as client:
            running = pool.submit(import_in_worker, client, file)
            while len(client.samples) < 2:  # it is taken in, and a worker has it
                time.sleep(0.05)
            busy = run_clients(
                bench.site, bench.token, count, _LONGEST, look, has_ended=running.done
            )
        file = bench.make_file(megabytes * 1000 // _KILOBYTES)
        (_, p50, p95, _), (_, p50_busy, p95_busy, wrong) = describe(quiet, 20), describe(busy, 1)
        ratio = [float(b) / float(q) for b, q in ((p50_busy, p50), (p95_busy, p95))]
        yield [
            str(count),
            p50,
            p50_busy,
            f"{ratio[0]:.2f}",
            p95,
            p95_busy,
            f"{ratio[1]:.2f}",
            wrong,
        ]
