"""What docs/explanation/capacity.md is measured with, run for a moment on the deployment."""

import pytest

from benchmarks.service.client import Client
from benchmarks.service.measures import Deployed, fill, measure_reads
from benchmarks.service.mixed import measure_mixed

pytestmark = pytest.mark.deployment


def test_reads_and_mixed_load_are_measured_without_a_failure(deployment):
    with Client(deployment, 199) as client:
        bench = Deployed(site=deployment, token=client.log_in(), flows=10)
    fill(bench)
    reads = [*measure_reads(bench, 0.5, (1,))]
    assert [row[0] for row in reads] == ["list", "flow", "export", "plan"]
    mixed = [*measure_mixed(bench, 5, 2)]
    assert {row[-1] for row in mixed} == {"0"}
    assert bench.facts["memory"][0]["web"] > 0
    assert set(bench.facts["statuses"]) == {200}
