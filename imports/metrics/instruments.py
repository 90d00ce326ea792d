"""What this process counts, as metrics of prometheus-client.

With PROMETHEUS_MULTIPROC_DIR in the environment, that adds up what all processes of a machine
count, which share that directory.
"""

import os
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from imports.metrics import catalog
from imports.metrics.catalog import Metric
from imports.metrics.readers import FigureReading, read_figures

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # the name that prometheus-client reads

_own = CollectorRegistry()


def _make_counter(metric: Metric) -> Counter:
    return Counter(metric.name, metric.meaning, [*metric.labels], registry=_own)


def _make_histogram(metric: Metric) -> Histogram:
    return Histogram(
        metric.name, metric.meaning, [*metric.labels], buckets=metric.buckets, registry=_own
    )


RUNS = _make_counter(catalog.RUNS_TOTAL)
PHASES = _make_histogram(catalog.PHASE_SECONDS)
REQUESTS = _make_counter(catalog.REQUESTS_TOTAL)
REQUEST_SECONDS = _make_histogram(catalog.REQUEST_SECONDS)
SECURITY_EVENTS = _make_counter(catalog.SECURITY_EVENTS_TOTAL)


class _Figures(Collector):
    """The figures of the server, read when they are asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return _make_families(read_figures())


def check_directory() -> None:
    """Raise OSError where this process could not count, before it has done what is counted."""
    if directory := os.environ.get(_DIRECTORY):
        with TemporaryFile(dir=directory):
            pass


def write_counts() -> bytes:
    """Return what this process alone counts, in Prometheus's text format."""
    return generate_latest(_own)


def write_exposition() -> bytes:
    """Return all metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    if os.environ.get(_DIRECTORY):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_own)
    figures: Any = CollectorRegistry()
    figures.register(_Figures())
    return generate_latest(registry) + generate_latest(figures)


def _make_families(readings: Iterable[FigureReading]) -> Iterator[GaugeMetricFamily]:
    families: dict[str, GaugeMetricFamily] = {}
    for reading in readings:
        metric = reading.metric
        family = families.setdefault(
            metric.name,
            GaugeMetricFamily(metric.name, metric.meaning, labels=[*metric.labels]),
        )
        family.add_metric([reading.labels[label] for label in metric.labels], reading.value)
    yield from families.values()
