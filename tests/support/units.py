"""What systemd does of the shipped units, without systemd: their commands, in their environment.

    python -m tests.support.units FOLDER systemctl enable --now ziggy-web.service ...

is what stands in for `systemctl` and `systemd-tmpfiles` on a machine whose paths are below FOLDER.
The number of a process that it leaves running is in FOLDER/UNIT.pid.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 60
_UNITS = "etc/systemd/system"


def read_unit(folder: Path, name: str) -> dict[str, list[str]]:
    """Return the values of the unit's keys; of a template where the name has an instance."""
    base, at, instance = name.removesuffix(".service").partition("@")
    text = (folder / _UNITS / f"{base}{at}.service").read_text()
    found: dict[str, list[str]] = {}
    for line in text.replace("%i", instance).splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def read_environment(unit: dict[str, list[str]]) -> dict[str, str]:
    """Return the environment of the unit's processes: systemd's own, and that of its files."""
    values = {"PATH": os.environ["PATH"]}
    for path in unit["EnvironmentFile"]:
        for line in Path(path).read_text().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.partition("=")
                values[name] = value
    return values


def start(folder: Path, name: str) -> int:
    """Start a unit, and return 0 when it has started, or has ended well where it is a oneshot."""
    unit = read_unit(folder, name)
    [kind], [place] = unit.get("Type", ["simple"]), unit["WorkingDirectory"]
    environment = read_environment(unit)
    if kind == "oneshot":
        commands = (shlex.split(text) for text in unit["ExecStart"])
        codes = (
            subprocess.run(command, cwd=place, env=environment, check=False).returncode
            for command in commands
        )
        return next((code for code in codes if code), 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        address = f"{folder}/notify"
        Path(address).unlink(missing_ok=True)
        notified.bind(address)
        notified.settimeout(_PATIENCE)
        if kind == "notify":
            environment["NOTIFY_SOCKET"] = address
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                shlex.split(unit["ExecStart"][0]), cwd=place, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        (folder / f"{name}.pid").write_text(str(process.pid))
        while kind == "notify" and "READY=1" not in notified.recv(4096).decode():
            pass
    return 0


def stop(folder: Path, name: str) -> int:
    """Stop a unit with SIGTERM, and return 0 when its process has ended."""
    pid = int((folder / f"{name}.pid").read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return 1
        time.sleep(0.05)
    (folder / f"{name}.pid").unlink()
    return 0


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def make_temporary(folder: Path) -> int:
    """Make the directories of tmpfiles.d."""
    for line in _read_lines(folder / "etc/tmpfiles.d"):
        kind, path, mode, *_ = line.split()
        assert kind == "d", line
        Path(path).mkdir(mode=int(mode, 8), parents=True, exist_ok=True)
    return 0


def _read_lines(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.conf")):
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                yield line


def main() -> int:
    """Do what the command says; units that are not ours are left to the machine."""
    folder, program, *arguments = Path(sys.argv[1]), *sys.argv[2:]
    if program == "systemd-tmpfiles":
        assert arguments == ["--create"]
        return make_temporary(folder)
    verb, *units = [word for word in arguments if not word.startswith("-")]
    if units == ["nginx"]:
        return subprocess.run([folder / "programs" / "nginx"], check=False).returncode
    if verb == "stop":
        return max(stop(folder, name) for name in units)
    if verb not in ("enable", "start"):
        assert verb in ("daemon-reload", "reload", "restart"), verb
        return 0
    for name in units:
        if name.endswith(".timer"):  # the unit of its name is what it starts
            assert (folder / _UNITS / name).is_file()
            read_unit(folder, name.replace(".timer", ".service"))
        elif code := start(folder, name):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
