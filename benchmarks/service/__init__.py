"""The whole service under load, deployed as compose.yaml says: `make bench-service`.

Clients ask nginx over TLS, each from an address of its own, as people and pipelines do.
"""

import os

# What starts the deployment reads paths of the settings.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")
