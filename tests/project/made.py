"""Another project, made as `docs/how-to/add-to-a-project.md` says, in an environment of its own."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography.fernet import Fernet

from tests.docs.pages import ROOT, blocks_of

PAGE = ROOT / "docs" / "how-to" / "add-to-a-project.md"
SAMPLE = ROOT / "samples" / "zexport.json"
PASSWORD = "a password of the trial"

# No username, no e-mail address, and a key that is no number.
OWN_USER = """
import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class People(BaseUserManager):
    def create_superuser(self, login, password):
        person = self.model(login=login, is_staff=True, is_superuser=True)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    login = models.CharField(max_length=100, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "login"
    objects = People()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """An interpreter, and the release of Django that pip chooses for it."""

    program: str
    django: str

    @property
    def path(self) -> str | None:
        return shutil.which(self.program)


OLDEST = Python(program=sys.executable, django="5.2")
NEWEST = Python(program=os.environ.get("ZIGGY_PYTHON", "python3.13"), django="6.0")


def block(language: str, begin: str) -> str:
    """The one block of the page in that language with these words in it."""
    [found] = [
        each.text for each in blocks_of(PAGE) if each.language == language and begin in each.text
    ]
    return found


def run(*words: str | Path, cwd: Path, check: bool = True, **variables: str) -> str:
    """What the program prints, on both streams."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment with the wheel and a WSGI server's needs, without this checkout."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @classmethod
    def make(cls, python: Python, folder: Path) -> "Environment":
        """Follow the section "Install" of the page, in a copy of the checkout."""
        made = cls(folder=folder / "environment")
        run(python.path or "", "-m", "venv", made.folder, cwd=folder)
        checkout = folder / "checkout"
        files = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split("\0")  # fmt: skip
        for name in filter(None, files):
            if (ROOT / name).is_file():
                (checkout / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, checkout / name)
        for command in ("-m build", "pip install dist"):
            run("sh", "-ec", block("sh", command), cwd=checkout, PATH=made.path)
        return made

    @property
    def path(self) -> str:
        return f"{self.bin}:{os.environ['PATH']}"

    def find_version(self, package: str) -> str:
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return run(self.bin / "python", "-c", code, cwd=self.folder).strip()


class Project:
    """A project of `startproject`, to which the page is applied step by step."""

    def __init__(self, environment: Environment, folder: Path, *, own_user: bool) -> None:
        self.environment = environment
        self.folder = folder
        self.key = Fernet.generate_key().decode()
        run(environment.bin / "django-admin", "startproject", "mysite", ".", cwd=folder)
        if own_user:
            (folder / "people").mkdir()
            (folder / "people" / "__init__.py").touch()
            (folder / "people" / "models.py").write_text(OWN_USER)
            self.add_settings('INSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.Person"')
            self.manage("makemigrations", "people")

    def add_settings(self, text: str) -> None:
        """Add these lines to the end of the project's settings."""
        path = self.folder / "mysite" / "settings.py"
        path.write_text(f"{path.read_text()}\n{text}\n")

    def follow_settings_and_addresses(self) -> None:
        """Follow the sections "Settings" and "Addresses" of the page."""
        path = self.folder / "mysite" / "settings.py"
        path.write_text(f"import os\n{path.read_text()}")
        self.add_settings(block("python", "INSTALLED_APPS +="))
        (self.folder / "mysite" / "urls.py").write_text(block("python", "urlpatterns"))

    def manage(self, *words: str, check: bool = True, **variables: str) -> str:
        """Run a command of the project, and return what it prints."""
        python = self.environment.bin / "python"
        variables = {"ZIGGY_ENCRYPTION_KEYS": self.key, **variables}
        return run(
            python, "-W", "error", "manage.py", *words, cwd=self.folder, check=check, **variables
        )

    def add_administrator(self) -> None:
        """Make the user who logs in as "root"."""
        naming = (
            ["--login", "root"]
            if (self.folder / "people").is_dir()
            else ["--username", "root", "--email", "root@example.org"]
        )
        self.manage("createsuperuser", "--no-input", *naming, DJANGO_SUPERUSER_PASSWORD=PASSWORD)

    def follow(self, begin: str) -> str:
        """Run the commands of a block of the page, and return what they print."""
        variables = {"ZIGGY_ENCRYPTION_KEYS": self.key, "PATH": self.environment.path}
        return run("sh", "-ec", block("sh", begin), cwd=self.folder, **variables)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve the project; yield its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (self.folder / "server.log").open("w")
        server = subprocess.Popen(
            [self.environment.bin / "python", "manage.py", "runserver", "--noreload", str(port)],
            cwd=self.folder,
            env={"PATH": self.environment.path, "ZIGGY_ENCRYPTION_KEYS": self.key},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)
            log.close()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{address}/admin/login/", timeout=30)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
        else:
            return


class Browser:
    """Somebody who is logged in to the admin, over HTTP."""

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.get("/admin/login/")
        answer = self.post("/admin/login/?next=/admin/", username=name, password=PASSWORD)
        assert answer.url == f"{address}/admin/", answer.text

    def get(self, path: str, **options: object) -> requests.Response:
        return self.session.get(f"{self.address}{path}", timeout=60, **options)  # type: ignore[arg-type]

    def post(
        self, path: str, files: dict[str, object] | None = None, **fields: str
    ) -> requests.Response:
        """Send a form as the page does, with its token."""
        fields = {"csrfmiddlewaretoken": self.session.cookies["csrftoken"], **fields}
        return self.session.post(f"{self.address}{path}", data=fields, files=files, timeout=60)

    def call(self, method: str, path: str, **options: object) -> requests.Response:
        """Call the API with the session of the admin, as a script of a page does."""
        headers = {"X-CSRFToken": self.session.cookies["csrftoken"]}
        address = f"{self.address}/api/{path}"
        return self.session.request(method, address, headers=headers, timeout=60, **options)  # type: ignore[arg-type]


def find_hidden(text: str, name: str) -> str:
    """The value of the hidden field of that name in a page."""
    [value] = set(re.findall(rf'name="{name}" value="([^"]*)"', text))
    return value
