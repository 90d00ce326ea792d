import sys

from django.db import migrations, models

from flows.documents.moving import refuse_damage
from flows.upgrades.repeatable import RecordedMigration


def _tell_of_pruned(apps, schema_editor):
    """Name the records that lose what says that they cannot be undone."""
    records = apps.get_model("imports", "ImportRecord").objects.using(schema_editor.connection.alias)
    pruned = records.exclude(history_pruned_at=None).order_by("pk").values_list("pk", flat=True)
    if numbers := ", ".join(map(str, pruned)):
        sys.stderr.write(
            "\n    An earlier version does not know that the history of these records was removed, "
            f"and would undo the rest of them. Do not undo them: {numbers}."
        )


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0016_parsed_items'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrecord',
            name='pruned',
            field=models.JSONField(default=dict, help_text='What of the old history was removed after the run, as numbers; else empty.'),
        ),
        migrations.AddField(
            model_name='importrecord',
            name='history_pruned_at',
            field=models.DateTimeField(help_text='When its own history was removed, so that it cannot be undone any more.', null=True),
        ),
        migrations.RunPython(migrations.RunPython.noop, _tell_of_pruned),
        # The last one, and so the first on the way back: it stands before all that loses anything.
        migrations.RunPython(migrations.RunPython.noop, refuse_damage),
    ]
