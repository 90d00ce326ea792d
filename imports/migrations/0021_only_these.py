from django.db import migrations, models

from flows.documents.moving import refuse_damage
from flows.upgrades.repeatable import RecordedMigration


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0020_rows_of_records'),
    ]

    operations = [
        migrations.AddField(
            model_name='pendingimport',
            name='only',
            field=models.JSONField(default=list, help_text='Items; empty for the whole file.'),
        ),
        # The last one, and so the first on the way back: it stands before all that loses anything.
        migrations.RunPython(migrations.RunPython.noop, refuse_damage),
    ]
