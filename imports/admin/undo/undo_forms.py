"""The forms of an undo's pages: from a browser's data to the arguments of imports.undo."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms

from flows.conf import ziggy
from imports.admin.filter_fields import make_result_field, make_text_field
from imports.permissions import SKIP_BACKUP
from imports.plans.plan import UndoResult
from imports.undo.plans.decision_file import read_decision, read_decision_file
from imports.undo.plans.plan import ConflictResolution, Decisions, GivenKey

CHOICE = "decision:"
"""The prefix of the name of a row's choice, before its kind and uuid."""

_SHOWN = [
    ("", "all items"),
    ("conflict", "with a conflict"),
    ("refused", "with a problem"),
    ("news", "changed since you opened this page"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The decisions on conflicts."""

    conflicts: ConflictResolution | None = None
    """For every conflict that is not in `decisions`."""
    decisions: Decisions = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the decisions as JSON, which `read_earlier_choices` reads."""
        decided = {_format_key(key): decision for key, decision in self.decisions.items()}
        return json.dumps({"decisions": decided})


def read_earlier_choices(sent: Mapping[str, Any]) -> Choices:
    """Return the choices of the plan that was shown, also those of rows on other pages.

    Raises FileUnreadable and FileInvalid for data that no page sends.
    """
    return Choices(
        conflicts=_read_decision(sent.get("decided_conflicts", "")),
        decisions=_read(sent.get("decided", '{"decisions": {}}')),
    )


def read_choices(sent: Mapping[str, Any], earlier: Choices) -> Choices:
    """Return the choices of the page, and the earlier ones of rows that it does not show.

    Raises FileInvalid for data that no page sends.
    """
    chosen = {
        name.removeprefix(CHOICE): value for name, value in sent.items() if name.startswith(CHOICE)
    }
    decided = {key: value for key, value in chosen.items() if value}
    others = {key: one for key, one in earlier.decisions.items() if _format_key(key) not in chosen}
    return Choices(
        conflicts=_read_decision(sent.get("conflicts", "")),
        decisions={**others, **_read(json.dumps({"decisions": decided}))},
    )


def _format_key(key: GivenKey) -> str:
    kind, uuid = key
    return f"{kind}:{uuid}" if kind else uuid


def _read(decided: str) -> Decisions:
    return read_decision_file(decided.encode(), max_bytes=ziggy.MAX_IMPORT_BYTES)


def _read_decision(word: str) -> ConflictResolution | None:
    return read_decision(word) if word in set(ConflictResolution) else None


class UndoOptionsForm(forms.Form):
    """The options of an undo; those that need a right only for users who have it."""

    no_backup = forms.BooleanField(
        required=False, label="Without a backup of the database before the undo"
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.has_perm(SKIP_BACKUP):
            del self.fields["no_backup"]

    @property
    def with_backup(self) -> bool:
        """Return whether the database is backed up first."""
        return not (self.is_valid() and self.cleaned_data.get("no_backup"))


class ConfirmationForm(forms.Form):
    """The server's name, typed as a confirmation if that is required."""

    server_name = forms.CharField(required=False, max_length=1000)

    def clean_server_name(self) -> str:
        """Require the name of this server."""
        name: str = self.cleaned_data["server_name"]
        if ziggy.CONFIRM_SERVER_NAME and name != ziggy.SERVER_NAME:
            raise forms.ValidationError(
                f"Type the name of this server, {ziggy.SERVER_NAME}, to write to it. "
                "Nothing was written."
            )
        return name


class UndoFilterForm(forms.Form):
    """Which rows the list shows. Invalid values show all."""

    result = make_result_field(UndoResult)
    show = forms.ChoiceField(required=False, choices=_SHOWN)
    q = make_text_field()

    @property
    def conditions(self) -> dict[str, str]:
        """Return the filter's values by field name."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.base_fields}
