"""The forms of items: texts stay byte for byte, and secret values are only ever written."""

from collections.abc import Collection
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.views.decorators.debug import sensitive_variables

from flows.content.fields import NAME_MAX_LENGTH, Content, Kind, get_columns
from flows.destinations.warnings import DestinationWarning
from flows.models import Connection, Item, Secret, get_blank_content
from flows.saves import saved_states
from flows.saves.state_tags import compute_state_tag
from flows.secrets.stored_destinations import (
    RETARGET_CONNECTIONS,
    Write,
    explain_retargeting,
    find_warnings_of_writes,
    is_sent_where_shown,
    lock_destinations,
    log_refused_retargeting,
)

_LONGEST_TAG = 64


class CodeTextarea(AdminTextareaWidget):
    """A text of code or JSON: in a font of one width, without spell checking."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        code = {"class": "vLargeTextField code-text", "spellcheck": "false", "autocomplete": "off"}
        super().__init__({**code, **(attrs or {})})


class StateField(forms.CharField):
    """The tag of a state of the row, hidden. It is no content, and so no change of the item."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=_LONGEST_TAG, widget=forms.HiddenInput)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class ItemForm(forms.ModelForm):
    """A form that keeps a text as it is where the user did not change it.

    A browser makes an empty text of null and CRLF of every line end, and Django's form fields cut
    the spaces at both ends: each would make the item differ from its imported file.

    The form has the tag of the state that it was opened on, and does not overwrite a later state
    unless `save_over` has the tag of that one, which was shown with it. A change that would send a
    stored secret where it is not sent now is refused without the right to.
    """

    may_retarget = False
    visible_kinds: Collection[Kind] = ()
    """The kinds whose rows the user may see."""
    warnings: tuple[DestinationWarning, ...] = ()
    """The warnings of secrets that a valid form sends elsewhere."""

    opened_on = StateField()
    save_over = StateField()

    present_item: Item | None = None
    """The item as it is stored, where the form's object has another state."""
    saved_meanwhile = False
    """Whether the form was refused because the row changed after the form was opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = self.present_item or self.instance
        # Both before the typed values are in the form's object.
        self.stored = saved_states.get_present_row(present)
        self.shown = saved_states.get_present_row(self.instance)
        if self.instance.pk is not None:
            self.state = compute_state_tag(present)
            self.initial["opened_on"] = self.state

    def clean(self) -> Any:
        self._check_state()
        super().clean()
        self._keep_unchanged_texts()
        if not self.errors:
            self._check_destinations()
        return self.cleaned_data

    def _check_destinations(self) -> None:
        if self.instance.kind is not Kind.FLOW:  # a flow's code needs no right
            lock_destinations()
        self.warnings = find_warnings_of_writes([self._make_write()])
        if not self.may_retarget and (
            reason := explain_retargeting(self.warnings, visible_kinds=self.visible_kinds)
        ):
            log_refused_retargeting()
            self.add_error(None, f"{reason} This needs the permission {RETARGET_CONNECTIONS}.")

    def _make_write(self) -> Write:
        # From the database: the form's own object may have another state.
        item = type(self.instance)._default_manager.filter(pk=self.instance.pk).first()
        kind = self.instance.kind
        before = item.content if item else None
        is_live = item is not None and not item.is_deleted
        typed = {
            name: self.cleaned_data[name] for name in get_columns(kind) if name in self.cleaned_data
        }
        after = {**(before or get_blank_content(kind)), **typed}
        return Write(
            kind=kind,
            uuid=str(self.instance.uuid),
            before=before if is_live else None,
            after=after if is_live or item is None else None,
            has_value=item is not None and item.has_value,
        )

    def _keep_unchanged_texts(self) -> None:
        for name, text in self.cleaned_data.items():
            if name == "opened_on":
                continue
            if name in self.initial and isinstance(self.fields[name], forms.CharField):
                stored = self.initial[name]
                changed = _normalize(text) != _normalize(stored)
                self.cleaned_data[name] = text and _normalize(text) if changed else stored

    def _check_state(self) -> None:
        if self.instance.pk is None:
            return
        tags = {self.cleaned_data.get(name) for name in ("opened_on", "save_over")}
        if self.state in tags:
            return
        self.saved_meanwhile = True
        by = f" by {self.stored['updated_by']}" if self.stored["updated_by"] else ""
        error = (
            f"This {self.instance.kind} was changed{by} on "
            f"{self.stored['updated_at']:%Y-%m-%d %H:%M:%S} UTC, while you had it open. Nothing of "
            "yours is saved yet: look below at what differs, and then save over it or start anew."
        )
        self.add_error(None, forms.ValidationError(error, code="saved-meanwhile"))

    @property
    def typed_content(self) -> Content:
        """Return the content that the row would get; for invalid fields, what the page showed."""
        content = saved_states.get_content(self.instance.kind, self.shown)
        return {**content, **{key: self.cleaned_data.get(key, content[key]) for key in content}}

    @property
    def stored_content(self) -> Content:
        """Return the content that the row has now."""
        return saved_states.get_content(self.instance.kind, self.stored)


def _normalize(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


class ConnectionForm(ItemForm):
    """A connection, whose values may refer to secrets."""

    class Meta:
        model = Connection
        fields = (
            *("name", "type", "description", "is_core_platform"),
            *("dev_value", "prod_value", "extra"),
        )
        widgets: ClassVar = {"dev_value": CodeTextarea, "prod_value": CodeTextarea}


def _make_value_field(label: str) -> forms.CharField:
    return forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label=f"New {label}",
        help_text="Write-only. Leave empty to keep the stored value.",
    )


def _make_clear_field(label: str) -> forms.BooleanField:
    return forms.BooleanField(
        required=False, label=f"Clear the {label}", help_text="The secret has none afterwards."
    )


class SecretForm(ItemForm):
    """A secret with write-only values: stored ones are never shown, an empty field keeps them."""

    new_dev_value = _make_value_field("development value")
    clear_dev_value = _make_clear_field("development value")
    new_prod_value = _make_value_field("production value")
    clear_prod_value = _make_clear_field("production value")
    shown_destinations = StateField()

    class Meta:
        model = Secret
        # Not the unknown keys: a text that is typed there would be stored in clear.
        fields = ("name", "description", "type", "group", "tags")

    @sensitive_variables()
    def clean(self) -> Any:
        super().clean()
        for column in ("dev_value", "prod_value"):
            if self.cleaned_data.get(f"new_{column}") and self.cleaned_data.get(f"clear_{column}"):
                self.add_error(f"new_{column}", "Either give a new value or clear the stored one.")
            elif self.saved_meanwhile and self.cleaned_data.get(f"new_{column}"):
                self.add_error(f"new_{column}", "A value is never shown: type it again.")
        if self._gives_value() and (error := self._explain_changed_destinations()):
            self.add_error(None, error)
        return self.cleaned_data

    def _gives_value(self) -> bool:
        return any(self.cleaned_data.get(f"new_{column}") for column in ("dev_value", "prod_value"))

    def _explain_changed_destinations(self) -> str | None:
        """Return why the given value would be sent where the page did not show it; else None."""
        name = self.cleaned_data.get("name", "")
        is_shown = self.instance.pk is not None and name == self.shown["name"]
        shown = self.cleaned_data.get("shown_destinations", "") if is_shown else ""
        if is_sent_where_shown(name, shown):
            return None
        if is_shown:
            return (
                "Where a value goes has changed since you opened this page: look at it below, and "
                "type the value again."
            )
        return (
            f"Connections or flows name {name} already. Save the secret without a value: its page "
            "then shows where a value would go, and takes one."
        )

    @sensitive_variables()
    def save(self, commit: bool = True) -> Any:
        for column in ("dev_value", "prod_value"):
            if self.cleaned_data.get(f"clear_{column}"):
                setattr(self.instance, column, None)
            elif value := self.cleaned_data.get(f"new_{column}"):
                setattr(self.instance, column, value)
        return super().save(commit)

    def _get_validation_exclusions(self) -> set[str]:
        # A name is unique among live secrets; without `is_deleted`, Django would skip that check.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions - {"is_deleted"}


class SaveForm(forms.Form):
    """The name of a new named save."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        label="Name",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
