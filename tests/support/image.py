"""The image's Dockerfile, carried out on a plain directory tree, without a container engine.

Absolute paths of the image are below a folder. Programs that change the system (apt-get, useradd)
are noted and not run; pip, which downloads, is replaced by this environment's packages, but for
ZIGGY_IMAGE_INSTALL=1.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
SYSTEM_PROGRAMS = ("apt-get", "chown", "groupadd", "useradd")
PATIENCE = 300
_OF_IMAGE = re.compile(r"(?<![\w./-])/(opt|srv|var)/")
_PIP = re.compile(r"\S+/bin/python -m pip install [^&]*")
_GUNICORN = "from gunicorn.app.wsgiapp import run\nrun()\n"


@dataclass(slots=True)
class Stage:
    """A stage of the image: its files, and what its instructions set."""

    base: str
    name: str
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "root"
    volumes: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def translate(self, text: str) -> str:
        """Return the text with the image's paths below the stage's folder."""
        return _OF_IMAGE.sub(lambda found: f"{self.root}/{found[1]}/", text)

    def make_environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of a process of the image."""
        base = Path(sys.base_prefix, "bin")
        programs = self.root / "system-programs"
        path = self.translate(self.environment.get("PATH", "/usr/local/bin:/usr/bin:/bin"))
        path = path.replace("/usr/local/bin", str(base))
        values = {name: self.translate(text) for name, text in self.environment.items()}
        found = {"HOME": "/nonexistent", "TMPDIR": str(self.root / "tmp")}
        return {**found, **values, "PATH": f"{programs}:{path}", **variables}

    def find_directory(self) -> Path:
        """Return the folder in which the stage's commands run."""
        return Path(self.translate(f"{self.directory}/"))

    def run(self, command: str) -> None:
        """Run a shell's command as a RUN of this stage does."""
        self.ran.append(command)
        if os.environ.get("ZIGGY_IMAGE_INSTALL") != "1" and (pip := _PIP.search(command)):
            command = command.replace(pip[0], "true ").replace("-m venv", "-m venv --without-pip")
            linking = True
        else:
            linking = False
        subprocess.run(
            ["sh", "-euc", self.translate(command)],
            cwd=self.find_directory(),
            env=self.make_environment(),
            check=True,
            timeout=PATIENCE,
        )
        if linking:
            link_packages(self.root / "opt" / "ziggy")


def link_packages(folder: Path) -> None:
    """Let the environment in the folder have the packages of the present one."""
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "present.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    program = folder / "bin" / "gunicorn"
    program.write_text(f"#!{folder}/bin/python\n{_GUNICORN}")
    program.chmod(0o755)


def read_instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction of a Dockerfile, with what follows it on its lines."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def build(folder: Path) -> list[Stage]:
    """Carry out the Dockerfile in the folder, and return its stages."""
    stages: list[Stage] = []
    for name, rest in read_instructions(DOCKERFILE.read_text()):
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            root = folder / f"stage-{len(stages)}"
            stages.append(Stage(base=base, name=alias, root=root))
            _make_system_programs(root)
        else:
            _INSTRUCTIONS[name](stages, rest)
    return stages


def _make_system_programs(root: Path) -> None:
    programs = root / "system-programs"
    programs.mkdir(parents=True)
    (root / "tmp").mkdir()
    for name in SYSTEM_PROGRAMS:
        program = programs / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)


def _copy(stages: list[Stage], rest: str) -> None:
    stage = stages[-1]
    words = rest.split()
    [source, target] = [word for word in words if not word.startswith("--")]
    goal = (
        Path(stage.translate(target)) if target.startswith("/") else stage.find_directory() / target
    )
    if words[0].startswith("--from="):
        [of] = [each for each in stages if each.name == words[0].partition("=")[2]]
        origin = Path(of.translate(source + "/"))
        shutil.copytree(origin, goal, symlinks=True)
        for program in (goal / "bin").iterdir():  # the image has one path for both
            if not program.is_symlink() and program.is_file():
                program.write_text(program.read_text().replace(str(of.root), str(stage.root)))
        return
    assert f"!{source.split('/')[0]}" in (ROOT / ".dockerignore").read_text().splitlines(), source
    if (ROOT / source).is_dir():
        shutil.copytree(ROOT / source, goal, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy(ROOT / source, goal)


def _set_environment(stages: list[Stage], rest: str) -> None:
    stages[-1].environment |= dict(each.split("=", 1) for each in rest.split())


def _change_directory(stages: list[Stage], rest: str) -> None:
    stages[-1].directory = rest
    stages[-1].find_directory().mkdir(parents=True, exist_ok=True)


_INSTRUCTIONS = {
    "COPY": _copy,
    "ENV": _set_environment,
    "WORKDIR": _change_directory,
    "RUN": lambda stages, rest: stages[-1].run(rest),
    "USER": lambda stages, rest: setattr(stages[-1], "user", rest),
    "VOLUME": lambda stages, rest: stages[-1].volumes.append(rest),
    "CMD": lambda stages, rest: setattr(stages[-1], "command", json.loads(rest)),
    "HEALTHCHECK": lambda stages, rest: setattr(
        stages[-1], "healthcheck", json.loads(rest.partition("CMD ")[2])
    ),
    "EXPOSE": lambda stages, rest: None,
    "STOPSIGNAL": lambda stages, rest: None,
}


@contextmanager
def watch_files(stage: Stage) -> Iterator[None]:
    """Fail where a file of the image was made or changed meanwhile: its file system is read-only.

    Volumes and /tmp may be written.
    """
    before = _list_files(stage)
    yield
    after = _list_files(stage)
    assert [str(path) for path, state in after.items() if before.get(path) != state] == []
    assert before.keys() - after.keys() == set()


def _list_files(stage: Stage) -> Mapping[Path, tuple[int, int]]:
    free = [stage.root / "tmp", *(Path(stage.translate(volume)) for volume in stage.volumes)]
    found = {}
    for path in stage.root.rglob("*"):
        if not any(path.is_relative_to(each) for each in free):
            state = path.lstat()
            found[path] = (state.st_size, state.st_mtime_ns)
    return found
