"""The ASGI application that an asynchronous web server loads."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")

application = get_asgi_application()
