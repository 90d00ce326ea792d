"""Flows are found by the digests of their documents, without looking at all flows."""

from django.db import migrations, models

from flows.upgrades.repeatable import RecordedMigration


class Migration(RecordedMigration):
    dependencies = [("flows", "0008_move_documents")]

    operations = [
        migrations.AddIndex("flow", models.Index(fields=[column], name=f"flows_flow_by_{column}"))
        for column in ("nodes", "edges")
    ]
