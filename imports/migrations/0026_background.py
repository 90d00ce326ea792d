import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from flows.documents.moving import refuse_damage
from flows.upgrades.repeatable import CreateModelAnew, RecordedMigration


def end_queued(apps, schema_editor):
    """Give runs, on the way back, the words that earlier releases have: there is no worker then."""
    records = apps.get_model('imports', 'ImportRecord').objects.using(schema_editor.connection.alias)
    records.filter(status='queued').update(
        status='interrupted',
        code='interrupted',
        message='The server went back to an earlier release. Nothing of this import was written.',
    )
    records.filter(status='cancelled').update(status='refused')
    uploads = apps.get_model('imports', 'PendingImport').objects.using(schema_editor.connection.alias)
    uploads.filter(plan=None, record=None).delete()


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0025_pruning'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModelAnew(
            name='BackgroundJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('import', 'Import'), ('upload', 'Import of an upload, or of a kept plan'), ('undo', 'Undo')], max_length=20)),
                ('options', models.BinaryField(help_text='What was asked for, in zstd, encrypted.', null=True)),
                ('content', models.BinaryField(help_text='The file, in zstd, encrypted.', null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='How often it was begun.')),
                ('is_cancelled', models.BooleanField(default=False, help_text='Whether it is to stop.')),
                ('is_writing', models.BooleanField(default=False, help_text='Whether the write has begun: it cannot be cancelled any more.')),
                ('queue_number', models.BigIntegerField(help_text='Its number in the queue.', null=True)),
                ('pending', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='imports.pendingimport')),
                ('record', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='job', to='imports.importrecord')),
            ],
            options={
                'base_manager_name': 'objects',
                'default_permissions': (),
            },
        ),
        CreateModelAnew(
            name='RunProgress',
            fields=[
                ('record', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='imports.importrecord')),
                ('done', models.PositiveIntegerField()),
                ('total', models.PositiveIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        CreateModelAnew(
            name='BackgroundExport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(db_index=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('refused', 'Refused'), ('failed', 'Failed')], max_length=20)),
                ('code', models.CharField(blank=True, default='', max_length=100)),
                ('message', models.TextField(blank=True, default='')),
                ('choice', models.JSONField(help_text='What was asked for.')),
                ('form', models.CharField(blank=True, default='', help_text='Of the file: empty, `gzip` or `dir`.', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='How often it was begun.')),
                ('queue_number', models.BigIntegerField(help_text='Its number in the queue.', null=True)),
                ('done', models.PositiveIntegerField(default=0, help_text='Items that are written so far.')),
                ('total', models.PositiveIntegerField(default=0, help_text='Items to write; 0 if unknown.')),
                ('size', models.BigIntegerField(default=0, help_text='Bytes that are written so far.')),
                ('counts', models.JSONField(default=dict, help_text='Number of items by kind, of a whole one.')),
                ('sha256', models.CharField(blank=True, default='', max_length=64)),
                ('warnings', models.JSONField(default=list)),
                ('limit_codes', models.JSONField(default=list, help_text='Of the limits that it is beyond.')),
                ('content', models.BinaryField(help_text='The export file, in gzip, encrypted.', null=True)),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        CreateModelAnew(
            name='PlanningJob',
            fields=[
                ('pending', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='planning', serialize=False, to='imports.pendingimport')),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='How often it was begun.')),
                ('done', models.PositiveIntegerField(default=0, help_text='Items that are planned.')),
                ('total', models.PositiveIntegerField(default=0, help_text='Items; 0 until the file is read.')),
                ('code', models.CharField(blank=True, default='', help_text='Why there is no plan; empty until then.', max_length=100)),
                ('message', models.TextField(blank=True, default='')),
                ('queue_number', models.BigIntegerField(help_text='Its number in the queue.', null=True)),
                ('record', models.ForeignKey(db_constraint=False, db_index=False, help_text='That of the refusal, where it has one.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='imports.importrecord')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RemoveConstraint(
            model_name='importrecord',
            name='imports_importrecord_unique_key',
        ),
        migrations.AddField(
            model_name='importrecord',
            name='queued_at',
            field=models.DateTimeField(help_text='When it was asked for, of a run in the background.', null=True),
        ),
        migrations.AlterField(
            model_name='importrecord',
            name='status',
            field=models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('refused', 'Refused'), ('failed', 'Failed'), ('interrupted', 'Interrupted'), ('cancelled', 'Cancelled'), ('undone', 'Undone')], db_index=True, max_length=20),
        ),
        migrations.AddConstraint(
            model_name='importrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running', 'succeeded', 'undone'])), fields=('user', 'idempotency_key'), name='imports_importrecord_unique_key'),
        ),
        migrations.RunPython(migrations.RunPython.noop, end_queued),
        # The last one, and so the first on the way back: it stands before all that loses anything.
        migrations.RunPython(migrations.RunPython.noop, refuse_damage),
    ]
