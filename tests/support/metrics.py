"""Metrics in tests: what is exported, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from imports.metrics.instruments import write_exposition


def exported(text=None):
    """Each sample's value, by the name of its series and its labels."""
    families = text_string_to_metric_families(text or write_exposition().decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value_of(name, **labels):
    return exported().get((name, *sorted(labels.items())), 0)
