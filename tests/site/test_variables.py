"""Each variable of the environment is declared once: what reads it, its file and its table follow."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from flows.conf import Ziggy
from tests.site.test_settings import PRODUCTION, manage
from ziggy_site.environment import Environment, find_open_files
from ziggy_site.variables import SERVER_VARIABLES, SITE_VARIABLES, VARIABLES, Holds

ROOT = Path(settings.BASE_DIR)
SECRET = [name for name, each in VARIABLES.items() if each.is_secret]
CANARY = "CANARY-5be1"
# What starts a program names its settings module; pg_dump gets the environment of this process.
MAY_USE_THE_ENVIRONMENT = {
    "ziggy_site/environment.py",
    "ziggy_site/checks.py",
    "ziggy_site/serving.py",
    "imports/database/postgresql_tools.py",
    "imports/jobs/drills.py",  # hands its own to the process of the drill
    "imports/metrics/instruments.py",  # looks where prometheus-client looks
    "deploy/healthcheck.py",  # asks where gunicorn was told to listen, without Django
    "deploy/gunicorn.conf.py",  # names a directory to prometheus-client
}


def read_names(path: Path) -> set[str]:
    """The names that a module gives to `env.read`."""
    calls = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]
    of_env = [each for each in calls if ast.unparse(each.func) == "env.read"]
    return {
        ast.literal_eval(each.args[0]) for each in of_env if isinstance(each.args[0], ast.Constant)
    }


def test_what_is_declared_is_read_and_what_is_read_is_declared():
    of_ziggy = {f"ZIGGY_{each.name}" for each in fields(Ziggy)} & VARIABLES.keys()
    # This one is read by a function that gets its name.
    required = {"SECRET_KEY", "ZIGGY_ENCRYPTION_KEYS"}
    site = read_names(ROOT / "ziggy_site" / "settings.py") | of_ziggy | required
    assert site == SITE_VARIABLES.keys()
    server = read_names(ROOT / "deploy" / "gunicorn.conf.py")
    assert server - SITE_VARIABLES.keys() == SERVER_VARIABLES.keys()


def test_every_setting_of_the_apps_has_a_variable_but_those_that_no_text_can_say():
    without = {each.name for each in fields(Ziggy) if f"ZIGGY_{each.name}" not in VARIABLES}
    assert without == {"ATTEMPTS"}


def test_a_variable_that_is_not_declared_is_not_read(monkeypatch):
    monkeypatch.setenv("ZIGGY_NEW", "1")
    with pytest.raises(KeyError, match="ZIGGY_NEW"):
        Environment().read("ZIGGY_NEW")


def test_nothing_reads_the_environment_beside_the_declarations():
    for folder in ("accounts", "flows", "imports", "ziggy_site", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            uses = [each for each in ("os.environ", "getenv", "Env(") if each in path.read_text()]
            assert not uses or name in MAY_USE_THE_ENVIRONMENT, name


def test_each_variable_says_what_it_does():
    for each in VARIABLES.values():
        assert each.effect.endswith("."), each.name
        assert not each.is_secret or each.kind is Holds.TEXT, each.name


def test_what_may_hold_a_password_or_a_key_is_secret():
    assert set(SECRET) == {
        *("DATABASE_URL", "SECRET_KEY", "ZIGGY_ENCRYPTION_KEYS", "ZIGGY_METRICS_TOKEN"),
        "ZIGGY_SERVERS",
    }


# --- in a file --------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path) -> Path:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    file.chmod(0o400)
    return file


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", SECRET)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_its_file(monkeypatch, tmp_path, name, end):
    (tmp_path / "file").write_bytes(f"{CANARY} {end}".encode())
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "file"))
    assert Environment().read(name) == f"{CANARY} "


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_and_its_file_are_not_both_taken(monkeypatch, file, name):
    monkeypatch.setenv(name, "")
    monkeypatch.setenv(f"{name}_FILE", str(file))
    with pytest.raises(ImproperlyConfigured) as raised:
        Environment().read(name)
    assert str(raised.value) == f"Both {name} and {name}_FILE are set. Leave one of them out."


def make_wrong(folder: Path, what: str) -> str:
    path = folder / "wrong"
    contents = {"empty": b"", "blank": b" \n", "no text": b"CANARY\xff", "large": b"C" * 65537}
    if what in contents:
        path.write_bytes(contents[what])
    elif what == "a directory":
        path.mkdir()
    return "" if what == "no name" else "a\0b" if what == "no path" else str(path)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("empty", "is empty."),
        ("blank", "is empty."),
        ("no text", "is no text in UTF-8."),
        ("large", "has more than 65536 bytes."),
        ("a directory", "cannot be read: Is a directory."),
        ("not there", "cannot be read: No such file or directory."),
        ("no name", "cannot be read: Is a directory."),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_name(monkeypatch, tmp_path, what, told):
    path = make_wrong(tmp_path, what)
    monkeypatch.setenv("SECRET_KEY_FILE", path)
    with pytest.raises(ImproperlyConfigured) as raised:
        Environment().read("SECRET_KEY")
    assert str(raised.value) == f"SECRET_KEY_FILE: the file {path!r} {told}"
    assert "CANARY" not in str(raised.value)


def test_a_file_that_may_not_be_read_is_refused(monkeypatch, file):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read any
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))
    with pytest.raises(ImproperlyConfigured, match="cannot be read: Permission denied"):
        Environment().read("SECRET_KEY")


def test_a_file_that_everybody_may_read_is_found(monkeypatch, file):
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))
    assert [*find_open_files()] == []
    file.chmod(0o444)
    assert [*find_open_files()] == ["SECRET_KEY_FILE"]


def test_only_secrets_may_be_in_files(monkeypatch, file):
    monkeypatch.setenv("ZIGGY_SERVER_NAME_FILE", str(file))
    assert Environment().read("ZIGGY_SERVER_NAME") == "local"


def test_the_site_starts_with_all_of_its_secrets_in_files(tmp_path):
    variables = {"DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", **PRODUCTION}
    for name in SECRET:
        if name in variables:
            (tmp_path / name).write_text(f"{variables.pop(name)}\n")
            (tmp_path / name).chmod(0o400)
            variables[f"{name}_FILE"] = str(tmp_path / name)
    variables["ZIGGY_BACKUP_DIR"] = str(tmp_path)
    run = manage("check", "--deploy", "--fail-level", "WARNING", **variables)
    shown = run.stdout + run.stderr
    assert not [value for value in PRODUCTION.values() if len(value) > 20 and value in shown]
    assert run.returncode == 0, shown
