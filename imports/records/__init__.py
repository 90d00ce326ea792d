"""Reading what earlier runs left: last imports of rows, histories of items, checklists."""
