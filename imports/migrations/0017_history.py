from django.db import migrations, models


class Migration(migrations.Migration):

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
    ]
