"""Warnings that programs know by a code: those of earlier records had only their texts."""

from django.db import migrations, models

_SENDS = "sends the stored "


def tell_codes(apps, schema_editor):
    """Give the earlier warnings of secrets sent elsewhere their code; their data was not kept."""
    items = apps.get_model("imports", "ImportItem").objects.using(schema_editor.connection.alias)
    for item in items.filter(kind="connection").exclude(warnings=[]).only("warnings").iterator():
        details = [
            {"code": "secret-to-new-destination", "text": text, "isSerious": True, "data": []}
            for text in item.warnings
            if text.startswith(_SENDS)
        ]
        if details:
            items.filter(pk=item.pk).update(warning_details=details)


class Migration(migrations.Migration):
    dependencies = [("imports", "0007_new_rows")]

    operations = [
        migrations.AddField(
            model_name="importitem",
            name="warning_details",
            field=models.JSONField(
                default=list,
                help_text="Those of the warnings that programs know by a code: code, text and data.",
            ),
        ),
        migrations.RunPython(tell_codes, migrations.RunPython.noop),
    ]
