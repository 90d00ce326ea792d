"""Find the items with serious warnings by the text of their JSON, without decoding it."""

from django.db.models import Q


def make_condition_of_serious(column: str) -> Q:
    """Return the condition that the warnings in the column, cast to a text, have a serious one.

    A warning's own text cannot meet it: its quotation marks are escaped.
    """
    # Databases may write a space after the colon.
    texts = (f'"isSerious":{space}true' for space in (" ", ""))
    first, second = (Q((f"{column}__contains", text)) for text in texts)
    return first | second
