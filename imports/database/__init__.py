"""A server's database as a whole: backup, restore, drill, import lock, vacuum, consistent reads.

For others: `backup.make_backup`, `restore.restore_backup`, `restored_access`,
`drill.verify_backup`, `drill_results.read_drill_result`, `lock.hold_import_lock`,
`one_state.read_one_state`, `vacuum`, `identity`, and `errors`, which classifies the database's
errors.
"""
