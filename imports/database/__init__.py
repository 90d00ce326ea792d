"""A server's database as a whole: backup and restore, the import lock, one state for a reader.

For others: `backup.make_backup`, `restore.restore_backup`, `restored_access`, `lock.import_lock`,
`one_state.one_state`, `vacuum`, `identity`, and `errors`, which says what an error of it means.
"""
