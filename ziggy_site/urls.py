"""The addresses of the site. Those under /api have no trailing slash."""

from csp.decorators import csp_update
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from ziggy_site.api import Health

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("health", Health.as_view(), name="health"),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    # The page's script is a file of its own, so that no page needs scripts in its text.
    # Its icons stand in its style sheet, as data. No OPTIONS: what that answers is data, and a
    # page has no template for it.
    path(
        "docs",
        csp_update({"img-src": ["data:"]})(
            SpectacularSwaggerSplitView.as_view(
                http_method_names=("get", "head"), template_name="api_docs.html"
            )
        ),
        name="docs",
    ),
    path("", include("accounts.urls")),
    path("", include("imports.api_urls")),
    path("", include("flows.rest.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include(api_urlpatterns)),
]
