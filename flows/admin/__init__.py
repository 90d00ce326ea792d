"""Flows, connections and secrets in Django's admin, each with its named saves.

`forms` and `filters` are parts of pages; `soft_delete` and `saves` are common to the three kinds;
`items` registers them.
"""

from flows.admin.item_admin import ItemAdmin
from flows.admin.items import ConnectionAdmin, FlowAdmin, SecretAdmin

__all__ = ["ConnectionAdmin", "FlowAdmin", "ItemAdmin", "SecretAdmin"]
