from django.db import migrations

from flows.roles import write_roles


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_planner_role'),
        ('imports', '0025_pruning'),
    ]

    operations = [
        # The way back keeps the groups: their members must not be lost.
        migrations.RunPython(write_roles, migrations.RunPython.noop),
    ]
