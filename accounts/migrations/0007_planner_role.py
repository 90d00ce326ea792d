from django.db import migrations

from flows.roles import write_roles


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_purge_right'),
        ('imports', '0024_kept_plans'),
    ]

    operations = [
        # The way back keeps the groups: their members must not be lost.
        migrations.RunPython(write_roles, migrations.RunPython.noop),
    ]
