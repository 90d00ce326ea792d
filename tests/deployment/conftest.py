"""The deployment that compose.yaml describes, run once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.composed import Deployment
from tests.support.deployment import find_nginx, log_in
from tests.support.image import Stage, build


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[Stage]:
    """The stages of the image, each with its files."""
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, stages: list[Stage]
) -> Iterator[Deployment]:
    """nginx, gunicorn, two workers and PostgreSQL, with the account ada."""
    find_nginx()
    with Deployment(tmp_path_factory.mktemp("compose"), stages[-1], {}).run() as running:
        yield running


@pytest.fixture(scope="session")
def token(deployment: Deployment) -> str:
    """A token of ada's, for the API."""
    return log_in(deployment)
