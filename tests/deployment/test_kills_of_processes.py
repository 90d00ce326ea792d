"""Workers that are killed and connections that are cut, at any moment: never half, never twice.

The workers are those of the deployment, and what they do is asked for and looked at through nginx.
More rounds: ZIGGY_WORKER_KILLS and ZIGGY_BACKEND_KILLS; ZIGGY_KILLED_FLOWS has the size of the file,
and ZIGGY_KILL_SEED other moments.
"""

import random
import sys
import time
from collections import Counter
from typing import Any, NamedTuple

import pytest

from tests.support.remote import Caller, make_file
from tests.support.workers import read_number

pytestmark = pytest.mark.deployment

WORKER_KILLS = read_number("ZIGGY_WORKER_KILLS", 2)
BACKEND_KILLS = read_number("ZIGGY_BACKEND_KILLS", 2)
FLOWS = read_number("ZIGGY_KILLED_FLOWS", 300)
SEED = read_number("ZIGGY_KILL_SEED", 18)

_STATE = """
    SELECT (SELECT count(*) FROM flows_flow),
        (SELECT count(*) FROM imports_importitem),
        (SELECT count(*) FROM reversion_version JOIN reversion_revision AS revision
            ON revision_id = revision.id WHERE comment = 'Pre import'),
        (SELECT array_agg(DISTINCT info) FROM flows_flow WHERE name LIKE 'Asked for %')
"""
_OTHERS = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_HOLDERS = """
    SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id IS NOT NULL
"""


class State(NamedTuple):
    """What is counted of the server: its flows, the items of all records, and the saves before runs."""

    flows: int
    items: int
    saves: int
    texts: list[str]


def look(deployment: Any) -> State:
    with deployment.connect() as connection:
        return State(*connection.execute(_STATE).fetchone())


@pytest.fixture
def ada(deployment, token):
    """Somebody who has imported a file of so many flows, and knows how long it took."""
    caller = Caller(deployment, token)
    begun = time.monotonic()
    first = caller.wait(caller.ask(make_file(FLOWS, "before"), key=f"before-{begun}"))
    assert first["status"] == "succeeded", first
    caller.longest = time.monotonic() - begun
    yield caller
    deployment.start_ended_workers_again()


def assert_whole(record: dict[str, Any], before: State, now: State, text: str) -> None:
    """All of the run is there, once, or nothing."""
    if record["status"] == "succeeded":
        assert now == State(before.flows, before.items + FLOWS, before.saves + FLOWS, [text])
        assert record["items"]["count"] == FLOWS
    else:
        assert record["status"] in ("interrupted", "failed", "refused"), record
        assert now == before
        assert record["items"]["count"] == 0
        assert record["message"]


def finish(ada: Caller, text: str, number: int, before: State) -> dict[str, Any]:
    """Wait for the run; where it did not succeed, ask for the same once more, which does."""
    ended = ada.wait(number)
    assert_whole(ended, before, look(ada.deployment), text)
    if ended["status"] != "succeeded":
        ada.deployment.start_ended_workers_again()
        again = ada.ask(make_file(FLOWS, text), key=text)
        assert again != number
        done = ada.wait(again)
        assert done["status"] == "succeeded", done
        assert_whole(done, before, look(ada.deployment), text)
    return ended


def kill_busy_worker(deployment: Any, chance: random.Random) -> bool:
    """Kill the worker that has the job, or any where none has it; return whether it had one."""
    with deployment.connect() as connection:
        holders = {number for (number,) in connection.execute(_HOLDERS)}
    busy = [worker for worker in deployment.workers if worker.number in holders]
    worker = chance.choice(busy or deployment.workers)
    worker.kill()
    return bool(busy)


def cut_connections(deployment: Any, chance: random.Random) -> int:
    """Cut one of the connections, or two, or all."""
    count = chance.choice([1, 1, 2, 100])
    with deployment.connect() as connection:
        pids = [pid for (pid,) in connection.execute(_OTHERS)]
        chosen = chance.sample(pids, min(count, len(pids)))
        for pid in chosen:
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    return len(chosen)


def tell(what: str, ends: Counter[str], begun: float) -> None:
    """Say how the rounds ended: with pytest -s."""
    taken = time.monotonic() - begun
    sys.stderr.write(f"\n{what}, {FLOWS} flows, {taken:.0f} s: {dict(sorted(ends.items()))}\n")


def test_a_worker_is_killed_at_random_moments(deployment, ada):
    chance, ends, begun = random.Random(SEED), Counter[str](), time.monotonic()
    for number in range(WORKER_KILLS):
        text, before = f"kill-{number}-of-{SEED}", look(deployment)
        record = ada.ask(make_file(FLOWS, text), key=text)
        time.sleep(chance.uniform(0, ada.longest))
        at = ada.poll(record)
        busy = kill_busy_worker(deployment, chance)
        phase = at["progress"]["phase"] if at["progress"] else at["status"]
        ended = finish(ada, text, record, before)
        deployment.start_ended_workers_again()
        ends[f"{'busy' if busy else 'idle'}, {phase} -> {ended['status']}"] += 1
    tell(f"{WORKER_KILLS} kills of workers in the first {ada.longest:.1f} s", ends, begun)


def test_connections_are_cut_at_random_moments(deployment, ada):
    chance, ends, begun = random.Random(SEED), Counter[str](), time.monotonic()
    for number in range(BACKEND_KILLS):
        text, before = f"cut-{number}-of-{SEED}", look(deployment)
        record = ada.ask(make_file(FLOWS, text), key=text)
        time.sleep(chance.uniform(0, ada.longest))
        cut_connections(deployment, chance)
        ended = finish(ada, text, record, before)
        ends[f"{ended['status']} {ended.get('code') or ''}".strip()] += 1
        ends["workers that ended"] += deployment.start_ended_workers_again()
    ends["answers of 5xx meanwhile"] = ada.unanswered
    tell(f"{BACKEND_KILLS} cuts of connections in the first {ada.longest:.1f} s", ends, begun)
