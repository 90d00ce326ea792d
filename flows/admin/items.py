"""Flows, connections and secrets in Django's admin, each with its history of named saves."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from reversion.admin import VersionAdmin

from flows.graph import read_graph
from flows.graph_svg import draw
from flows.models import Connection, Flow, Secret


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


class ItemAdmin(VersionAdmin):
    """What the three kinds have in common."""

    form = ItemForm
    list_display: tuple[str, ...] = ("display_name", "uuid", "is_deleted", "updated_at")
    list_display_links = ("display_name",)
    list_filter: tuple[str, ...] = ("is_deleted",)
    search_fields = ("name", "uuid")
    readonly_fields: tuple[str, ...] = ("uuid", "created_at", "updated_at")
    list_per_page = 50

    @admin.display(description="name", ordering="name")
    def display_name(self, item: Any) -> str:
        return str(item)


@admin.register(Flow)
class FlowAdmin(ItemAdmin):
    list_display = ("display_name", "listener_type", "is_subflow", "is_locked", "updated_at")
    list_filter = ("is_deleted", "is_subflow", "is_locked", "listener_type")
    readonly_fields = ("picture", *ItemAdmin.readonly_fields)

    class Media:
        css: ClassVar = {"all": ("flows/graph.css",)}

    @admin.display(description="picture")
    def picture(self, flow: Flow) -> str:
        graph = read_graph(flow.nodes, flow.edges)
        if not graph.nodes:
            return "This flow has no nodes."
        # Everything in it that comes from the flow was escaped where it was drawn.
        drawing = mark_safe(draw(graph, title=f"Picture of {flow}"))  # noqa: S308
        return format_html('<div class="graph-scroll">{}</div>', drawing)


@admin.register(Connection)
class ConnectionAdmin(ItemAdmin):
    list_display = ("display_name", "type", "uuid", "updated_at")
    list_filter = ("is_deleted", "type")


class SecretForm(ItemForm):
    """A secret whose values are write-only: what is stored is never shown, empty leaves it."""

    new_dev_value = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label="New development value",
        help_text="Write-only. Leave empty to keep the stored value.",
    )
    new_prod_value = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label="New production value",
        help_text="Write-only. Leave empty to keep the stored value.",
    )

    class Meta:
        model = Secret
        fields = ("name", "description", "type", "group", "tags", "extra", "is_deleted")

    def save(self, commit: bool = True) -> Any:
        for field in ("dev_value", "prod_value"):
            if value := self.cleaned_data.get(f"new_{field}"):
                setattr(self.instance, field, value)
        return super().save(commit)


@admin.register(Secret)
class SecretAdmin(ItemAdmin):
    form = SecretForm
    list_display = ("display_name", "type", "group", "has_dev_value", "has_prod_value")
    list_filter = ("is_deleted", "type", "group")

    @admin.display(boolean=True, description="development value")
    def has_dev_value(self, secret: Secret) -> bool:
        return secret.dev_value is not None

    @admin.display(boolean=True, description="production value")
    def has_prod_value(self, secret: Secret) -> bool:
        return secret.prod_value is not None
