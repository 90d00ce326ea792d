"""The systems of an area, each a connection with its secrets; and keys that code uses itself."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.content.fields import CREATED_KEY, DELETED_KEY, SECRET_VALUE_KEYS, UPDATED_KEY, UUID_KEY
from flows.content.representation import format_time
from imports.samples.areas import Area
from imports.samples.chance import Chance

DATABASE, SYSTEM, PARTNER, MAIL, INBOX, FILES, CHAT, QUEUE, SENSORS, MODEL, STORE = (
    *("database", "system", "partner", "mail", "inbox", "files", "chat", "queue", "sensors"),
    *("model", "store"),
)
SANDBOX = "sandbox"
"""A connection that no flow has before it is edited."""
SIGNING = "signing"
"""A secret that code uses without a connection."""

EDITED_ON = datetime(2025, 7, 14, 7, tzinfo=UTC)
"""The first day of the edits, and of the connections that they add."""
_FIRST_DAY = datetime(2022, 3, 1, 7, tzinfo=UTC)
_DAYS = 300


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """How a connection of a role is made: its texts, with words of the area."""

    type: str
    names: tuple[str, ...]
    description: str
    settings: str
    """With `#host#` for the beginning of a host, which differs in production."""
    secrets: tuple[tuple[str, str, str], ...]
    """The end of each secret's name, its type, and what it is for."""
    is_split: bool = True
    """Whether production has settings of its own."""


_PASSWORD = (("PASSWORD", "Password", "The account of the integrations"),)

