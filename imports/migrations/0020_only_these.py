from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('imports', '0019_reviewed'),
    ]

    operations = [
        migrations.AddField(
            model_name='pendingimport',
            name='only',
            field=models.JSONField(default=list, help_text='The items to import with what they use; empty for the whole file.'),
        ),
    ]
