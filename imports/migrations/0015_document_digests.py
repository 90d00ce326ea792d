"""Digests of flows' contents are made of their documents' digests from now on.

Every state that a row or a named save has is digested in both ways, and what the records' items
have is replaced. The others are of states that are nowhere any more: they stay, and compare with
nothing.
"""

import json
import zlib
from hashlib import blake2b, sha256

import msgspec
from django.db import migrations

from flows.conf import ziggy
from flows.documents.packing import unpack

_COLUMNS = (
    *("name", "info", "tags", "listener_type", "is_subflow", "is_commander", "is_valid"),
    *("is_locked", "timeout", "num_blocks", "execution_history_level", "execution_history_mins"),
    *("queue_uuid", "tenant_id", "used_connections", "used_secrets", "nodes", "edges", "viewport"),
    "extra",
)
_STORED_ONCE = ("nodes", "edges")
_OF_COLUMNS = tuple(
    blake2b(msgspec.msgpack.encode(names), digest_size=2).hexdigest()
    for names in (
        _COLUMNS,
        [f"{name}, by digest" if name in _STORED_ONCE else name for name in _COLUMNS],
    )
)
_WINDOW = 200


def _digest_by_digests(apps, schema_editor):
    _replace(apps, schema_editor.connection.alias, old=0, new=1)


def _digest_by_texts(apps, schema_editor):
    _replace(apps, schema_editor.connection.alias, old=1, new=0)


def _replace(apps, alias, *, old, new):
    items = apps.get_model("imports", "ImportItem").objects.using(alias)
    items = items.filter(kind="flow", content_digest__startswith=_OF_COLUMNS[old])
    known = {digests[old]: digests[new] for digests in _find_states(apps, alias)}
    last = 0
    while window := list(items.filter(pk__gt=last).order_by("pk").only("content_digest")[:2000]):
        changed = [item for item in window if item.content_digest in known]
        for item in changed:
            item.content_digest = known[item.content_digest]
        items.bulk_update(changed, ["content_digest"], batch_size=400)
        last = window[-1].pk
    _replace_in_uploads(apps, alias, known)


def _replace_in_uploads(apps, alias, known):
    """Replace the digests in the plans of uploads that wait, and in what confirms them."""
    uploads = apps.get_model("imports", "PendingImport").objects.using(alias)
    for upload in uploads.filter(record=None).exclude(plan=None):
        page = msgspec.json.decode(zlib.decompress(bytes(upload.plan)))
        if page["fingerprint"] != _compute_token(upload, page["items"]):
            continue  # of another release, or of a server of another name: it is planned again
        for item in page["items"]:
            item["before"] = known.get(item.get("before"), item.get("before"))
        page["fingerprint"] = _compute_token(upload, page["items"])
        upload.plan = zlib.compress(msgspec.json.encode(page))
        upload.save(update_fields=["plan"])


def _compute_token(upload, items):
    """Return the confirmation token of the page's plan: see planfile.snapshot."""
    origin = (upload.file_sha256, ziggy.SERVER_NAME, upload.mode, upload.override_locks)
    parts = [
        (
            *(item["kind"], item["uuid"], item["result"]),
            *((row["uuid"], row["name"]) if (row := item.get("row")) else (None, None)),
            item["target_name"],
            item.get("before") if row and item["result"] == "OVERWRITE" else None,
            sorted(item.get("destinations") or ()),
        )
        for item in items
    ]
    return sha256(msgspec.json.encode((origin, parts))).hexdigest()


def _find_states(apps, alias):
    """Yield the digests of each state, of texts and of documents' digests."""
    for rows in _split(apps.get_model("flows", "Flow").objects.using(alias)):
        states = list(rows.values(*_COLUMNS))
        yield from _digest(
            apps, alias, [{**s, **{name: s[name].digest for name in _STORED_ONCE}} for s in states]
        )
    types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type = types.filter(app_label="flows", model="flow").first()
    if content_type is None:
        return
    versions = apps.get_model("reversion", "Version").objects.using(alias)
    for window in _split(versions.filter(content_type_id=content_type.pk, format="json")):
        texts = window.values_list("serialized_data", flat=True)
        yield from _digest(apps, alias, [state for text in texts if (state := _read(text))])


def _split(rows):
    last = 0
    while keys := list(
        rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_WINDOW]
    ):
        yield rows.filter(pk__gt=last, pk__lte=keys[-1])
        last = keys[-1]


def _read(text):
    """Return the saved columns; None where they are not all there: a save that nothing compares."""
    try:
        fields = json.loads(text)[0]["fields"]
        state = {name: fields[name] for name in _COLUMNS}
        return {**state, **{name: state[name]["$document"] for name in _STORED_ONCE}}
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _digest(apps, alias, states):
    rows = apps.get_model("flows", "StoredDocument").objects.using(alias)

    wanted = {state[name] for state in states for name in _STORED_ONCE}
    texts = {
        digest: unpack(bytes(body), digest).decode(errors="surrogatepass")
        for digest, body in rows.filter(digest__in=wanted).values_list("digest", "body")
    }
    for state in states:
        by_text = {**state, **{name: texts[state[name]] for name in _STORED_ONCE}}
        yield tuple(
            prefix
            + blake2b(
                msgspec.msgpack.encode([values[c] for c in _COLUMNS]), digest_size=16
            ).hexdigest()
            for prefix, values in zip(_OF_COLUMNS, (by_text, state), strict=True)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0014_transfer_right"),
        ("flows", "0008_move_documents"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(_digest_by_digests, _digest_by_texts)]
