"""Descriptions for the reference that the code does not have, by the code's own names.

`make docs` fails for a name that is only in the code, or only here.
"""

from flows.content.fields import Kind
from imports.exportfile.warnings import WarningCode

SETTINGS = {
    "DATABASE_URL": "The database.",
    "DEBUG": "Set it to `0` in production: then `SECRET_KEY` and `ZIGGY_ENCRYPTION_KEYS` are "
    "required.",
    "SECRET_KEY": "Django's key for sessions and forms.",
    "ZIGGY_ENCRYPTION_KEYS": "Fernet keys for secret values, separated by commas. The first one "
    "encrypts, all of them decrypt.",
    "ALLOWED_HOSTS": "Host names that the site answers to, separated by commas.",
    "CSRF_TRUSTED_ORIGINS": "Origins that forms may come from, separated by commas.",
    "ZIGGY_SERVER_NAME": "This instance's friendly name.",
    "ZIGGY_SERVERS": "Registered servers: `NAME=DATABASE_URL,NAME=DATABASE_URL`.",
    "ZIGGY_BACKUP_DIR": "Where backups are written.",
    "ZIGGY_BACKUP_KEEP": "How many of the newest backups of a server are kept, however old.",
    "ZIGGY_BACKUP_DAYS": "How many days every backup is kept.",
    "ZIGGY_BACKUP_MAX_BYTES": "The most bytes of all backups of a server together. Beyond it the "
    "oldest are removed, the newest never. `none` is no limit.",
    "ZIGGY_BACKUPS_PER_DAY": "How many backups an account may ask the API for in a day.",
    "ZIGGY_BACKUP_TIMEOUT": "Seconds that `pg_dump` may take.",
    "ZIGGY_HISTORY_DAYS": "How many days all records of runs are kept, with their items and named "
    "saves; `none` keeps them for ever.",
    "ZIGGY_HISTORY_KEEP_RUNS": "How many of the newest runs are kept, however old.",
    "ZIGGY_KEPT_PLAN_DAYS": "How many days a plan that is kept on the server can be looked at and "
    "applied.",
    "ZIGGY_UNDO_DAYS": "How many days a run must stay possible to undo, at most "
    "`ZIGGY_HISTORY_DAYS`. `history_prune --days` goes no lower.",
    "ZIGGY_MAX_IMPORT_BYTES": "The largest file that is read, in bytes without white space between "
    "values. With it, a file may have four times as many.",
    "ZIGGY_LOCK_WAIT": "Seconds that an import waits for another one.",
    "ZIGGY_MOST_LOCK_WAIT": "The most seconds that a caller of the API may ask to wait. A waiting "
    "call occupies a thread.",
    "ZIGGY_MUST_ACKNOWLEDGE": "Which warnings must be "
    "[acknowledged](warnings.md#acknowledged-warnings) before an import, by their codes, separated "
    "by commas; empty, none.",
    "ZIGGY_CONFIRM_SERVER_NAME": "With `1`, whoever imports in the admin must type the server's "
    "name.",
    "ZIGGY_STATEMENT_TIMEOUT": "Seconds that PostgreSQL may take over one statement of a page or "
    "an answer (then 503, `statement-timeout`); `0` is no limit. Imports, undos, backups and "
    "commands have none. On SQLite no statement is limited.",
    "BEHIND_TLS_PROXY": "With `1`, `X-Forwarded-Proto` of a proxy in front is trusted.",
    "ZIGGY_PROXIES": "How many proxies stand in front, to tell callers apart by address.",
    "ZIGGY_TOKEN_HOURS": "Hours that a login to the API lasts.",
    "ZIGGY_KEY_DAYS": "Days that a key for automation lasts, unless it is issued with another end.",
    "ZIGGY_TOKENS_PER_USER": "How many logins a user may have, and how many keys.",
    "SECURE_SSL_REDIRECT": "Redirect plain HTTP to HTTPS, with `DEBUG` off.",
    "SECURE_HSTS_SECONDS": "Seconds that browsers keep to HTTPS, with `DEBUG` off.",
    "SECURE_HSTS_PRELOAD": "Allow browsers' lists of HTTPS sites to have the domain.",
    "LOG_LEVEL": "The level of the log on stderr.",
    "ZIGGY_BIND": "The address that gunicorn listens at.",
    "ZIGGY_WORKERS": "Processes.",
    "ZIGGY_THREADS": "Threads in each process.",
    "ZIGGY_WORKER_TIMEOUT": "Seconds without a sign of life of a worker, not of a request: a long "
    "import is not cut off.",
    "ZIGGY_GRACEFUL_TIMEOUT": "Seconds for requests to end when the service is stopped.",
    "ZIGGY_KEEPALIVE": "Seconds that a connection of the proxy is kept open.",
}

