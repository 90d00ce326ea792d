"""A bare machine in a folder, on which the commands of docs/how-to/deploy.md are run as written.

Paths of the system are below the folder, ports are free ones. What would change this machine is
replaced by small programs in front of PATH: users are not made, certificates are made here, systemd
is tests.support.units, restic is a folder where it is not installed. pip, which downloads, gives the
packages of this environment.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

from tests.support.clusters import run_postgresql
from tests.support.deployment import (
    HOST,
    PASSWORD,
    ROOT,
    find_free_port,
    find_nginx,
    write_certificate,
)

PATIENCE = 150
_PROMPT_PATIENCE = 60
_PATHS = re.compile(
    r"(?<![\w./-])/(srv|etc|var|run)/(?=ziggy|systemd|tmpfiles|nginx|ssl/ziggy|prometheus|letsencrypt|lib/ziggy|log/nginx|cache/ziggy|restic)"
)
_PIP = re.compile(r"^\.venv/bin/python -m pip install .*$", re.MULTILINE)
_DIRECTORIES = ("srv", "etc/systemd/system", "etc/tmpfiles.d", "etc/nginx/conf.d", "etc/ssl",
                "etc/prometheus", "var/log/nginx", "run", "tmp")  # fmt: skip
_PRODUCT = (
    "accounts",
    "deploy",
    "flows",
    "imports",
    "ziggy_site",
    "manage.py",
    "requirements-server.txt",
)
_RESTIC = """#!/bin/sh
# The newest stream is kept under its name; one whose command fails is thrown away.
set -e
case "$1" in
init) mkdir "$RESTIC_REPOSITORY" ;;
backup) test "$2 $3 $4" = "--stdin-filename ziggy.tar --stdin-from-command"; shift 5
    "$@" > "$RESTIC_REPOSITORY/incoming"; mv "$RESTIC_REPOSITORY/incoming" "$RESTIC_REPOSITORY/ziggy.tar" ;;
