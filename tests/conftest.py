"""What many tests share: where the real data lies, and how a command is run."""

import os
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
from django.conf import settings as site_settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from tests.support import reset
from tests.support.slow import mark_slow_tests
from tests.support.users import staff_with

SHARED_DATA = Path(os.environ.get("ZIGGY_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

# A gate finds the same each time; `--hypothesis-profile=large` looks for more, by hand.
hypothesis.settings.register_profile(
    "gate",
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.register_profile(
    "large", hypothesis.settings.get_profile("gate"), max_examples=1000, derandomize=False
)
hypothesis.settings.load_profile("gate")


def pytest_configure() -> None:
    """Let passwords take no time to hash, and databases no time to empty."""
    quick = "django.contrib.auth.hashers.MD5PasswordHasher"
    site_settings.PASSWORD_HASHERS = [quick, *site_settings.PASSWORD_HASHERS]
    reset.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow; leave out what runs only when it is asked for by its mark."""
    mark_slow_tests(items)
    for mark in ("project", "deployment"):
        if mark not in config.option.markexpr:
            left_out = [item for item in items if item.get_closest_marker(mark)]
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in set(left_out)]


class CommandResult(NamedTuple):
    """What a command printed, and what its process would exit with."""

    out: str
    err: str
    code: int


@pytest.fixture
def shared_data() -> Path:
    """The folder of real flows and hostile files, beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the shared test data is not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def run_command(capfd: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run a management command in this process: `run_command("flow_import", "--skip", ...)`."""

    def run(name: str, *arguments: str) -> CommandResult:
        out, err = StringIO(), StringIO()
        code = 0
        capfd.readouterr()
        try:
            call_command(name, *arguments, stdout=out, stderr=err)
        except CommandError as error:
            err.write(f"CommandError: {error}\n")
            code = error.returncode
        except SystemExit as error:
            code = int(error.code or 0)
        captured = capfd.readouterr()
        return CommandResult(out.getvalue() + captured.out, err.getvalue() + captured.err, code)

    return run


@pytest.fixture(autouse=True)
def backup_directory(tmp_path: Path, settings: Any) -> Path:
    """Backups of tests go to a folder of their own."""
    directory = tmp_path / "backups"
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": directory}
    return directory


@pytest.fixture(autouse=True)
def no_collected_static_files(settings: Any) -> None:
    """Static files are found where they are: there is nothing collected in a checkout."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def _no_collected_static_files() -> Iterator[None]:
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session")
def live_server(_no_collected_static_files: None, live_server: LiveServer) -> LiveServer:
    """The server, which finds static files where they are from its start on."""
    return live_server


@pytest.fixture
def staff(client: Client) -> Callable[..., Client]:
    """Logs somebody in who has just these permissions: `staff("view_flow")`."""

    def log_in(*codenames: str) -> Client:
        client.force_login(staff_with(*codenames, name="staff"))
        return client

    return log_in
