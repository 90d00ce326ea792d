"""docs/how-to/deploy.md is followed from its first line to a server that serves, and upgrade.md after it.

The machine is a folder: see tests/support/machine.py.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of
from tests.support.composed import read_compose
from tests.support.deployment import PASSWORD, ask, log_in
from tests.support.machine import Machine
from tests.support.remote import Caller, make_file

pytestmark = pytest.mark.deployment

PAGES = [ROOT / "docs/how-to" / name for name in ("deploy.md", "upgrade.md")]
# What begins a line of a block with such a mark, so that the mark hides nothing else.
MARKS = {
    "sh apt": ("apt-get ",),
    "sh docker": ("docker compose ",),
    "sh systemctl": ("systemctl ", "systemd-tmpfiles "),
    "sh certificate": ("certbot ", "ln -s /etc/letsencrypt/"),
}
PROMPTS = ("Password: ", "Password (again): ")
NOT_RUN = {"sh apt", "sh docker"}


def blocks():
    return [block for page in PAGES for block in blocks_of(page) if block.language.startswith("sh")]


def script():
    """The commands of the pages, each block told on standard output before it is run."""
    parts = []
    for block in blocks():
        if block.language not in NOT_RUN:
            parts += [f"echo '== {block.page}:{block.line}'", block.text]
    return "\n".join(parts)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The machine after the pages were followed, with what the commands printed."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    with machine.switch_on():
        code, machine.printed = machine.run(script(), typed=dict.fromkeys(PROMPTS, PASSWORD))
        logs = "".join(path.read_text()[-2000:] for path in machine.folder.glob("*.log"))
        assert code == 0, machine.printed + logs
        yield machine


def test_a_mark_is_for_lines_of_its_program_alone():
    for block in blocks():
        assert block.language == "sh" or block.language in MARKS, block
        for line in block.text.splitlines():
            assert block.language == "sh" or line.startswith(MARKS[block.language]), line


def test_the_server_is_ready_through_nginx_and_its_backup_is_sound(machine):
    assert '{"status": "ready"' in machine.printed
    assert " is sound: " in machine.printed
    assert "Superuser created successfully." in machine.printed


def test_an_import_is_left_to_its_workers(machine):
    ada = Caller(machine, log_in(machine))
    record = ada.wait(ada.ask(make_file(3, "by the page"), key="page"))
    assert (record["status"], record["counts"]) == ("succeeded", {"CREATE": 3})
    assert [*(machine.folder / "var/lib/ziggy/backups").glob("production-*.dump")] != []
    assert ask(machine, "GET", "/admin/login/")[0] == 200


def test_only_its_user_may_read_secrets_and_backups(machine):
    for name in ("etc/ziggy/secrets", "var/lib/ziggy", "var/lib/ziggy/backups"):
        assert (machine.folder / name).stat().st_mode & 0o007 == 0
    secrets = [*(machine.folder / "etc/ziggy/secrets").iterdir()]
    assert len(secrets) == 5
    for path in secrets:
        assert path.stat().st_mode & 0o777 == 0o400
        assert path.read_text().strip() not in machine.printed


def test_the_log_of_the_units_is_json(machine):
    logs = sorted(machine.folder.glob("ziggy-*.service.log"))
    assert [path.name for path in logs] == [
        "ziggy-web.service.log", "ziggy-worker@1.service.log", "ziggy-worker@2.service.log",
    ]  # fmt: skip
    for path in logs:
        lines = path.read_text().splitlines()
        assert lines != []
        for line in lines:
            assert "time" in json.loads(line), line


def test_systemd_takes_the_units(machine):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    folder = machine.folder / "etc/systemd/system"
    (folder / "ziggy-worker@.service").rename(folder / "ziggy-worker@1.service")
    units = sorted(str(path) for path in folder.glob("ziggy-*"))
    run = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    told = [line for line in run.stderr.splitlines() if "ziggy" in line]
    assert (run.returncode, told) == (0, []), run.stderr


def test_the_container_lines_name_services(machine):
    text = "\n".join(block.text for block in blocks() if block.language == "sh docker")
    assert set(re.findall(r"exec (?:-T )?(\w+) ", text)) <= read_compose()["services"].keys()
    secrets = {Path(each["file"]).name for each in read_compose()["secrets"].values()}
    made = {path.name for path in (machine.folder / "srv/ziggy/secrets").iterdir()}
    assert made == secrets - {"certificate.pem", "certificate.key"}
