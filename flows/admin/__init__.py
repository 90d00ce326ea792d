"""Flows, connections and secrets in Django's admin, each with its named saves.

`forms` and `filters` are what pages show; `soft_delete` and `saves` are what the three kinds have
in common; `items` registers them.
"""

from flows.admin.item_admin import ItemAdmin
from flows.admin.items import ConnectionAdmin, FlowAdmin, SecretAdmin

__all__ = ["ConnectionAdmin", "FlowAdmin", "ItemAdmin", "SecretAdmin"]
