"""The shipped alert rules: each metric, label and word that they name is one that is exported."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml
from django.conf import settings

from imports.metrics.catalog import METRICS, Metric, MetricType

RULES = Path(settings.BASE_DIR, "deploy", "alerts.yml")
OF_PROMETHEUS = {"up": {"job", "instance"}}
"""What Prometheus itself adds, with the labels that it has."""
ADDED = {"job", "instance"}
"""Labels of every series, by the configuration of Prometheus."""


def rules():
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


def series() -> dict[str, tuple[Metric, set[str]]]:
    """The names of all series, with their metric and their labels."""
    found = {}
    for metric in METRICS:
        labels = {*metric.labels, *ADDED}
        if metric.type is MetricType.HISTOGRAM:
            found[f"{metric.name}_bucket"] = metric, {*labels, "le"}
            found[f"{metric.name}_sum"] = found[f"{metric.name}_count"] = metric, labels
        else:
            found[metric.name] = metric, labels
    return found


def find_problems(expression: str) -> list[str]:
    """What an expression names and the code does not export. Raises ValueError for bad syntax."""
    selectors, groupings = [], []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            selectors.append(node)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            groupings.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    problems = [problem for each in selectors for problem in find_problems_of(each)]
    for node in groupings:
        inner = []
        promql_parser.walk(
            node.expr,
            lambda each, inner=inner: (
                inner.append(each.name) if isinstance(each, promql_parser.VectorSelector) else None
            ),
        )
        problems += [
            f"{name} has no label {label}"
            for name in inner
            for label in node.modifier.labels
            if label not in labels_of(name)
        ]
    return problems


def labels_of(name):
    return OF_PROMETHEUS.get(name) or series().get(name, (None, set()))[1]


def find_problems_of(selector):
    name = selector.name
    if name not in series() and name not in OF_PROMETHEUS:
        return [f"{name} is not exported"]
    problems = []
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels_of(name):
            problems.append(f"{name} has no label {matcher.name}")
            continue
        metric = series()[name][0] if name in series() else None
        known = metric.labels[matcher.name].values if metric else ()
        unknown = {*matcher.value.split("|")} - {*known} if known else set()
        problems += [f"{name}: {matcher.name} is never {word}" for word in sorted(unknown)]
    return problems


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_what_a_rule_names_is_exported(rule):
    assert find_problems(rule["expr"]) == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_is_whole(rule):
    assert rule["alert"].startswith("Ziggy")
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    told = rule["annotations"]["summary"]
    assert told.endswith(".")
    grouped = set(re.findall(r"\$labels\.(\w+)", told))
    aggregated = re.search(r"by \(([^)]*)\)", rule["expr"])
    assert grouped <= ({*aggregated[1].split(", ")} if aggregated else grouped)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("ziggy_nothing > 1", "ziggy_nothing is not exported"),
        ("rate(ziggy_requests_total{path='/'}[5m])", "ziggy_requests_total has no label path"),
        (
            "sum by (door) (ziggy_drifted_items)",
            "ziggy_drifted_items has no label door",
        ),
        (
            'ziggy_runs_last_day{result="broken"}',
            "ziggy_runs_last_day: result is never broken",
        ),
        (
            'ziggy_security_events_total{event=~"login-failed|login-flawed"}',
            "ziggy_security_events_total: event is never login-flawed",
        ),
    ],
)
def test_what_is_not_exported_is_found(expression, problem):
    assert find_problems(expression) == [problem]


def test_a_rule_of_bad_syntax_is_found():
    with pytest.raises(ValueError, match="unclosed"):
        find_problems("sum by (ziggy_backups")


def test_no_two_rules_have_one_name():
    names = [rule["alert"] for rule in rules()]
    assert len({*names}) == len(names) > 10


def test_prometheus_takes_the_file():
    promtool = shutil.which("promtool")
    if promtool is None:
        told = "promtool is not installed: apt-get install promtool"
        if os.environ.get("ZIGGY_REQUIRE_PROMTOOL") == "1":
            pytest.fail(told)
        pytest.skip(told)
    run = subprocess.run(
        [promtool, "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert f"{len(rules())} rules found" in run.stdout


def test_each_alert_has_a_line_on_what_to_do():
    page = Path(settings.BASE_DIR, "docs", "how-to", "answer-alerts.md").read_text()
    assert re.findall(r"^\| `(Ziggy\w+)` \|", page, re.MULTILINE) == [
        rule["alert"] for rule in rules()
    ]
