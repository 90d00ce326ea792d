"""The admin: buttons on the list of flows, the pages of an import, and the records.

Projects may register subclasses of these in place of them.
"""

from imports.admin.items.flows import (
    PortableConnectionAdmin,
    PortableFlowAdmin,
    PortableSecretAdmin,
)
from imports.admin.records.records import ImportRecordAdmin

__all__ = [
    "ImportRecordAdmin",
    "PortableConnectionAdmin",
    "PortableFlowAdmin",
    "PortableSecretAdmin",
]
