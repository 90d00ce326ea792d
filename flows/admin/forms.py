"""The forms of items: texts stay byte for byte, and secret values are only ever written."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.views.decorators.debug import sensitive_variables

from flows import saved_states
from flows.content import NAME_MAX_LENGTH, Content, Kind, columns
from flows.models import Connection, Secret
from flows.sent_secrets import RETARGET_CONNECTIONS, secrets_sent_elsewhere
from flows.state_tags import state_tag

_LONGEST_TAG = 64


class CodeTextarea(AdminTextareaWidget):
    """A text of code or JSON: in a font of one width, without help for spelling."""

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
    """A form that keeps a text as it is where nobody changed it.

    A browser makes an empty text of null and CRLF of every line end, and Django's form fields
    cut the spaces at both ends: each would make the item differ from the file it came from.

    It knows the state that it was opened on, and does not write over what somebody else saved
    meanwhile, unless it is told to, by the tag of the state that was shown beside it.
    """

    opened_on = StateField()
    save_over = StateField()

    present_tag: str | None = None
    """The tag of the stored row, where the form's object is not it."""
    saved_meanwhile = False
    """Whether the form was refused because the row is not the one that it was opened on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = saved_states.present_row(self.instance)  # before what is typed gets into it
        if self.instance.pk is not None:
            self.state = self.present_tag or state_tag(self.instance)
            self.initial["opened_on"] = self.state

    def clean(self) -> Any:
        self._check_state()
        super().clean()
        for name, text in self.cleaned_data.items():
            if name == "opened_on":
                continue
            if name in self.initial and isinstance(self.fields[name], forms.CharField):
                stored = self.initial[name]
                changed = _as_typed(text) != _as_typed(stored)
                self.cleaned_data[name] = text and _as_typed(text) if changed else stored
        return self.cleaned_data

    def _check_state(self) -> None:
        if self.instance.pk is None:
            return
        told = {self.cleaned_data.get(name) for name in ("opened_on", "save_over")}
        if self.state in told:
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
        """The content that the row would get; what is wrong in the form is as it is stored."""
        content = saved_states.content_of(self.instance.kind, self.stored)
        return {**content, **{key: self.cleaned_data.get(key, content[key]) for key in content}}

    @property
    def stored_content(self) -> Content:
        """The content that the row has now."""
        return saved_states.content_of(self.instance.kind, self.stored)


def _as_typed(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


class ConnectionForm(ItemForm):
    """A connection, which not everybody may make send a stored secret elsewhere."""

    may_retarget = False

    class Meta:
        model = Connection
        fields = (
            *("name", "type", "description", "is_core_platform"),
            *("dev_value", "prod_value", "extra"),
        )
        widgets: ClassVar = {"dev_value": CodeTextarea, "prod_value": CodeTextarea}

    def clean(self) -> Any:
        super().clean()
        if self.instance.pk and not self.may_retarget and not self.errors:
            before = {name: getattr(self.instance, name) for name in columns(Kind.CONNECTION)}
            if told := secrets_sent_elsewhere(before, {**before, **self.cleaned_data}):
                needs = f"This needs the permission {RETARGET_CONNECTIONS}."
                self.add_error(None, f"{told} {needs}")
        return self.cleaned_data


def _new_value(label: str) -> forms.CharField:
    return forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label=f"New {label}",
        help_text="Write-only. Leave empty to keep the stored value.",
    )


def _clear(label: str) -> forms.BooleanField:
    return forms.BooleanField(
        required=False, label=f"Clear the {label}", help_text="The secret has none afterwards."
    )


class SecretForm(ItemForm):
    """A secret whose values are write-only: what is stored is never shown, empty leaves it."""

    new_dev_value = _new_value("development value")
    clear_dev_value = _clear("development value")
    new_prod_value = _new_value("production value")
    clear_prod_value = _clear("production value")

    class Meta:
        model = Secret
        fields = ("name", "description", "type", "group", "tags", "extra")

    @sensitive_variables()
    def clean(self) -> Any:
        super().clean()
        for column in ("dev_value", "prod_value"):
            if self.cleaned_data.get(f"new_{column}") and self.cleaned_data.get(f"clear_{column}"):
                self.add_error(f"new_{column}", "Either give a new value or clear the stored one.")
            elif self.saved_meanwhile and self.cleaned_data.get(f"new_{column}"):
                self.add_error(f"new_{column}", "A value is never shown: type it again.")
        return self.cleaned_data

    @sensitive_variables()
    def save(self, commit: bool = True) -> Any:
        for column in ("dev_value", "prod_value"):
            if self.cleaned_data.get(f"clear_{column}"):
                setattr(self.instance, column, None)
            elif value := self.cleaned_data.get(f"new_{column}"):
                setattr(self.instance, column, value)
        return super().save(commit)

    def _get_validation_exclusions(self) -> set[str]:
        # It is no field, and a name is unique among live secrets: Django would not look at all.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions - {"is_deleted"}


class SaveForm(forms.Form):
    """The name of a named save to be."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        label="Name",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
