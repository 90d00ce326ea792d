"""Common parts of the lists and pages of the three kinds."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from flows.admin.filters import StateFilter
from flows.admin.forms import CodeTextarea, ItemForm
from flows.admin.list_addresses import CheckedListMixin
from flows.admin.saves import DIFFERENCE_MEDIA, SavesAdmin
from flows.admin.soft_delete import SoftDeleteAdmin
from flows.admin.warnings import show_warnings
from flows.content.fields import get_columns
from flows.differences.values import compare_contents
from flows.fields import DocumentField
from flows.models import MODELS
from flows.relations.uses import RelatedItems, find_users, find_uses
from flows.saves.edits import keep_before_edit
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.sight import find_visible_kinds
from flows.users import User

_Admin = TypeVar("_Admin", bound=admin.ModelAdmin)
# For texts that are nearly always short. An input of one line would lose a line end.
_LINES = {
    **dict.fromkeys(("listener_type", "queue_uuid", "tenant_id", "type", "group"), 1),
    **dict.fromkeys(("tags", "used_connections", "used_secrets", "viewport", "description"), 3),
}
ROW = ("Row", {"fields": ("uuid", "created_at", "updated_at", "updated_by")})
_VIEWS_OF_FORMS = ("add_view", "change_view", "changeform_view", "revision_view", "recover_view")


class ItemChangeList(ChangeList):
    """A list that does not read the long texts of its items."""

    model_admin: "ItemAdmin"

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        return rows.defer(*self.model_admin.not_listed)


class ItemAdmin(CheckedListMixin, SoftDeleteAdmin, SavesAdmin):
    """Base of the admin classes of the three kinds."""

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
    """Columns that the list does not read."""

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

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the sets, with the fields of content that none of them has in one of their own."""
        sets = super().get_fieldsets(request, obj)
        placed = flatten_fieldsets(sets)
        others = [column for column in get_columns(self.model.kind) if column not in placed]
        return (*sets, ("Other settings", {"fields": others})) if others else sets

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        form.may_retarget = request.user.has_perm(RETARGET_CONNECTIONS)
        form.visible_kinds = find_visible_kinds(request.user)
        form.present_item = getattr(request, "present_item", None)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            # From the database, where the row is locked: the object has the typed values.
            before = self.model._default_manager.get(pk=obj.pk)
            keep_before_edit(before, obj, user=cast(User, request.user))
        obj.updated_by = request.user.get_username()
        super().save_model(request, obj, form, change)
        show_warnings(self, request, form.warnings, name=str(obj))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if original := context.get("original"):
            # From the database: after a refused form, the object has the typed values.
            item = getattr(request, "shown_item", None)
            item = item or self.model._default_manager.get(pk=original.pk)
            context["uses"] = self._add_visibility(request, find_uses(item))
            context["users"] = self._add_visibility(request, find_users(item))
            context |= _make_conflict_context(context["adminform"].form, context["media"])
            context["show_delete"] = context.get("show_delete", True) and not item.is_deleted
        return super().render_change_form(request, context, *args, **kwargs)

    def _add_visibility(
        self, request: HttpRequest, groups: Iterable[RelatedItems]
    ) -> list[tuple[RelatedItems, bool]]:
        """Return each group with whether the user may see its items."""
        admins = {kind: self.admin_site.get_model_admin(model) for kind, model in MODELS.items()}
        return [(group, admins[group.kind].has_view_permission(request)) for group in groups]


def _make_conflict_context(form: Any, media: Any) -> dict[str, Any]:
    """Return the context for a form that was refused because the row was changed meanwhile."""
    if not getattr(form, "saved_meanwhile", False):
        return {}
    shown = compare_contents(form.instance.kind, form.stored_content, form.typed_content)
    return {"conflict": form.state, "difference": shown, "media": media + DIFFERENCE_MEDIA}


def hide_from_reports(*parameters: str) -> Callable[[type[_Admin]], type[_Admin]]:
    """Hide the posted fields of these names, and local variables, in reports of crashes."""
    hide = [sensitive_post_parameters(*parameters), sensitive_variables()]

    def decorate(admin_class: type[_Admin]) -> type[_Admin]:
        for view in _VIEWS_OF_FORMS:
            admin_class = method_decorator(hide, name=view)(admin_class)
        return admin_class

    return decorate
