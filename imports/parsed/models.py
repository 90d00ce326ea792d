"""The table of what is known of items by their bytes."""

from typing import ClassVar

from django.db import models

from flows.database.current import CurrentDatabaseModel


class ParsedItem(CurrentDatabaseModel):
    """What reading a flow's slice of a file gave. Nothing depends on it: it only saves time."""

    digest = models.CharField(
        max_length=64, primary_key=True, help_text="Of the slice, and of the rules of reading it."
    )
    uuid = models.CharField(max_length=36, db_index=True, help_text="The flow's, in lower case.")
    body = models.BinaryField(help_text="See exportfile.known_items.")
    used_at = models.DateTimeField(db_index=True, help_text="To within half a day.")

    class Meta:
        db_table = "imports_parsed_item"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return str(self.digest)
