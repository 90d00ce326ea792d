"""The table of documents, and that of what they mention."""

import django.utils.timezone
from django.db import migrations, models

from flows.upgrades.repeatable import CreateModelAnew, RecordedMigration


def _store_bodies_as_they_are(apps, schema_editor):
    """Bodies are packed already: PostgreSQL need not try."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE flows_document ALTER body SET STORAGE EXTERNAL")


class Migration(RecordedMigration):
    dependencies = [("flows", "0006_attempts")]

    operations = [
        CreateModelAnew(
            name="StoredDocument",
            fields=[
                ("digest", models.CharField(help_text="SHA-256 of the text, hexadecimal.", max_length=64, primary_key=True, serialize=False)),
                ("body", models.BinaryField(help_text="The text in UTF-8, compressed with zstd.")),
                ("size", models.PositiveIntegerField(help_text="Bytes of the text.")),
                ("kept_at", models.DateTimeField(default=django.utils.timezone.now, help_text="When it was stored, or last kept outside of a transaction.")),
            ],
            options={"verbose_name": "document", "db_table": "flows_document", "default_permissions": ()},
        ),
        migrations.RunPython(_store_bodies_as_they_are, migrations.RunPython.noop),
        CreateModelAnew(
            name="Mention",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(db_index=True, max_length=64)),
                ("kind", models.CharField(choices=[("u", "a uuid"), ("n", "a secret, by its whole name"), ("s", "a secret that may be used, or every one")], max_length=1)),
                ("target", models.TextField()),
            ],
            options={"db_table": "flows_document_mention", "default_permissions": (), "indexes": [models.Index(fields=["kind", "target"], name="flows_mention_target")]},
        ),
    ]
