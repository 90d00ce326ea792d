from django.conf import settings
from django.db import migrations, models

from flows.documents.moving import refuse_damage
from flows.upgrades.repeatable import RecordedMigration


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0023_choice_of_export'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='importrecord',
            options={'ordering': ['-started_at', '-pk'], 'permissions': [('run_import', 'Can import export files'), ('overwrite_items', 'Can overwrite items by import'), ('skip_backup', 'Can import without a backup'), ('override_locks', 'Can overwrite locked flows by import'), ('retarget_connections', 'Can point a connection that uses a secret elsewhere'), ('undo_import', 'Can undo an import'), ('back_up_database', 'Can back up the database'), ('vacuum_database', 'Can purge deleted rows and reorganise the database'), ('transfer_database', 'Can fetch a copy of the whole database'), ('purge_items', 'Can delete items for good'), ('plan_import', 'Can plan imports')]},
        ),
        migrations.AddField(
            model_name='importrecord',
            name='origin',
            field=models.JSONField(default=dict, help_text='The kept plan that the run applied, and what it was made for; else empty.'),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='expires_at',
            field=models.DateTimeField(help_text='Of a kept plan; null for an upload.', null=True),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='key',
            field=models.CharField(help_text='What it is known by: the next one replaces it.', max_length=255, null=True),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='link',
            field=models.TextField(blank=True, default='', help_text='What it was made for.'),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='title',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='commit',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='kinds',
            field=models.CharField(blank=True, default='', help_text='The kinds that the plan tells of.', max_length=40),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='counts',
            field=models.JSONField(default=dict, help_text='Number of items by result.'),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='refusal_code',
            field=models.CharField(blank=True, default='', max_length=100),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='answer',
            field=models.BinaryField(help_text='The plan as it is answered and applied, compressed.', null=True),
        ),
        migrations.AddConstraint(
            model_name='pendingimport',
            constraint=models.UniqueConstraint(fields=('key',), name='imports_pendingimport_unique_key'),
        ),
        # The last one, and so the first on the way back: it stands before all that loses anything.
        migrations.RunPython(migrations.RunPython.noop, refuse_damage),
    ]
