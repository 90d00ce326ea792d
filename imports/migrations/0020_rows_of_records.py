from django.db import migrations, models

from flows.upgrades.repeatable import RecordedMigration


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0019_reviewed'),
        ('reversion', '0002_add_index_on_version_for_content_type_and_db'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='importitem',
            index=models.Index(fields=['record', 'kind', 'target_uuid'], name='imports_importitem_rows'),
        ),
    ]
