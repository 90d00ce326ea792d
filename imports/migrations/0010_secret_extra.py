"""Take out of secrets, and of their saved states, what may be a value under an unknown key."""

import json

from django.db import migrations

from flows.content import canonical
from flows.content.fields import EXTRA, Kind, get_columns, split_unknown_of_secret
from imports.plans.plan import compute_content_digest

_BATCH = 200


def clean_secrets(apps, schema_editor):
    alias = schema_editor.connection.alias
    digests = {}
    secrets = apps.get_model("flows", "Secret").objects.using(alias)
    for secret in secrets.exclude(extra="{}").order_by("pk").iterator(chunk_size=_BATCH):
        before = {name: getattr(secret, name) for name in get_columns(Kind.SECRET)}
        if (extra := _cleaned(secret.extra)) != secret.extra:
            _note_digests(digests, secret.uuid, before, extra)
            secrets.filter(pk=secret.pk).update(extra=extra)
    _clean_saved_states(apps, alias, digests)
    # That nobody finds the secret edited since its last import.
    items = apps.get_model("imports", "ImportItem").objects.using(alias)
    for (uuid, before), after in digests.items():
        same = items.filter(kind="secret", target_uuid=uuid, content_digest=before)
        same.update(content_digest=after)
    # Built before, and kept for a day only.
    apps.get_model("imports", "BuiltExport").objects.using(alias).all().delete()


def _clean_saved_states(apps, alias, digests):
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    secret = content_types.filter(app_label="flows", model="secret").first()
    if secret is None:
        return
    versions = apps.get_model("reversion", "Version").objects.using(alias)
    saved = versions.filter(content_type_id=secret.pk, format="json")
    for version in saved.order_by("pk").iterator(chunk_size=_BATCH):
        states = json.loads(version.serialized_data)
        changed = False
        for fields in (state["fields"] for state in states):
            extra = _cleaned(fields.get(EXTRA) or "{}")
            if EXTRA in fields and extra != fields[EXTRA]:
                _note_digests(digests, fields.get("uuid"), fields, extra)
                fields[EXTRA] = extra
                changed = True
        if changed:
            text = json.dumps(states, ensure_ascii=False)
            versions.filter(pk=version.pk).update(serialized_data=text)


def _note_digests(digests, uuid, before, extra):
    names = get_columns(Kind.SECRET)
    if uuid and all(name in before for name in names):
        after = compute_content_digest({**before, EXTRA: extra}, names)
        digests[str(uuid), compute_content_digest(before, names)] = after


def _cleaned(text):
    try:
        unknown = json.loads(text)
    except (ValueError, RecursionError):
        return "{}"
    if not isinstance(unknown, dict):
        return "{}"
    kept, dropped = split_unknown_of_secret(unknown)
    if not dropped:
        return text
    return canonical.encode(kept)


class Migration(migrations.Migration):

    dependencies = [
        ("imports", "0009_restore_records"),
        ("flows", "0005_secret_extra"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("reversion", "0002_add_index_on_version_for_content_type_and_db"),
    ]

    operations = [
        migrations.RunPython(clean_secrets, migrations.RunPython.noop),
    ]
