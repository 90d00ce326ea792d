"""The addresses of the site. Those under /api have no trailing slash."""

from csp.decorators import csp_update
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from flows.conf import ziggy
from ziggy_site.api_docs import Docs, Schema

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", Schema.as_view(), name="schema"),
    # The page's icons are in its style sheet, as data.
    path("docs", csp_update({"img-src": ["data:"]})(Docs.as_view()), name="docs"),
    path("", include("accounts.urls")),
    path("", include("imports.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include(api_urlpatterns)),
]

if ziggy.METRICS:
    urlpatterns.append(path("metrics", include("imports.metrics.urls")))

handler403 = "ziggy_site.error_pages.show_refusal"
handler404 = "ziggy_site.error_pages.show_not_found"
handler500 = "ziggy_site.error_pages.show_failure"