_BLUEPRINTS = {
    DATABASE: _Blueprint(
        "Postgres", ("@Noun@ database @site@", "@system@ Postgres @site@"),
        "The tables of @plural@ and what belongs to them",
        "host: '#host#db.@siteSlug@.example.org',\nport: 5432,\ndatabase: '@table@',\n"
        "user: 'integrations',\npassword: secrets.PASSWORD,\nssl: true,",
        _PASSWORD,
    ),
    SYSTEM: _Blueprint(
        "HTTP", ("@system@ @site@", "@system@ API (@site@)"),
        "Where @site@ keeps its @plural@",
        "baseUrl: 'https://#host#@systemHost@/api/v2',\nclientId: 'flows-@siteSlug@',\n"
        "clientSecret: secrets.CLIENT_KEY,\ntimeout: 20000,\nretries: 2,",
        (("CLIENT_KEY", "OAuth", "Signs the flows in"),),
    ),
    PARTNER: _Blueprint(
        "HTTP", ("@partner@", "@partner@ @site@"),
        "The interface of the @party@ side",
        "baseUrl: 'https://#host#@partnerHost@/v1',\n"
        "headers: { 'X-Api-Key': secrets.API_KEY, 'X-Client': '@siteSlug@' },\ntimeout: 30000,",
        (("API_KEY", "API Key", "Issued by the partner for a year"),),
    ),
    MAIL: _Blueprint(
        "SMTP", ("Outgoing mail", "Mail of @team@ @site@"),
        "Mail to people, in the name of @team@",
        "host: '#host#mail.@siteSlug@.example.org',\nport: 587,\nrequireTLS: true,\n"
        "auth: { user: '@mailbox@@example.org', pass: secrets.PASSWORD },",
        _PASSWORD, is_split=False,
    ),
    INBOX: _Blueprint(
        "IMAP", ("Inbox of @team@ @site@",), "What the @party@ writes to us",
        "host: '#host#mail.@siteSlug@.example.org',\nport: 993,\nsecure: true,\n"
        "auth: { user: '@mailbox@@example.org', pass: secrets.PASSWORD },",
        _PASSWORD, is_split=False,
    ),
    FILES: _Blueprint(
        "SFTP", ("@Party@ file exchange @site@", "SFTP @partner@"),
        "Files from and to the @party@, kept for 30 days",
        "host: '#host#files.@siteSlug@.example.org',\nport: 22,\nusername: '@path@',\n"
        "password: secrets.PASSWORD,\nroot: '/exchange/@path@',",
        _PASSWORD,
    ),
    CHAT: _Blueprint(
        "Chat", ("Team chat", "Chat @site@"), "The channels of @team@",
        "url: 'https://chat.example.org/hooks/@siteSlug@',\ntoken: secrets.TOKEN,\n"
        "channel: '#@channel@',",
        (("TOKEN", "Token", "May write into the channels"),), is_split=False,
    ),
    QUEUE: _Blueprint(
        "RabbitMQ", ("Event bus @site@",), "Events of @plural@, in order",
        "url: 'amqps://#host#bus.@siteSlug@.example.org:5671',\nvhost: '@path@',\n"
        "username: 'integrations',\npassword: secrets.PASSWORD,\nprefetch: 20,",
        _PASSWORD,
    ),
    SENSORS: _Blueprint(
        "MQTT Generic", ("Sensor broker @site@",), "Scales, scanners and gates",
        "url: 'mqtts://#host#broker.@siteSlug@.example.org:8883',\nusername: 'flows',\n"
        "password: secrets.PASSWORD,",
        _PASSWORD,
    ),
    MODEL: _Blueprint(
        "Language model", ("Language model", "Language model (@team@)"),
        "Sorts and summarises; no personal data",
        "baseUrl: 'https://models.example.com/v1',\napiKey: secrets.API_KEY,\nmaxRetries: 2,",
        (("API_KEY", "API Key", "Paid by cost centre @siteSlug@"),), is_split=False,
    ),
    STORE: _Blueprint(
        "S3", ("Archive @path@ @site@",), "Documents for ten years",
        "endpoint: 'https://#host#objects.example.org',\nbucket: '@path@-@siteSlug@',\n"
        "accessKeyId: secrets.ACCESS_ID,\nsecretAccessKey: secrets.ACCESS_KEY,",
        (("ACCESS_ID", "Account ID", "The account"), ("ACCESS_KEY", "Password", "Its key")),
    ),
    SANDBOX: _Blueprint(
        "HTTP", ("@partner@ sandbox @site@",), "For the tests of the new interface",
        "baseUrl: 'https://sandbox.@partnerHost@/v2',\napiKey: secrets.API_KEY,",
        (("API_KEY", "API Key", "Of the sandbox"),), is_split=False,
    ),
    SIGNING: _Blueprint(
        "", ("",), "", "", (("KEY", "Signing key", "Signs what the @party@ sends"),)
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class System:
    """A connection of an area, by its role, and the secrets that it names.

    That of the role SIGNING has no connection.
    """

    area: Area
    role: str
    connection: dict[str, Any] | None
    secrets: tuple[dict[str, Any], ...]


def make_system(seed: int, area: Area, role: str) -> System:
    """Return the system of this role."""
    chance = Chance(seed, "system", area.number, role)
    blueprint = _BLUEPRINTS[role]
    at = EDITED_ON if role == SANDBOX else _pick_time(chance)
    start = f"{area.slug}-{role}".upper().replace("-", "_")
    secrets = tuple(
        _make_item(chance.make_uuid(), _make_secret(area, f"{start}_{end}", kind, purpose), at)
        for end, kind, purpose in blueprint.secrets
    )
    if not blueprint.type:
        return System(area, role, None, secrets)
    settings = area.fill(blueprint.settings)
    for (end, _, _), secret in zip(blueprint.secrets, secrets, strict=True):
        settings = settings.replace(f"secrets.{end}", f"secrets.{secret['name']}")
    is_split = blueprint.is_split and chance.happens(85)
    content = {
        "name": area.fill(chance.pick(blueprint.names)),
        "type": blueprint.type,
        "description": area.fill(blueprint.description),
        "isCorePlatform": False,
        "devValue": _format_settings(settings, "dev-" if is_split else ""),
        "prodValue": _format_settings(settings, "") if is_split else "",
    }
    return System(area, role, _make_item(chance.make_uuid(), content, at), secrets)


def _pick_time(chance: Chance) -> datetime:
    milliseconds = chance.pick_number(0, 36_000_000)
    return _FIRST_DAY + timedelta(days=chance.pick_number(0, _DAYS), milliseconds=milliseconds)


def _format_settings(settings: str, host: str) -> str:
    lines = settings.replace("#host#", host).split("\n")
    return "\n".join(("{", *(f"  {line}" for line in lines), "}"))


def _make_secret(area: Area, name: str, kind: str, purpose: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": area.fill(purpose),
        "type": kind,
        "group": area.words["Plural"],
        "tags": [area.words["path"], area.words["siteSlug"]],
        **dict.fromkeys(SECRET_VALUE_KEYS),
    }


def _make_item(uuid: str, content: dict[str, Any], at: datetime) -> dict[str, Any]:
    times = dict.fromkeys((CREATED_KEY, UPDATED_KEY), format_time(at))
    return {UUID_KEY: uuid, **content, **times, DELETED_KEY: False}
