"""The settings of the site. The environment is read here and nowhere else.

Development needs none of the variables. With DEBUG off there are no secrets in the
defaults: a missing SECRET_KEY or ZIGGY_ENCRYPTION_KEYS stops the start with an error
that describes how to make one. docs/reference/settings.md has the table of all variables.
"""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from flows import __version__
from flows.conf import Ziggy
from ziggy_site.database_urls import read_database, read_servers
from ziggy_site.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()

DEBUG = env.read_switch("DEBUG", default=True)

# Development only: both are public, so neither is accepted once DEBUG is off.
_DEVELOPMENT_SECRET_KEY = "development-only-secret-key-that-everybody-can-read"  # noqa: S105
_DEVELOPMENT_ENCRYPTION_KEY = "ZGV2ZWxvcG1lbnQtb25seS1rZXktbm90LXNlY3JldCE="


def _require_in_production(name: str, *, development: str, how: str) -> str:
    value: str = env.read_text(name, default="") or (development if DEBUG else "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set and DEBUG is off. Make one with: {how}")
    if value == development and not DEBUG:
        raise ImproperlyConfigured(f"{name} is that of development. Make one with: {how}")
    return value


SECRET_KEY = _require_in_production(
    "SECRET_KEY",
    development=_DEVELOPMENT_SECRET_KEY,
    how='python -c "import secrets; print(secrets.token_urlsafe(64))"',
)

ALLOWED_HOSTS: list[str] = env.read_texts("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.read_texts("CSRF_TRUSTED_ORIGINS", default=[])

# What the apps are told: flows/conf.py has every key, and its default.
ZIGGY: dict[str, Any] = {
    "SERVER_NAME": env.read_text("ZIGGY_SERVER_NAME", default=Ziggy.SERVER_NAME),
    # Put a new key in front, then run `manage.py rotate_encryption_keys`, then drop the old one.
    "ENCRYPTION_KEYS": [
        key.strip()
        for key in _require_in_production(
            "ZIGGY_ENCRYPTION_KEYS",
            development=_DEVELOPMENT_ENCRYPTION_KEY,
            how='python -c "from cryptography.fernet import Fernet; '
            'print(Fernet.generate_key().decode())"',
        ).split(",")
        if key.strip()
    ]
    or [""],  # a comma alone is no key, and is refused as such
    "BACKUP_DIR": Path(env.read_text("ZIGGY_BACKUP_DIR", default=str(BASE_DIR / "backups"))),
    "BACKUP_KEEP": env.read_whole_number("ZIGGY_BACKUP_KEEP", default=Ziggy.BACKUP_KEEP),
    "BACKUP_DAYS": env.read_number("ZIGGY_BACKUP_DAYS", default=Ziggy.BACKUP_DAYS),
    "BACKUP_MAX_BYTES": env.read_whole_number_or_none(
        "ZIGGY_BACKUP_MAX_BYTES", default=Ziggy.BACKUP_MAX_BYTES
    ),
    "BACKUPS_PER_DAY": env.read_whole_number(
        "ZIGGY_BACKUPS_PER_DAY", default=Ziggy.BACKUPS_PER_DAY
    ),
    "BACKUP_TIMEOUT": env.read_whole_number("ZIGGY_BACKUP_TIMEOUT", default=Ziggy.BACKUP_TIMEOUT),
    "HISTORY_DAYS": env.read_number_or_none("ZIGGY_HISTORY_DAYS", default=Ziggy.HISTORY_DAYS),
    "HISTORY_KEEP_RUNS": env.read_whole_number(
        "ZIGGY_HISTORY_KEEP_RUNS", default=Ziggy.HISTORY_KEEP_RUNS
    ),
    "UNDO_DAYS": env.read_number("ZIGGY_UNDO_DAYS", default=Ziggy.UNDO_DAYS),
    "KEPT_PLAN_DAYS": env.read_number("ZIGGY_KEPT_PLAN_DAYS", default=Ziggy.KEPT_PLAN_DAYS),
    "MAX_IMPORT_BYTES": env.read_whole_number(
        "ZIGGY_MAX_IMPORT_BYTES", default=Ziggy.MAX_IMPORT_BYTES
    ),
    "LOCK_WAIT": env.read_number("ZIGGY_LOCK_WAIT", default=Ziggy.LOCK_WAIT),
    "MOST_LOCK_WAIT": env.read_whole_number("ZIGGY_MOST_LOCK_WAIT", default=Ziggy.MOST_LOCK_WAIT),
    "STATEMENT_TIMEOUT": env.read_number(
        "ZIGGY_STATEMENT_TIMEOUT", default=Ziggy.STATEMENT_TIMEOUT
    ),
    "MUST_ACKNOWLEDGE": env.read_texts("ZIGGY_MUST_ACKNOWLEDGE", default=Ziggy.MUST_ACKNOWLEDGE),
    "CONFIRM_SERVER_NAME": env.read_switch(
        "ZIGGY_CONFIRM_SERVER_NAME", default=Ziggy.CONFIRM_SERVER_NAME
    ),
    "TOKEN_HOURS": env.read_number("ZIGGY_TOKEN_HOURS", default=Ziggy.TOKEN_HOURS),
    "KEY_DAYS": env.read_whole_number("ZIGGY_KEY_DAYS", default=Ziggy.KEY_DAYS),
    "TOKENS_PER_USER": env.read_whole_number(
        "ZIGGY_TOKENS_PER_USER", default=Ziggy.TOKENS_PER_USER
    ),
}

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
    "flows.web.request_id.add_request_id",
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
]

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


