"""The three kinds: their lists and pages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from flows.admin.filters import StateFilter, TagFilter, TextFilter, tags_of
from flows.admin.forms import CodeTextarea, ConnectionForm, ItemForm, SecretForm
from flows.admin.list_addresses import CheckedListMixin
from flows.admin.saves import DIFFERENCE_MEDIA, SavesAdmin
from flows.admin.soft_delete import SoftDeleteAdmin
from flows.differences.graph import read_graph
from flows.differences.graph_svg import draw
from flows.differences.values import difference
from flows.fields import DocumentField
from flows.models import MODELS, Connection, Flow, Secret
from flows.relations.uses import RelatedItems, find_users, find_uses
from flows.secrets.stored_destinations import (
    RETARGET_CONNECTIONS,
    SecretDestination,
    destinations_tag,
    read_destinations,
)
from flows.sight import kinds_seen

_Admin = TypeVar("_Admin", bound=admin.ModelAdmin)

_VIEWS_OF_FORMS = ("add_view", "change_view", "changeform_view", "revision_view", "recover_view")

_ROW = ("Row", {"fields": ("uuid", "created_at", "updated_at", "updated_by")})

# Of texts that are short nearly always. An input of one line would lose a line end.
_LINES = {
    **dict.fromkeys(("listener_type", "queue_uuid", "tenant_id", "type", "group"), 1),
    **dict.fromkeys(("tags", "used_connections", "used_secrets", "viewport", "description"), 3),
}


def _hidden_from_reports(*parameters: str) -> Callable[[type[_Admin]], type[_Admin]]:
    """Keep what is posted under these names, and what is made of it, out of reports of crashes."""
    hide = [sensitive_post_parameters(*parameters), sensitive_variables()]

    def decorate(admin_class: type[_Admin]) -> type[_Admin]:
        for view in _VIEWS_OF_FORMS:
            admin_class = method_decorator(hide, name=view)(admin_class)
        return admin_class

    return decorate


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What a destination came with: a text, and the address of its page."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationLine:
    """A destination of a secret, as a page shows it."""

    destination: SecretDestination
    may_view: bool
    """Whether the user may see what sends it."""
    since: Since | None = None


class ItemChangeList(ChangeList):
    """A list that does not read the long texts of its items."""

    model_admin: "ItemAdmin"

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        return rows.defer(*self.model_admin.not_listed)


class ItemAdmin(CheckedListMixin, SoftDeleteAdmin, SavesAdmin):
    """What the three kinds have in common."""

    form = ItemForm
    # Not django-reversion's, with its button to recover what was deleted for good.
    change_list_template = "admin/change_list.html"
    formfield_overrides: ClassVar = {DocumentField: {"widget": CodeTextarea}}
    list_display: tuple[str, ...] = ("display_name", "uuid", "updated_at")
    list_display_links = ("display_name",)
    list_filter: tuple[Any, ...] = (StateFilter,)
    search_fields = ("name", "uuid")
    readonly_fields: tuple[str, ...] = ("uuid", "created_at", "updated_at", "updated_by")
    list_per_page = 50

    not_listed: tuple[str, ...] = ("extra",)
    """Columns that the list does not need."""

    class Media:
        css: ClassVar = {"all": ("flows/items.css",)}

    @admin.display(description="name", ordering="name")
    def display_name(self, item: Any) -> str:
        deleted = " (deleted)" if item.is_deleted else ""
        return f"{item}{deleted}"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and (lines := _LINES.get(db_field.name)):
            field.widget.attrs["rows"] = lines
        return field

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ItemChangeList

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        form.may_retarget = request.user.has_perm(RETARGET_CONNECTIONS)
        form.sees = kinds_seen(request.user)
        form.present_tag = getattr(request, "present_tag", None)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.updated_by = request.user.get_username()
        super().save_model(request, obj, form, change)
        for warning in form.warnings:
            level = messages.ERROR if warning.is_serious else messages.WARNING
            self.message_user(request, f"“{obj}”: {warning.text_for(form.sees)}.", level)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if original := context.get("original"):
            # As it is stored: a form that was refused has left what was typed in the object.
            item = getattr(request, "shown_item", None)
            item = item or self.model._default_manager.get(pk=original.pk)
            context["uses"] = self._visible(request, find_uses(item))
            context["users"] = self._visible(request, find_users(item))
            context |= _conflict(context["adminform"].form, context["media"])
            context["show_delete"] = context.get("show_delete", True) and not item.is_deleted
        return super().render_change_form(request, context, *args, **kwargs)

    def _visible(
        self, request: HttpRequest, groups: Iterable[RelatedItems]
    ) -> list[tuple[RelatedItems, bool]]:
        """Each group with whether the user may see its items."""
        admins = {kind: self.admin_site.get_model_admin(model) for kind, model in MODELS.items()}
        return [(group, admins[group.kind].has_view_permission(request)) for group in groups]


def _conflict(form: Any, media: Any) -> dict[str, Any]:
    """What the page of a form shows that was refused because somebody else saved meanwhile."""
    if not getattr(form, "saved_meanwhile", False):
        return {}
    shown = difference(form.instance.kind, form.stored_content, form.typed_content)
    return {"conflict": form.state, "difference": shown, "media": media + DIFFERENCE_MEDIA}


@admin.register(Flow)
class FlowAdmin(ItemAdmin):
    """Flows, each with its picture."""

    list_display = (
        *("display_name", "shown_tags", "listener_type", "subflow", "locked"),
        *("valid", "blocks", "updated_at"),
    )
    list_filter = (StateFilter, TagFilter, ("listener_type", TextFilter), "is_subflow", "is_locked")
    not_listed = ("info", "nodes", "edges", "viewport", "used_connections", "used_secrets", "extra")
    readonly_fields = ("picture", *ItemAdmin.readonly_fields)
    fieldsets = (
        ("Picture", {"fields": ("picture",), "classes": ("picture",)}),
        ("What it is", {"fields": ("name", "info", "tags")}),
        (
            "Settings",
            {
                "fields": (
                    ("is_subflow", "is_commander", "is_valid", "is_locked"),
                    "listener_type",
                    ("timeout", "num_blocks"),
                    ("execution_history_level", "execution_history_mins"),
                    ("queue_uuid", "tenant_id"),
                )
            },
        ),
        (
            "Documents",
            {
                "fields": (
                    *("nodes", "edges", "viewport"),
                    *("used_connections", "used_secrets", "extra"),
                ),
                "classes": ("collapse",),
            },
        ),
        _ROW,
    )

    class Media:
        css: ClassVar = {"all": ("flows/graph.css",)}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        return sets if obj else sets[1:]

    @admin.display(description="tags")
    def shown_tags(self, flow: Flow) -> str:
        return ", ".join(tags_of(flow.tags))

    @admin.display(boolean=True, ordering="is_subflow")
    def subflow(self, flow: Flow) -> bool | None:
        return flow.is_subflow

    @admin.display(boolean=True, ordering="is_locked")
    def locked(self, flow: Flow) -> bool | None:
        return flow.is_locked

    @admin.display(boolean=True, ordering="is_valid")
    def valid(self, flow: Flow) -> bool | None:
        return flow.is_valid

    @admin.display(ordering="num_blocks")
    def blocks(self, flow: Flow) -> int | None:
        return flow.num_blocks

    @admin.display(description="picture")
    def picture(self, flow: Flow) -> str:
        # As it is stored: a form that was refused has left what was typed in the object. An object
        # that no query made holds a saved state, which it shows.
        if flow._state.db is not None:
            flow = Flow._default_manager.only("name", "nodes", "edges").get(pk=flow.pk)
        graph = read_graph(flow.nodes, flow.edges)
        if not graph.nodes:
            return "This flow has no nodes."
        # Everything in it that comes from the flow was escaped where it was drawn.
        drawing = mark_safe(draw(graph, title=f"Picture of {flow}"))  # noqa: S308
        # It scrolls, also by the keyboard.
        frame = '<div class="graph-scroll" tabindex="0" role="region" aria-label="Picture">{}</div>'
        return format_html(frame, drawing)


@admin.register(Connection)
@_hidden_from_reports("dev_value", "prod_value")  # which may hold credentials
class ConnectionAdmin(ItemAdmin):
    """Connections."""

    form = ConnectionForm
    list_display = ("display_name", "type", "uuid", "updated_at")
    list_filter = (StateFilter, ("type", TextFilter))
    not_listed = ("description", "dev_value", "prod_value", "extra")
    fieldsets = (
        ("What it is", {"fields": ("name", "type", "description", "is_core_platform")}),
        ("Where it leads", {"fields": ("dev_value", "prod_value")}),
        ("Documents", {"fields": ("extra",), "classes": ("collapse",)}),
        _ROW,
    )


@admin.register(Secret)
@_hidden_from_reports("new_dev_value", "new_prod_value")
class SecretAdmin(ItemAdmin):
    """Secrets, whose values are written and never shown."""

    form = SecretForm
    list_display = ("display_name", "type", "group", "has_dev_value", "has_prod_value")
    list_filter = (StateFilter, ("type", TextFilter), ("group", TextFilter))
    not_listed = ("description", "extra")
    readonly_fields = ("has_dev_value", "has_prod_value", "extra", *ItemAdmin.readonly_fields)
    _what_it_is = ("What it is", {"fields": ("name", "description", "type", "group", "tags")})
    _documents = ("Documents", {"fields": ("extra",), "classes": ("collapse",)})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            fields: tuple[str, ...] = ("new_dev_value", "new_prod_value")
        elif self.has_change_permission(request, obj):
            fields = (
                *("has_dev_value", "new_dev_value", "clear_dev_value"),
                *("has_prod_value", "new_prod_value", "clear_prod_value"),
            )
        else:
            fields = ("has_dev_value", "has_prod_value")
        told = "A stored value is never shown, only whether there is one."
        values = ("Values", {"fields": fields, "description": told})
        return (self._what_it_is, values, self._documents, _ROW)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if original := context.get("original"):
            # As it is stored, unless it was removed for good and is to be recovered.
            secret = Secret._default_manager.filter(pk=original.pk).first() or original
            lines = self.destination_lines(request, secret)
            context["secret_destinations"] = lines
            context["shown_destinations"] = destinations_tag(line.destination for line in lines)
        return super().render_change_form(request, context, *args, **kwargs)

    def destination_lines(self, request: HttpRequest, secret: Secret) -> list[DestinationLine]:
        """Where a value of the secret goes, for whoever is about to give it one."""
        found = read_destinations([secret.name])[secret.name]
        admins = {kind: self.admin_site.get_model_admin(model) for kind, model in MODELS.items()}
        return [
            DestinationLine(
                destination=each, may_view=admins[each.kind].has_view_permission(request)
            )
            for each in found
        ]

    @admin.display(boolean=True, description="development value")
    def has_dev_value(self, secret: Secret) -> bool:
        return secret.dev_value is not None

    @admin.display(boolean=True, description="production value")
    def has_prod_value(self, secret: Secret) -> bool:
        return secret.prod_value is not None
