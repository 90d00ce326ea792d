"""The admin's door: the records of imports, and what is left to do after one."""

from imports.admin.records import ImportRecordAdmin

__all__ = ["ImportRecordAdmin"]
