"""Move the nodes and edges of flows, and of their named saves, into the table of documents.

In windows, each in its own transaction: interrupted, it goes on where it ended.
"""

from django.db import migrations

import flows.documents.field
from flows.documents.moving import move_back, move_in


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("flows", "0007_documents"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("reversion", "0001_squashed_0004_auto_20160611_1202"),
    ]

    operations = [
        migrations.RunPython(move_in, move_back),
        # The columns have the same type: nothing is to be done in the database.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="flow",
                    name=name,
                    field=flows.documents.field.StoredDocumentField(blank=True, default="[]", json_type=list),
                )
                for name in ("nodes", "edges")
            ]
        ),
    ]
