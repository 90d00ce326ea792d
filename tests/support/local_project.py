"""A project of its own in the environment that runs the tests, for what no settings here can show."""

import sys
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT
from tests.project.made import Environment, Project


class LocalProject(Project):
    """A project of `startproject` to which the page on adding the apps was applied."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Environment(folder=Path(sys.prefix)), folder, own_user=False)
        self.follow_settings_and_addresses()

    def manage(self, *words: str, check: bool = True, **variables: str) -> str:
        return super().manage(*words, check=check, PYTHONPATH=str(ROOT), **variables)

    def add_app(self, name: str, **modules: str) -> None:
        """Add an app with these modules to the project."""
        app = self.folder / name
        app.mkdir()
        (app / "__init__.py").touch()
        for module, text in modules.items():
            (app / f"{module}.py").write_text(text)
        self.add_settings(f"INSTALLED_APPS += [{name!r}]")

    def run_code(self, code: str, **options: Any) -> str:
        """Run the code with Django set up, and return what it prints."""
        return self.manage("shell", "-v", "0", "-c", code, **options).strip()