forget) test -s "$RESTIC_REPOSITORY/ziggy.tar" ;;
dump) cat "$RESTIC_REPOSITORY/$3" ;;
esac
"""


class Machine:
    """The folder, and the ports of its services."""

    def __init__(self, folder: Path) -> None:
        names = ("gunicorn", "http", "https", "database")
        self.ports = SimpleNamespace(**{name: find_free_port() for name in names})
        self.folder, self.programs = folder, folder / "programs"
        self.log = folder / "output.log"
        self.log.touch()
        for name in (*_DIRECTORIES, "programs"):
            (folder / name).mkdir(parents=True)
        self._write_programs()
        self._write_nginx()
        self._write_repository()
        (folder / ".curlrc").write_text(
            f"insecure\nconnect-to = {HOST}:443:127.0.0.1:{self.ports.https}\n"
        )

    def translate(self, text: str) -> str:
        """Return the text with its paths below the folder and its ports those of the machine."""
        text = _PATHS.sub(lambda found: f"{self.folder}/{found[1]}/", text)
        return (
            text.replace("127.0.0.1:5432", f"127.0.0.1:{self.ports.database}")
            .replace("127.0.0.1:8000", f"127.0.0.1:{self.ports.gunicorn}")
            .replace("/usr/bin/restic", f"{self.programs}/restic")
            .replace("https://git.example.org/ziggy-flow-import", str(self.folder / "repository"))
        )

    def run(self, script: str, *, typed: Mapping[str, str]) -> tuple[int, str]:
        """Run a script of the page in a shell at whose terminal these prompts are answered.

        Returns its exit code, and what it printed.
        """
        if os.environ.get("ZIGGY_IMAGE_INSTALL") != "1":
            script = _PIP.sub("link-packages", script)
        ours, theirs = pty.openpty()
        printed = self.folder / "printed.txt"  # a pipe would be held open by what goes on
        try:
            with printed.open("wb") as output:
                shell = subprocess.Popen(
                    ["bash", "-euc", self.translate(script)], cwd=self.folder,
                    env=self._environment, stdin=theirs, stdout=output, stderr=output,
                    start_new_session=True,
                )  # fmt: skip
            for prompt, answer in typed.items():  # what is typed before a prompt is thrown away
                assert _wait_for_prompt(ours, prompt), printed.read_text()
                os.write(ours, f"{answer}\n".encode())
            return shell.wait(PATIENCE), printed.read_text()
        finally:
            shell.kill()
            shell.wait()
            os.close(theirs)
            os.close(ours)

    @contextmanager
    def switch_on(self) -> Iterator["Machine"]:
        """Run PostgreSQL as its package does, with its superuser; end all processes afterwards."""
        database = run_postgresql(
            self.ports.database, self.log, user="postgres", password=PASSWORD, name="other"
        )
        with database:
            try:
                yield self
            finally:
                self._end_processes()

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.programs}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.ports.database),
            "PGUSER": "postgres",
            "PGPASSWORD": PASSWORD,
            "TMPDIR": str(self.folder / "tmp"),
        }

    def _end_processes(self) -> None:
        noted = [*self.folder.glob("*.service.pid"), self.folder / "run/nginx.pid"]
        pids = [int(line) for path in noted if path.exists() for line in path.read_text().split()]
        for number, wait in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 0.0)):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(wait)

    def _write_programs(self) -> None:
        linked = "from pathlib import Path; from tests.support.image import link_packages; "
        linked += f"link_packages(Path({str(self.folder / 'srv/ziggy/.venv')!r}))"
        certificate = f"{self.folder}/etc/letsencrypt/live/{HOST}"
        in_tests = f"cd {ROOT} && exec {sys.executable}"
        programs = {
            "useradd": "",
            "chown": "",
            "runuser": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
            "python3": f'exec {Path(sys.base_prefix, "bin", "python3")} "$@"',
            "link-packages": f'{in_tests} -c "{linked}"',
            "certbot": f"mkdir -p {certificate} && cp {self.folder}/ziggy.pem {certificate}/fullchain.pem"
            f" && cp {self.folder}/ziggy.key {certificate}/privkey.pem",
            "nginx": f'exec {find_nginx()} -p {self.folder} -c {self.folder}/etc/nginx/nginx.conf "$@"',
            **{
                name: f'{in_tests} -m tests.support.units {self.folder} {name} "$@"'
                for name in ("systemctl", "systemd-tmpfiles")
            },
        }
        for name, text in programs.items():
            self._write_program(name, f"#!/bin/sh\nset -e\n{text}\n")
        restic = shutil.which("restic")
        self._write_program("restic", f'#!/bin/sh\nexec {restic} "$@"\n' if restic else _RESTIC)
        write_certificate(self.folder)

    def _write_program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def _write_nginx(self) -> None:
        temporary = "".join(
            f"{name}_temp_path {self.folder}/tmp/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.folder / "etc/nginx/nginx.conf").write_text(
            f"{user}pid {self.folder}/run/nginx.pid;\nerror_log {self.folder}/error.log;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n{temporary}"
            f"include {self.folder}/etc/nginx/conf.d/*.conf;\n}}\n"
        )

    def _write_repository(self) -> None:
        """Make a repository of this checkout as it is, whose shipped files have the machine's paths."""
        repository = self.folder / "repository"
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *_PRODUCT],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            goal = repository / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, goal)
        shipped = repository / "deploy"
        for path in [
            *shipped.glob("systemd/*"),
            *shipped.glob("nginx*.conf"),
            shipped / "prometheus.yml",
        ]:
            path.write_text(self._translate_shipped(path.read_text()))
        git = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "All"]):
            subprocess.run([*git, *arguments], cwd=repository, check=True)

    def _translate_shipped(self, text: str) -> str:
        text = self.translate(text).replace("listen 80;", f"listen 127.0.0.1:{self.ports.http};")
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.ports.https} ssl;")
        return re.sub("RESTIC_REPOSITORY=.*", f"RESTIC_REPOSITORY={self.folder}/restic", text)


def _wait_for_prompt(terminal: int, prompt: str) -> bool:
    """Return whether the prompt is shown at the terminal."""
    shown = ""
    while select.select([terminal], [], [], _PROMPT_PATIENCE)[0]:
        shown += os.read(terminal, 4096).decode()
        if shown.endswith(prompt):
            return True
    return False