DATABASES = {
    "default": read_database(
        env.read_text("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}"),
        of="DATABASE_URL",
    ),
}
# Other servers that a run may name, as NAME=DATABASE_URL,NAME=DATABASE_URL. Each is a database
# of its own under that name; `flows.servers` selects the one that a command reads and writes.
ZIGGY["SERVERS"] = read_servers(
    env.read_text("ZIGGY_SERVERS", default=""), taken={"default", ZIGGY["SERVER_NAME"]}
)
DATABASES |= {
    name: read_database(url, of=f"ZIGGY_SERVERS: the URL of {name}")
    for name, url in ZIGGY["SERVERS"].items()
}
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

REST_FRAMEWORK = {
    # Bearer tokens only: cookies and sessions are ignored.
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    # For the pages that describe the API; its endpoints have it already.
    "DEFAULT_SCHEMA_CLASS": "flows.rest.endpoint.openapi.ApiSchema",
    # How many proxies in front are trusted for a caller's address.
    "NUM_PROXIES": env.read_whole_number(
        "ZIGGY_PROXIES", default=int(env.read_switch("BEHIND_TLS_PROXY", default=False))
    ),
}

KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 - the name of a model
# knox's own migrations ignore that setting, and would make a table for its own model.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"TOKEN_PREFIX": "zgy_"}  # for scanners that look for leaked secrets

SPECTACULAR_SETTINGS = {
    "TITLE": "Ziggy flow import",
    "DESCRIPTION": "Flows, connections and secrets, and their way from one server to another.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    # A PATCH needs every key of its body here, as any other method does.
    "COMPONENT_SPLIT_PATCH": False,
    "SERVE_AUTHENTICATION": [],
    # A key has other words elsewhere, or two keys of one body have the same words.
    "ENUM_NAME_OVERRIDES": {
        "KindEnum": "imports.api.shapes.record.KINDS",
        "SenderKind": "imports.api.shapes.warnings.SENDER_KINDS",
        "AcknowledgedCodeEnum": "imports.api.shapes.acknowledgement.ACKNOWLEDGED_CODES",
        "RecordedResultEnum": "imports.api.shapes.record.RECORDED_RESULTS",
        "ConflictDecision": "imports.api.shapes.undo.DECISIONS",
    },
    # All files of the documentation's page are served from here.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

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
    SECURE_SSL_REDIRECT = env.read_switch("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = (
        ("HTTP_X_FORWARDED_PROTO", "https")
        if env.read_switch("BEHIND_TLS_PROXY", default=False)
        else None
    )
    SECURE_HSTS_SECONDS = env.read_whole_number("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # Browsers' lists of HTTPS sites contain whole domains, and removal takes months: not a decision
    # for one host. So the check for deployment does not require it.
    SECURE_HSTS_PRELOAD = env.read_switch("SECURE_HSTS_PRELOAD", default=False)
    SILENCED_SYSTEM_CHECKS = ["security.W021"]
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "flows.web.request_id.RequestIdFilter"}},
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {request_id}{message}", "style": "{"}
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.read_log_level("LOG_LEVEL", default="WARNING")},
}
