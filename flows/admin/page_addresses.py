"""The addresses of the pages that an admin class has beside Django's."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from flows.web.transactions import open_own_transactions

View = Callable[..., HttpResponseBase]


def wrap_running_page(site: AdminSite, view: View) -> View:
    """Return the view of a page that makes runs, for who may use the admin."""
    return open_own_transactions(site.admin_view(view))


def list_page_urls(admin: "ModelAdmin[Any]", *pages: tuple[str, View, str]) -> list[URLPattern]:
    """Return the URLs of pages for who may use the admin: each by its route, view and name."""
    prefix = f"{admin.opts.app_label}_{admin.opts.model_name}"
    return [
        path(route, admin.admin_site.admin_view(view), name=f"{prefix}_{name}")
        for route, view, name in pages
    ]
