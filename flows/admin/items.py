"""The lists and pages of the three kinds."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from flows.admin.destinations import DestinationLine
from flows.admin.filters import StateFilter, TagFilter, TextFilter, read_tags
from flows.admin.forms import ConnectionForm, SecretForm
from flows.admin.graph_scripts import GRAPH_SCRIPTS
from flows.admin.item_admin import ROW, ItemAdmin, hide_from_reports
from flows.admin.secret_filters import SecretValueFilter
from flows.differences.graphs.graph import read_graph
from flows.differences.graphs.graph_svg import draw
from flows.models import MODELS, Connection, Flow, Secret
from flows.secrets.stored_destinations import (
    compute_destinations_tag,
    read_destinations,
)


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
        ROW,
    )

    class Media:
        css: ClassVar = {"all": ("flows/graph.css",)}
        js: ClassVar = GRAPH_SCRIPTS

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        return sets if obj else sets[1:]

    @admin.display(description="tags")
    def shown_tags(self, flow: Flow) -> str:
        return ", ".join(read_tags(flow.tags))

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
        # From the database: after a refused form, the object has the typed values. An object that
        # no query made has a saved state, which is the one to show.
        if flow._state.db is not None:
            flow = Flow._default_manager.only("name", "nodes", "edges").get(pk=flow.pk)
        graph = read_graph(flow.nodes, flow.edges)
        if not graph.nodes:
            return "This flow has no nodes."
        drawing = draw(graph, title=f"Picture of {flow}")
        return render_to_string("admin/flows/graph_pictures.html", {"pictures": [drawing]})


@admin.register(Connection)
@hide_from_reports("dev_value", "prod_value")  # which may hold credentials
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
        ROW,
    )


@admin.register(Secret)
@hide_from_reports("new_dev_value", "new_prod_value")
class SecretAdmin(ItemAdmin):
    """Secrets, whose values are written and never shown."""

    form = SecretForm
    list_display = ("display_name", "type", "group", "has_dev_value", "has_prod_value")
    list_filter = (StateFilter, SecretValueFilter, ("type", TextFilter), ("group", TextFilter))
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
        description = "A stored value is never shown, only whether there is one."
        values = ("Values", {"fields": fields, "description": description})
        return (self._what_it_is, values, self._documents, ROW)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if original := context.get("original"):
            # From the database, unless the page shows a saved state.
            secret = getattr(request, "shown_item", None)
            secret = secret or Secret._default_manager.get(pk=original.pk)
            lines = self.make_destination_lines(request, secret)
            context["secret_destinations"] = lines
            context["shown_destinations"] = compute_destinations_tag(
                line.destination for line in lines
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def make_destination_lines(self, request: HttpRequest, secret: Secret) -> list[DestinationLine]:
        """Return the destinations of the secret, to show them before a value is given."""
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
