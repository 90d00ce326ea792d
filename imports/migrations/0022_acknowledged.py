from django.db import migrations, models

from flows.documents.moving import refuse_damage
from flows.upgrades.repeatable import RecordedMigration


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0021_only_these'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrecord',
            name='acknowledged',
            field=models.JSONField(default=list, help_text='The codes of warnings that were acknowledged: of how many items, and by whom.'),
        ),
        # The last one, and so the first on the way back: it stands before all that loses anything.
        migrations.RunPython(migrations.RunPython.noop, refuse_damage),
    ]
