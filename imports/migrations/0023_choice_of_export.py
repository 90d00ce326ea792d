from django.db import migrations, models

from flows.upgrades.repeatable import RecordedMigration


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0022_acknowledged'),
    ]

    operations = [
        migrations.AddField(
            model_name='builtexport',
            name='choice',
            field=models.TextField(default='', help_text='The flows that were chosen, as one text.'),
        ),
    ]
