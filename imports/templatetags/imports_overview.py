"""The figures of the server, for the first page of an admin site."""

from typing import Any

from django import template
from django.template.context import RequestContext

from imports.admin.server.overview_page import make_overview_context

register = template.Library()


@register.inclusion_tag("admin/imports/overview.html", takes_context=True)
def show_server_overview(context: RequestContext) -> dict[str, Any]:
    """Return the context of the figures that the user of the page may see."""
    return make_overview_context(context["request"])
