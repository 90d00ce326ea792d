"""The forms of items: texts stay byte for byte, and secret values are only ever written."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.views.decorators.debug import sensitive_variables

from flows.content import NAME_MAX_LENGTH, Kind, columns
from flows.models import Connection, Secret
from flows.sent_secrets import RETARGET_CONNECTIONS, secrets_sent_elsewhere


class CodeTextarea(AdminTextareaWidget):
    """A text of code or JSON: in a font of one width, without help for spelling."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        code = {"class": "vLargeTextField code-text", "spellcheck": "false", "autocomplete": "off"}
        super().__init__({**code, **(attrs or {})})


class ItemForm(forms.ModelForm):
    """A form that keeps a text as it is where nobody changed it.

    A browser makes an empty text of null and CRLF of every line end, and Django's form fields
    cut the spaces at both ends: each would make the item differ from the file it came from.
    """

    def clean(self) -> Any:
        super().clean()
        for name, text in self.cleaned_data.items():
            if name in self.initial and isinstance(self.fields[name], forms.CharField):
                stored = self.initial[name]
                changed = _as_typed(text) != _as_typed(stored)
                self.cleaned_data[name] = text and _as_typed(text) if changed else stored
        return self.cleaned_data


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
