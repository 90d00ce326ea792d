"""The forms of items: texts stay byte for byte, and secret values are only ever written."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.views.decorators.debug import sensitive_variables

from flows.coded_warnings import CodedWarning
from flows.content import NAME_MAX_LENGTH, columns
from flows.models import Connection, Secret, blank_content
from flows.secret_destinations import (
    RETARGET_CONNECTIONS,
    Write,
    lock_destinations,
    read_destinations,
    told_of_refusal,
    warnings_of_writes,
)


class CodeTextarea(AdminTextareaWidget):
    """A text of code or JSON: in a font of one width, without help for spelling."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        code = {"class": "vLargeTextField code-text", "spellcheck": "false", "autocomplete": "off"}
        super().__init__({**code, **(attrs or {})})


class ItemForm(forms.ModelForm):
    """A form that keeps a text as it is where nobody changed it.

    A browser makes an empty text of null and CRLF of every line end, and Django's form fields
    cut the spaces at both ends: each would make the item differ from the file it came from.

    What would send a stored secret where it is not sent now is refused without the right to.
    """

    may_retarget = False
    warnings: tuple[CodedWarning, ...] = ()
    """What is to be said of a valid form of the secrets that it sends elsewhere."""

    def clean(self) -> Any:
        super().clean()
        self._keep_unchanged_texts()
        if not self.errors:
            self._check_destinations()
        return self.cleaned_data

    def _check_destinations(self) -> None:
        lock_destinations()
        self.warnings = warnings_of_writes([self._write()])
        if not self.may_retarget and (told := told_of_refusal(self.warnings)):
            self.add_error(None, f"{told} This needs the permission {RETARGET_CONNECTIONS}.")

    def _write(self) -> Write:
        item = self.instance
        # As it is stored: what was typed comes into the instance after this.
        before = {name: getattr(item, name) for name in columns(item.kind)} if item.pk else None
        has_value = isinstance(item, Secret) and item.has_value
        is_live = bool(item.pk) and not item.is_deleted
        after = {**(before or blank_content(item.kind)), **self.cleaned_data}
        return Write(
            kind=item.kind,
            uuid=str(item.uuid),
            before=before if is_live else None,
            after=after if is_live or not item.pk else None,
            had_value=has_value,
            has_value=has_value,
        )

    def _keep_unchanged_texts(self) -> None:
        for name, text in self.cleaned_data.items():
            if name in self.initial and isinstance(self.fields[name], forms.CharField):
                stored = self.initial[name]
                changed = _as_typed(text) != _as_typed(stored)
                self.cleaned_data[name] = text and _as_typed(text) if changed else stored


def _as_typed(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


class ConnectionForm(ItemForm):
    """A connection, whose values may name secrets."""

    class Meta:
        model = Connection
        fields = (
            *("name", "type", "description", "is_core_platform"),
            *("dev_value", "prod_value", "extra"),
        )
        widgets: ClassVar = {"dev_value": CodeTextarea, "prod_value": CodeTextarea}


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
        if not self.instance.pk and self._gives_value() and self._is_named_already():
            self.add_error(
                None,
                "Connections or flows name this secret already. Save it without a value: its page "
                "then shows where a value would go, and takes one.",
            )
        return self.cleaned_data

    def _gives_value(self) -> bool:
        return any(self.cleaned_data.get(f"new_{column}") for column in ("dev_value", "prod_value"))

    def _is_named_already(self) -> bool:
        name = self.cleaned_data.get("name", "")
        return bool(read_destinations([name])[name])

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
