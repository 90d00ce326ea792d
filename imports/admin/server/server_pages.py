"""The pages about a server as a whole: what was changed here, a comparison, an export."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern

from imports.admin.server.compare_page import list_compare_urls
from imports.admin.server.drift_page import list_drift_urls
from imports.admin.server.export_page import list_export_urls


def list_server_urls(site: AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages. They must come before those of the records."""
    return [*list_drift_urls(site), *list_compare_urls(site), *list_export_urls(site)]
