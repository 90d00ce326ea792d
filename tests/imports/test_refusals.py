"""A refusal says what is wrong and what to do, each in a field, and both together for people."""

from http import HTTPStatus

import pytest

from flows.rest.requests.refusals import Refused, make_permission_refusal
from flows.strict_json.problems import JSONProblem, make_depth_problem
from imports.errors import StalePlan
from imports.runs.staleness import make_stale_error


@pytest.mark.parametrize(
    "refusal",
    [
        StalePlan("stale-plan", "It was changed.", remedy="Run it again."),
        Refused(HTTPStatus.CONFLICT, "stale-plan", "It was changed.", remedy="Run it again."),
    ],
)
def test_people_are_told_what_is_wrong_and_what_to_do(refusal):
    assert (refusal.reason, refusal.remedy) == ("It was changed.", "Run it again.")
    assert refusal.message == str(refusal) == "It was changed. Run it again."


@pytest.mark.parametrize(
    "refusal",
    [
        StalePlan("stale-plan", "It was changed."),
        Refused(HTTPStatus.CONFLICT, "stale-plan", "It was changed."),
    ],
)
def test_without_a_remedy_the_reason_is_all(refusal):
    assert refusal.remedy == ""
    assert refusal.message == str(refusal) == refusal.reason


def test_a_plan_that_is_stale_says_that_nothing_was_written():
    error = make_stale_error("A secret got a value meanwhile.", again="Run the import again.")
    assert error.reason == "A secret got a value meanwhile."
    assert error.message == (
        "A secret got a value meanwhile. Nothing was written. Run the import again."
    )


def test_who_lacks_a_right_is_told_who_gives_it():
    refused = make_permission_refusal("Your account may not do this.", "flows.add_flow")
    assert refused.message == "Your account may not do this. An administrator can give the right."


def test_a_problem_is_of_what_the_door_reads():
    assert make_depth_problem().message == "A file may be nested at most 64 deep."
    assert (
        make_depth_problem().format_message("The body") == "The body may be nested at most 64 deep."
    )


def test_a_problem_of_a_value_is_the_same_at_every_door():
    problem = JSONProblem("duplicate-key", "A key stands twice in one object.")
    assert problem.format_message("The body") == problem.message == str(problem)
