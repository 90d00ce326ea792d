"""The admin: buttons on the list of flows, the pages of an import, and the records."""

from imports.admin.flows import PortableFlowAdmin
from imports.admin.records import ImportRecordAdmin

__all__ = ["ImportRecordAdmin", "PortableFlowAdmin"]
