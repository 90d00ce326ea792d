"""The forms of the import pages: from a browser's data to the arguments of imports.uploads."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from flows.content.fields import Kind
from imports.admin.filter_fields import make_result_field, make_text_field
from imports.models import PendingImport
from imports.permissions import OVERRIDE_LOCKS, PRUNE_ITEMS, SKIP_BACKUP
from imports.planfile.item_list import ListFilter, Show
from imports.planfile.page import PageItem
from imports.plans.decisions import ItemAction, ItemDecision
from imports.plans.plan import Mode, Result
from imports.uploads.pending import Options

_MODES = [
    (Mode.OVERWRITE.value, "Overwrite: the row here becomes what the file says"),
    (Mode.SKIP.value, "Skip: the row here is left alone"),
    (Mode.DUPLICATE.value, "Duplicate: a copy beside the row here"),
]
_SHOW = {
    Show.CHANGES: "what changes or was decided",
    Show.UNREVIEWED: "what changes and is not reviewed",
    Show.ATTENTION: "what has a warning",
    Show.REFUSED: "what has a problem",
    Show.NEWS: "what differs since the last plan",
    Show.REST: "what stays as it is",
    Show.ALL: "all items",
}


class OptionsForm(forms.Form):
    """The mode and the options of an import; those that need a right only for users who have it."""

    mode = forms.ChoiceField(
        choices=_MODES,
        initial=Mode.OVERWRITE.value,
        widget=forms.RadioSelect,
        label="What exists here already",
    )
    no_backup = forms.BooleanField(
        required=False, label="Without a backup of the database before the import"
    )
    override_locks = forms.BooleanField(required=False, label="Overwrite locked flows as well")
    prune = forms.BooleanField(
        required=False,
        label="Prune: delete what came from this directory before and is not in it any more",
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.has_perm(SKIP_BACKUP):
            del self.fields["no_backup"]
        if not user.has_perm(OVERRIDE_LOCKS):
            del self.fields["override_locks"]
        if not user.has_perm(PRUNE_ITEMS):
            del self.fields["prune"]

    @property
    def options(self) -> Options:
        """Return the options of a valid form."""
        return Options(
            mode=Mode(self.cleaned_data["mode"]),
            with_backup=not self.cleaned_data.get("no_backup", False),
            override_locks=self.cleaned_data.get("override_locks", False),
            prune=self.cleaned_data.get("prune", False),
        )


class UploadForm(OptionsForm):
    """The options of a file that is uploaded with them."""

    def __init__(self, *args: Any, files_given: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._files_given = files_given

    def clean(self) -> dict[str, Any]:
        """Require exactly one file."""
        super().clean()
        if self._files_given != 1:
            raise forms.ValidationError(
                "Choose the export file to import."
                if self._files_given == 0
                else f"Choose one file, not {self._files_given}."
            )
        return self.cleaned_data


class ChoicesForm(OptionsForm):
    """The options of a waiting upload."""

    def __init__(self, *args: Any, pending: PendingImport, **kwargs: Any) -> None:
        initial = {
            "mode": pending.mode,
            "no_backup": not pending.with_backup,
            "override_locks": pending.override_locks,
            "prune": pending.prune,
        }
        super().__init__(*args, initial=initial, **kwargs)


class FilterForm(forms.Form):
    """Which items a list shows. Where values are invalid, what changes."""

    result = make_result_field(Result)
    show = forms.ChoiceField(
        required=False, choices=[(show.value, words) for show, words in _SHOW.items()]
    )
    q = make_text_field()

    @property
    def chosen(self) -> ListFilter:
        """Return the conditions: a result or a name is looked for in all items."""
        self.is_valid()
        cleaned = self.cleaned_data
        result, text = cleaned.get("result"), cleaned.get("q", "")
        usual = Show.ALL if result or text else Show.CHANGES
        show = Show(cleaned.get("show") or usual)
        return ListFilter(
            show=usual if show is Show.CHANGES else show,
            result=Result(result) if result else None,
            text=text,
        )


def read_decisions(
    sent: Mapping[str, Any], listed: Iterable[PageItem]
) -> dict[tuple[Kind, str], ItemDecision]:
    """Return the decisions for items: one for all that are listed, or those of the page's choices.

    A choice that is no mode and no action, or for an item that is not listed, is ignored.
    """
    modes = {mode.value: mode for mode in Mode}
    actions = {action.value: action for action in ItemAction}
    for_all = sent.get("mode_of_all", "")
    decisions: dict[tuple[Kind, str], ItemDecision] = {}
    for item in listed:
        if item.is_pruned:  # which is no item of the file
            continue
        name = f"{item.kind}:{item.uuid}"
        has_choice = item.is_matched or item.decided_action or for_all == ItemAction.LEAVE_OUT
        if f"mode:{name}" not in sent and not (for_all and has_choice):
            continue
        word = for_all if for_all and has_choice else sent.get(f"mode:{name}", "")
        decisions[item.kind, item.uuid] = ItemDecision(
            mode=modes.get(word),
            target_uuid=None if word in actions else item.decided_target,
            action=actions.get(word),
        )
    return decisions
