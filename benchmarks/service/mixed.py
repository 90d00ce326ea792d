"""Many clients at once that do what people and pipelines do, with imports in between."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.service.client import NO_ANSWER, Client, Request, run_clients
from benchmarks.service.measures import Deployed, ask, describe, import_in_worker, list_reads
from benchmarks.service.processes import find_processes, read_memory

_MIX = (*["list"] * 9, *["flow"] * 6, *["records"] * 3, "plan", "export")
"""What a client does in turn; an export-all and a plan are as one to eighteen others."""
_IMPORTED_FLOWS, _EVERY = 50, 10
"""An import of so many flows begins so many seconds after the one before has ended."""


def measure_mixed(bench: Deployed, clients: int, seconds: float) -> Iterator[list[str]]:
    """Yield a row for each kind of request, and fill in `bench.facts` what memory was used."""
    acts = list_reads(bench)
    acts["records"] = lambda client, _: ask(client, "records", "/api/imports?pageSize=20")
    stopped = threading.Event()
    imports = Counter[str]()
    memory: list[dict[str, int]] = []
    with ThreadPoolExecutor(2) as executor:
        beside = [
            executor.submit(_import_now_and_again, bench, stopped, imports),
            executor.submit(_watch_memory, bench, stopped, memory),
        ]
        samples = run_clients(
            bench.site, bench.token, clients, seconds,
            lambda client, turn: acts[_MIX[turn * 7 % len(_MIX)]](client, turn),
        )  # fmt: skip
        stopped.set()
        for each in beside:
            each.result()  # what it raised is no measurement
    bench.facts["imports"], bench.facts["memory"] = imports, memory
    bench.facts["statuses"] = Counter(sample.status for sample in samples)
    yield ["all", *describe(samples, seconds)]
    for name in dict.fromkeys(_MIX):
        yield [name, *describe(_choose(samples, name), seconds)]


def _choose(samples: list[Request], name: str) -> list[Request]:
    return [sample for sample in samples if sample.name == name]


def _import_now_and_again(bench: Deployed, stopped: threading.Event, ends: Counter[str]) -> None:
    while not stopped.wait(_EVERY):
        # Each has connections of its own: nginx closes those that rest for half a minute.
        with Client(bench.site, 240, bench.token) as client:
            record = import_in_worker(client, bench.make_file(_IMPORTED_FLOWS))
            ends[record["status"]] += 1
            ends["no answer or 5xx"] += sum(
                sample.status >= 500 or sample.status == NO_ANSWER for sample in client.samples
            )


def _watch_memory(bench: Deployed, stopped: threading.Event, found: list[dict[str, int]]) -> None:
    """Note every half a minute what the processes of each kind occupy together, in MB."""
    processes = find_processes(bench.site)
    while True:
        found.append(
            {
                "seconds": int(time.perf_counter()),
                **{
                    kind: sum(read_memory(number)["VmRSS"] for number in numbers)
                    for kind, numbers in processes.items()
                },
            }
        )
        if stopped.wait(30):
            return
