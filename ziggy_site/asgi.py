"""The application for asynchronous web servers."""

from ziggy_site.serving import asgi_application as application

# The models need the apps, which making the application has loaded.
from flows.secrets.checks import log_wrong_keys  # isort: skip

__all__ = ["application"]

log_wrong_keys()
