"""Imports of 2,000 flows that are left to workers, with their progress seen through nginx."""

import time

import pytest

from tests.support.remote import Caller
from tests.support.workers import read_number

pytestmark = pytest.mark.deployment

FLOWS = read_number("ZIGGY_DEPLOYMENT_FLOWS", 2000)  # of which a write takes longer than a second
SOON = 10.0  # seconds: the file is taken in, and no item of it written
PHASES = ["queued", "reading", "planning", "writing", "recording"]


@pytest.fixture
def ada(deployment, token):
    return Caller(deployment, token)


def make_samples(deployment):
    """A file of so many flows as people build them, and the same after people edited them all."""
    for name, more in (("first", []), ("edited", ["--changed", str(FLOWS)])):
        path = deployment.folder / f"{name}.json"
        arguments = ["--flows", str(FLOWS), *more, "--no-prompt", "--out", str(path)]
        deployment.run_command("make_sample", *arguments)
        yield name, path.read_bytes()


def test_large_imports_are_done_one_after_the_other_and_say_how_far_they_are(deployment, ada):
    seen, records = {}, []
    for name, payload in [*make_samples(deployment)]:
        begun = time.monotonic()
        record = ada.ask(payload, key=name)
        assert time.monotonic() - begun < SOON
        assert ada.poll(record)["status"] in ("queued", "running")
        records.append(record)
        seen[record] = []
    ended = [
        ada.wait(record, see=lambda state: seen[state["id"]].append(state["progress"]))
        for record in records
    ]
    assert [record["status"] for record in ended] == ["succeeded"] * 2, ended
    assert ended[0]["counts"]["CREATE"] >= FLOWS
    assert ended[1]["counts"]["OVERWRITE"] >= FLOWS
    assert ended[0]["finishedAt"] <= ended[1]["startedAt"]
    partly = []
    for progress in seen.values():
        phases = [PHASES.index(each["phase"]) for each in progress]
        assert phases == sorted(phases)
        writing = [each for each in progress if each["phase"] == "writing" and each["total"]]
        assert [each["done"] for each in writing] == sorted(each["done"] for each in writing)
        assert all(each["total"] >= FLOWS for each in writing)
        partly += [each for each in writing if 0 < each["done"] < each["total"]]
    assert partly, seen  # numbers are kept twice a second: a quick write may have none
