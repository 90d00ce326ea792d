"""The samples for pipelines run the one script, and give no key to whom it is not meant for."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

SAMPLES = Path(__file__).parents[2] / "samples" / "ci"
SCRIPT = "sh samples/ci/ziggy.sh"
EVERY = ("github.yml", "gitlab-ci.yml")
PLANNER, IMPORTER = "ZIGGY_PLANNER_KEY", "ZIGGY_IMPORT_KEY"
every_sample = pytest.mark.parametrize("name", EVERY)


def read(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((SAMPLES / name).read_text())
    return found


def jobs_of(name: str) -> dict[str, str]:
    """The text of each job, by its name."""
    found = read(name)
    jobs = found.get("jobs", found)
    return {job: yaml.safe_dump(steps, width=10_000) for job, steps in jobs.items()}


@every_sample
def test_the_script_does_all_of_it(name: str) -> None:
    text = "\n".join(jobs_of(name).values())
    host = name.partition("-")[0].removesuffix(".yml")
    ran = set(re.findall(rf"{SCRIPT} ([a-z-]+)", text))
    assert ran == {"plan", "apply", f"comment-{host}", f"key-{host}"}
    commands = set(re.findall(r"^\t([a-z-]+)\) ", (SAMPLES / "ziggy.sh").read_text(), re.MULTILINE))
    assert ran <= commands
    assert "curl -" not in text


@every_sample
def test_a_job_has_one_key_at_most(name: str) -> None:
    keys = {
        job: {key for key in (PLANNER, IMPORTER) if key in text}
        for job, text in jobs_of(name).items()
    }
    with_keys = {job.partition("-")[0]: found for job, found in keys.items() if found}
    assert with_keys == {"plan": {PLANNER}, "apply": {IMPORTER}}
    assert "environment: production" in next(
        text for job, text in jobs_of(name).items() if job.startswith("apply")
    )


@every_sample
def test_no_secret_is_written_down(name: str) -> None:
    text = (SAMPLES / name).read_text()
    assert not re.search(r"zgy_|ghp_|glpat-|Bearer|PRIVATE-TOKEN", text)
    for key, value in re.findall(r"(\w+(?:_KEY|_TOKEN)): *(.*)", text):
        assert re.fullmatch(r"\$\{\{ (?:secrets\.\w+|github\.token) \}\}", value), (key, value)


class TestGitHub:
    def test_code_of_a_pull_request_never_runs_with_the_rights_of_the_repository(self) -> None:
        assert "pull_request_target" not in (SAMPLES / "github.yml").read_text()
        assert set(read("github.yml")[True]) == {"pull_request", "push", "workflow_dispatch"}

    def test_each_job_has_the_rights_that_it_needs(self) -> None:
        found = read("github.yml")
        assert found["permissions"] == {}
        assert {job: steps["permissions"] for job, steps in found["jobs"].items()} == {
            "plan": {"contents": "read", "pull-requests": "write"},
            "fork": {},
            "apply": {"contents": "read", "pull-requests": "read"},
        }

    def test_no_text_of_a_pull_request_is_put_into_a_script(self) -> None:
        for job in read("github.yml")["jobs"].values():
            assert not any("${{" in step.get("run", "") for step in job["steps"])

    def test_a_fork_is_told_of_and_not_planned(self) -> None:
        jobs = read("github.yml")["jobs"]
        same = "github.event.pull_request.head.repo.full_name == github.repository"
        assert same in jobs["plan"]["if"]
        assert same.replace("==", "!=") in jobs["fork"]["if"]
        assert "secrets.ZIGGY" not in jobs_of("github.yml")["fork"]

    def test_two_imports_never_run_at_a_time(self) -> None:
        jobs = read("github.yml")["jobs"]
        assert jobs["apply"]["concurrency"]["cancel-in-progress"] is False
        assert jobs["plan"]["concurrency"]["cancel-in-progress"] is True


class TestGitLab:
    def test_a_fork_is_told_of_and_not_planned(self) -> None:
        found = read("gitlab-ci.yml")
        same = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID"
        assert same in found["plan-flows"]["rules"][0]["if"]
        assert same.replace("==", "!=") in found["fork-is-not-planned"]["rules"][0]["if"]

    def test_only_the_default_branch_is_applied_one_after_the_other(self) -> None:
        job = read("gitlab-ci.yml")["apply-flows"]
        assert [rule["if"] for rule in job["rules"]] == [
            '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'
        ]
        assert job["resource_group"] == "apply-flows"