# For defaults that are no plain values in the code.
SETTING_DEFAULTS = {
    "DATABASE_URL": "`db.sqlite3` beside `manage.py`",
    "SECRET_KEY": "development only",
    "ZIGGY_ENCRYPTION_KEYS": "development only",
    "ZIGGY_BACKUP_DIR": "`backups` beside `manage.py`",
    "ZIGGY_MUST_ACKNOWLEDGE": "`secret-to-new-destination,code-uses-secret,invisible-characters`",
    "ZIGGY_PROXIES": "`0`, or `1` with `BEHIND_TLS_PROXY`",
}

FIELD_NOTES = {
    (Kind.FLOW, "name"): "Required. May be empty: then the flow is matched by its uuid only.",
    (Kind.FLOW, "listenerType"): "What starts the flow.",
    (Kind.FLOW, "isLocked"): "An import overwrites a locked flow with `--override-locks` only.",
    (Kind.FLOW, "connections"): "The connections that the flow uses.",
    (Kind.FLOW, "secrets"): "The secrets that the flow uses.",
    (Kind.FLOW, "nodes"): "A node has `id`, `type`, `position` and `data`; only that it is an "
    "object is checked.",
    (Kind.FLOW, "edges"): "An edge has `id`, `source` and `target`; only that it is an object is "
    "checked.",
    (Kind.FLOW, "viewport"): "The part of the graph that the editor shows: `x`, `y` and `zoom`.",
    (Kind.CONNECTION, "name"): "Required. May be empty, as a flow's.",
    (Kind.CONNECTION, "type"): "The system that is reached. Any text is kept.",
    (Kind.CONNECTION, "devValue"): "The settings for development, as a JavaScript object in text. "
    "It may name `secrets.NAME`.",
    (Kind.CONNECTION, "prodValue"): "The same for production. Where it is empty, `devValue` is "
    "used.",
    (Kind.SECRET, "name"): "Required. A JavaScript identifier, unique among the secrets.",
}

WARNINGS: dict[str, str] = {
    "secret-to-new-destination": "A connection sends a secret to a destination that it was not "
    "sent to before. Serious where the secret has a value, and then a right of its own is needed.",
    "code-uses-secret": "A flow's code uses a secret for the first time. Serious where the "
    "secret has a value.",
    WarningCode.SECRET_RENAMED_IN_USE: "A secret gets another name, and others keep using the old "
    "one.",
    WarningCode.DANGLING_REFERENCE: "The item refers to something that is neither in the file nor "
    "on the server after the import.",
    WarningCode.INVISIBLE_CHARACTERS: "A text of the item has characters that are not seen, so "
    "that it may not say what it looks like, and the row has none there yet. Serious.",
    WarningCode.EDITED_HERE: "The row was edited on this server since its last import.",
    WarningCode.OLDER_FILE: "The file's item is older than the one that was imported last.",
    WarningCode.RENAMES: "An overwrite gives the row another name.",
    WarningCode.SHARED_NAME: "Two rows of the kind have one name after the import.",
    WarningCode.BROUGHT_BACK: "The uuid is that of a deleted row, which comes back.",
    WarningCode.VALUE_IGNORED: "The file has a value of a secret, which is ignored.",
    WarningCode.DELETION_IGNORED: "The file says `isDeleted`, which is ignored.",
    WarningCode.LEFTOVER_FILES: "Nothing in a flow of a directory names some of its folder.",
    WarningCode.NO_VALUE: "A secret is created, and has no value yet.",
    WarningCode.NO_NAME: "The item has no name, and is matched by its uuid only.",
}
