"""The settings of the site. The environment is read here and nowhere else.

Development needs none of the variables. With DEBUG off there are no secrets in the defaults: a
missing SECRET_KEY or ZIGGY_ENCRYPTION_KEYS stops the start and says how to make one.
docs/reference/settings.md has the table of all variables.
"""

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from flows.conf import Ziggy
from ziggy_site import api_description
from ziggy_site.database_urls import read_database, read_servers
from ziggy_site.environment import Environment
from ziggy_site.logs import make_logging
from ziggy_site.variables import (
    DEVELOPMENT_ENCRYPTION_KEY,
    DEVELOPMENT_SECRET_KEY,
    SITE_VARIABLES,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()

DEBUG: bool = env.read("DEBUG")


def _require_in_production(name: str, *, development: str, how: str) -> str:
    value: str = env.read(name) or (development if DEBUG else "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set and DEBUG is off. Make one with: {how}")
    if value == development and not DEBUG:
        raise ImproperlyConfigured(f"{name} is that of development. Make one with: {how}")
    return value


SECRET_KEY = _require_in_production(
    "SECRET_KEY",
    development=DEVELOPMENT_SECRET_KEY,
    how='python -c "import secrets; print(secrets.token_urlsafe(64))"',
)
_ENCRYPTION_KEYS = _require_in_production(
    "ZIGGY_ENCRYPTION_KEYS",
    development=DEVELOPMENT_ENCRYPTION_KEY,
    how='python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
)

ALLOWED_HOSTS: list[str] = env.read("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS: list[str] = env.read("CSRF_TRUSTED_ORIGINS")

# What the apps are told: flows/conf.py has every key, and its default.
ZIGGY: dict[str, Any] = {
    each.name: env.read(f"ZIGGY_{each.name}")
    for each in fields(Ziggy)
    if f"ZIGGY_{each.name}" in SITE_VARIABLES
}
# Put a new key in front, then run `manage.py rotate_encryption_keys`, then drop the old one. A
# comma alone is no key, and is refused as such.
ZIGGY["ENCRYPTION_KEYS"] = [key.strip() for key in _ENCRYPTION_KEYS.split(",") if key.strip()] or [
    ""
]
if ZIGGY["BACKUP_DIR"] is None:
    ZIGGY["BACKUP_DIR"] = BASE_DIR / "backups"
ZIGGY["BACKUP_DIR"] = Path(ZIGGY["BACKUP_DIR"])

INSTALLED_APPS = [
    "ziggy_site.apps.ZiggyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "knox",
    "reversion",
    "accounts",
    "flows",
    "imports",
]

MIDDLEWARE = [
    # Before what looks at the host and the scheme, and before what counts and logs requests.
    "ziggy_site.probes.answer_probes",
    "flows.web.request_id.add_request_id",
    "ziggy_site.middleware.log_all_refusals",
    "flows.web.status_line.set_reason_phrase",
    "flows.rest.endpoint.middleware.ApiMiddleware",
    "ziggy_site.middleware.SiteStatementTimeoutMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "ziggy_site.headers.add_permissions_policy",
    "flows.web.body_length.require_length",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ziggy_site.headers.forbid_storing",  # static files, which are public, are answered before
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ziggy_site.middleware.SiteWrongKeyMiddleware",
    "imports.admin.busy.SiteBusyMiddleware",
    "accounts.busy.TooManyHashesMiddleware",
]

# What /ready looks at, in this order: each function returns "ok", or a code for what is wrong.
READINESS_CHECKS = {
    "migrations": "imports.overview.readiness.check_migrations",
    "keys": "imports.overview.readiness.check_keys",
    "backups": "imports.overview.readiness.check_room_for_backup",
    "lock": "imports.overview.readiness.check_lock",
}
if ZIGGY["BACKGROUND"]:
    READINESS_CHECKS["worker"] = "imports.overview.readiness.check_worker"
if ZIGGY["METRICS"]:
    MIDDLEWARE.insert(2, "imports.metrics.counting.count_requests")

ROOT_URLCONF = "ziggy_site.urls"
WSGI_APPLICATION = "ziggy_site.wsgi.application"
ASGI_APPLICATION = "ziggy_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "ziggy_site" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


_DATABASE_URL: str | None = env.read("DATABASE_URL")
if _DATABASE_URL is None:
    _DATABASE_URL = f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
DATABASES = {"default": read_database(_DATABASE_URL, of="DATABASE_URL")}
# Other servers that a run may name, as NAME=DATABASE_URL,NAME=DATABASE_URL. Each is a database
# of its own under that name; `flows.servers` selects the one that a command reads and writes.
ZIGGY["SERVERS"] = read_servers(ZIGGY["SERVERS"], taken={"default", ZIGGY["SERVER_NAME"]})
DATABASES |= {
    name: read_database(url, of=f"ZIGGY_SERVERS: the URL of {name}")
    for name, url in ZIGGY["SERVERS"].items()
}
if ZIGGY["BACKGROUND"] and DATABASES["default"]["ENGINE"].endswith(".postgresql"):
    # The queue of background work: its migrations are for PostgreSQL alone.
    INSTALLED_APPS += ["procrastinate.contrib.django"]
DATABASE_ROUTERS = ["flows.servers.ServerRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Named saves and dumpdata keep times to the microsecond.
SERIALIZATION_MODULES = {"json": "flows.saves.json_serializer"}

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "ziggy_site.error_pages.show_stale_form"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["accounts.login.NameOrEmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

_PROXIES: int | None = env.read("ZIGGY_PROXIES")
REST_FRAMEWORK = {
    # Bearer tokens only: cookies and sessions are ignored.
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    # For the pages that describe the API; its endpoints have it already.
    "DEFAULT_SCHEMA_CLASS": "flows.rest.endpoint.openapi.ApiSchema",
    # How many proxies in front are trusted for a caller's address.
    "NUM_PROXIES": int(env.read("BEHIND_TLS_PROXY")) if _PROXIES is None else _PROXIES,
}

KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 - the name of a model
# knox's own migrations ignore that setting, and would make a table for its own model.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"TOKEN_PREFIX": "zgy_"}  # for scanners that look for leaked secrets

SPECTACULAR_SETTINGS = api_description.SPECTACULAR_SETTINGS

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = "ziggy_site.formats"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "ziggy_site" / "static"]

# A page runs only files of this server, and nothing in its own text: a text that was typed into a
# name or a value is never a script, a style or a form to elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# Django's defaults, written down so that a later release does not change them.
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

if not DEBUG:
    SECURE_SSL_REDIRECT = env.read("SECURE_SSL_REDIRECT")
    SECURE_PROXY_SSL_HEADER = (
        ("HTTP_X_FORWARDED_PROTO", "https") if env.read("BEHIND_TLS_PROXY") else None
    )
    # Prometheus on this machine asks gunicorn itself, without TLS.
    SECURE_REDIRECT_EXEMPT = ["^metrics$"] if ZIGGY["METRICS"] else []
    SECURE_HSTS_SECONDS = env.read("SECURE_HSTS_SECONDS")
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # Browsers' lists of HTTPS sites contain whole domains, and removal takes months: not a decision
    # for one host. So the check for deployment does not require it.
    SECURE_HSTS_PRELOAD = env.read("SECURE_HSTS_PRELOAD")
    SILENCED_SYSTEM_CHECKS = ["security.W021"]
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

LOG_FORMAT = env.read("ZIGGY_LOG_FORMAT")
LOGGING = make_logging(log_format=LOG_FORMAT, level=env.read("LOG_LEVEL"))
if LOG_FORMAT == "json":
    MIDDLEWARE.insert(2, "ziggy_site.logged_requests.LoggedRequestMiddleware")
    # The address of a caller is in the security events, as far as proxies are trusted for it.
    DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
    DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
    DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
