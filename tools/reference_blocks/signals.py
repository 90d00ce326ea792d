"""The blocks of what the server tells of itself: security events and metrics."""

import logging

from flows.security_events import FACTS, KINDS, SecurityEvent
from imports.metrics.catalog import METRICS, Label
from tools.reference_blocks.markdown import format_code, format_table


def list_security_events() -> str:
    """Return the table of the security events."""
    rows = [
        (
            f"`{event}`",
            logging.getLevelName(KINDS[event].level).lower(),
            KINDS[event].meaning,
            format_code(KINDS[event].facts),
        )
        for event in SecurityEvent
    ]
    return format_table(["event", "level", "meaning", "facts"], rows)


def list_security_facts() -> str:
    """Return the table of the facts of security events."""
    return format_table(
        ["fact", "what it is"], [(f"`{name}`", text) for name, text in FACTS.items()]
    )


def list_metrics() -> str:
    """Return the table of the metrics."""
    rows = [
        (
            f"`{metric.name}`",
            str(metric.type),
            metric.meaning,
            "; ".join(f"`{name}`: {_describe(label)}" for name, label in metric.labels.items()),
        )
        for metric in METRICS
    ]
    return format_table(["metric", "type", "meaning", "labels"], rows)


def _describe(label: Label) -> str:
    if label.values and len(label.values) > 8:  # noqa: PLR2004 - more are in their own table
        return "each of its words"
    return format_code(label.values) if label.values else label.described
