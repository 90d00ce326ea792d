"""Wrong settings of another project end in a message: never in a traceback of a command."""

import shutil

import pytest

from tests.project.made import SAMPLE
from tests.support.local_project import LocalProject

WRONG = [
    "None",
    "[]",
    "{**ZIGGY, 'BACKUP_DIR': None}",
    "{**ZIGGY, 'SERVERS': None}",
    "{**ZIGGY, 'SERVERS': 'production'}",
    "{**ZIGGY, 'ENCRYPTION_KEYS': 'a key'}",
    "{**ZIGGY, 'ENCRYPTION_KEYS': ['']}",
    "{**ZIGGY, 'LOCK_WAIT': 'x'}",
    "{**ZIGGY, 'MAX_IMPORT_BYTES': '1'}",
    "{**ZIGGY, 'SERVER_NAME': None}",
]
IMPORT = (
    "flow_import",
    "--server",
    "production",
    "--overwrite",
    "--no-prompt",
    "--file-path",
    "zexport.json",
)
COMMANDS = pytest.mark.parametrize(
    "command", [("check",), ("check", "--deploy", "--database", "default"), IMPORT], ids=" ".join
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose settings end with the Python code in the variable TRIED."""
    made = LocalProject(tmp_path_factory.mktemp("project"))
    made.add_settings('exec(os.environ.get("TRIED", ""))')
    shutil.copy(SAMPLE, made.folder / "zexport.json")
    made.manage("migrate", "-v", "0")
    return made


@COMMANDS
@pytest.mark.parametrize("value", WRONG)
def test_a_value_of_a_wrong_type_is_refused_by_the_check(project, value, command):
    printed = project.manage(*command, check=False, TRIED=f"ZIGGY = {value}")
    assert "Traceback" not in printed
    assert printed.startswith("SystemCheckError: ")
    assert "ERRORS:\n?: (ziggy.E007) " in printed
    assert "commas stand between them" not in printed or "ENCRYPTION_KEYS" in value


@COMMANDS
def test_times_without_zones_are_refused_by_the_check(project, command):
    printed = project.manage(*command, check=False, TRIED="USE_TZ = False")
    assert "Traceback" not in printed
    assert "?: (ziggy.E006) USE_TZ is False" in printed


@pytest.mark.parametrize("missing", ["flows", "reversion"])
def test_without_an_app_the_start_says_what_is_missing(project, missing):
    printed = project.manage("check", check=False, TRIED=f"INSTALLED_APPS.remove({missing!r})")
    last = printed.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert f'put "{missing}" before it in INSTALLED_APPS.' in last
