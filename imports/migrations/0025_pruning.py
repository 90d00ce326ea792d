from django.db import migrations, models

from flows.documents.moving import refuse_damage
from flows.upgrades.repeatable import RecordedMigration


def name_as_deleted(apps, schema_editor):
    """Give pruned rows, on the way back, the word that earlier releases have for them."""
    database = schema_editor.connection.alias
    items = apps.get_model('imports', 'ImportItem').objects.using(database)
    items.filter(result='PRUNE').update(result='DELETE')
    records = apps.get_model('imports', 'ImportRecord').objects.using(database)
    for record in records.filter(counts__has_key='PRUNE').only('counts'):
        record.counts['DELETE'] = record.counts.pop('PRUNE')
        record.save(update_fields=['counts'])


class Migration(RecordedMigration):

    dependencies = [
        ('imports', '0024_kept_plans'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='importrecord',
            options={'ordering': ['-started_at', '-pk'], 'permissions': [('run_import', 'Can import export files'), ('overwrite_items', 'Can overwrite items by import'), ('skip_backup', 'Can import without a backup'), ('override_locks', 'Can overwrite locked flows by import'), ('retarget_connections', 'Can point a connection that uses a secret elsewhere'), ('undo_import', 'Can undo an import'), ('back_up_database', 'Can back up the database'), ('vacuum_database', 'Can purge deleted rows and reorganise the database'), ('transfer_database', 'Can fetch a copy of the whole database'), ('purge_items', 'Can delete items for good'), ('plan_import', 'Can plan imports'), ('prune_items', 'Can delete by import what left its directory')]},
        ),
        migrations.AddField(
            model_name='importrecord',
            name='directory_id',
            field=models.CharField(blank=True, default='', help_text='Of the directory that the file was; empty for any other file.', max_length=36),
        ),
        # No `db_index`: what PostgreSQL puts off to the end is not recorded in one transaction with it.
        migrations.AddIndex(
            model_name='importrecord',
            index=models.Index(fields=['directory_id'], name='record_directory'),
        ),
        migrations.AddField(
            model_name='importrecord',
            name='prune',
            field=models.BooleanField(default=False, help_text='Whether what left the directory was soft-deleted.'),
        ),
        migrations.AddField(
            model_name='pendingimport',
            name='prune',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='importitem',
            name='result',
            field=models.CharField(choices=[('CREATE', 'CREATE'), ('OVERWRITE', 'OVERWRITE'), ('DUPLICATE', 'DUPLICATE'), ('SKIP', 'SKIP'), ('UNCHANGED', 'UNCHANGED'), ('PRUNE', 'PRUNE'), ('RESTORE', 'RESTORE'), ('DELETE', 'DELETE'), ('KEEP', 'KEEP')], max_length=20),
        ),
        migrations.RunPython(migrations.RunPython.noop, name_as_deleted),
        # The last one, and so the first on the way back: it stands before all that loses anything.
        migrations.RunPython(migrations.RunPython.noop, refuse_damage),
    ]
