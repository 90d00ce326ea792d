"""The forms of the pages of an undo: what a browser sends, read into what imports.undo takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings

from imports.permissions import SKIP_BACKUP
from imports.plans.plan import UndoResult
from imports.undo.plans.decision_file import decision_of, read_decision_file
from imports.undo.plans.plan import Decision, Decisions, GivenKey

CHOICE = "decision:"
"""What the name of a row's choice begins with; its kind and uuid follow."""

_SHOWN = [
    ("", "all items"),
    ("conflict", "with a conflict"),
    ("refused", "with a problem"),
    ("news", "changed since you opened this page"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What is decided for conflicts."""

    conflicts: Decision | None = None
    """For every conflict that `decisions` says nothing of."""
    decisions: Decisions = field(default_factory=dict)

    def as_json(self) -> str:
        """For `earlier_choices`."""
        decided = {_as_text(key): decision for key, decision in self.decisions.items()}
        return json.dumps({"decisions": decided})


def earlier_choices(sent: Mapping[str, Any]) -> Choices:
    """The choices that the shown plan was made with, those of rows on other pages too.

    Raises FileUnreadable and FileInvalid for what no page sends.
    """
    return Choices(
        conflicts=_decision(sent.get("decided_conflicts", "")),
        decisions=_read(sent.get("decided", '{"decisions": {}}')),
    )


def read_choices(sent: Mapping[str, Any], earlier: Choices) -> Choices:
    """The choices of the page, and of the earlier ones those that it does not show.

    Raises FileInvalid for what no page sends.
    """
    chosen = {
        name.removeprefix(CHOICE): value for name, value in sent.items() if name.startswith(CHOICE)
    }
    decided = {key: value for key, value in chosen.items() if value}
    others = {key: one for key, one in earlier.decisions.items() if _as_text(key) not in chosen}
    return Choices(
        conflicts=_decision(sent.get("conflicts", "")),
        decisions={**others, **_read(json.dumps({"decisions": decided}))},
    )


def _as_text(key: GivenKey) -> str:
    kind, uuid = key
    return f"{kind}:{uuid}" if kind else uuid


def _read(decided: str) -> Decisions:
    return read_decision_file(decided.encode(), max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)


def _decision(word: str) -> Decision | None:
    return decision_of(word) if word in set(Decision) else None


class OptionsForm(forms.Form):
    """The options of an undo. What needs a right is there for who has it."""

    no_backup = forms.BooleanField(
        required=False, label="Without a backup of the database before the undo"
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.has_perm(SKIP_BACKUP):
            del self.fields["no_backup"]

    @property
    def with_backup(self) -> bool:
        """Whether the database is backed up first."""
        return not (self.is_valid() and self.cleaned_data.get("no_backup"))


class ConfirmationForm(forms.Form):
    """What is typed to confirm, where that is asked for."""

    server_name = forms.CharField(required=False, max_length=1000)

    def clean_server_name(self) -> str:
        """The name of this server."""
        name: str = self.cleaned_data["server_name"]
        if settings.ZIGGY_CONFIRM_SERVER_NAME and name != settings.ZIGGY_SERVER_NAME:
            raise forms.ValidationError(
                f"Type the name of this server, {settings.ZIGGY_SERVER_NAME}, to write to it. "
                "Nothing was written."
            )
        return name


class UndoFilterForm(forms.Form):
    """Which rows the list shows. What makes no sense shows them all."""

    result = forms.ChoiceField(
        required=False,
        choices=[("", "any result"), *((result.value, result.value) for result in UndoResult)],
    )
    show = forms.ChoiceField(required=False, choices=_SHOWN)
    q = forms.CharField(required=False, strip=False, label="name or uuid")

    @property
    def said(self) -> dict[str, str]:
        """What is asked for, by the names of the fields."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.base_fields}
