from django.db import migrations

from flows.roles import write_roles


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_tokens'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('flows', '0001_initial'),
        ('imports', '0002_permissions'),
    ]

    operations = [
        # The way back keeps the groups: their members must not be lost.
        migrations.RunPython(write_roles, migrations.RunPython.noop),
    ]
