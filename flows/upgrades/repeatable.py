"""Migrations that can be applied or taken back once more: after a restore, or a kill."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState


class CreateModelAnew(migrations.CreateModel):
    """CreateModel that drops a table of the model's name first.

    PostgreSQL's restore of a backup replaces the tables that the backup has, so that one which
    was made since then stays. Only for models to which no other table refers, and whose rows mean
    nothing before the migration.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the table if it is there, and create it."""
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        schema_editor.execute(f"DROP TABLE IF EXISTS {schema_editor.quote_name(table)}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)


class RecordedMigration(migrations.Migration):
    """A migration that is recorded in its own transaction, on its way and on its way back.

    Django records the way back after the commit, and so it does the way where SQL was deferred to
    its end, such as that of an index. Killed between the two, a table or column would be gone that
    the next try wants to remove, or be there already.
    """

    def apply(
        self,
        project_state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        collect_sql: bool = False,
    ) -> ProjectState:
        """Apply the migration, with what is deferred to its end, so that Django records it then."""
        state = super().apply(project_state, schema_editor, collect_sql)
        for statement in schema_editor.deferred_sql:
            schema_editor.execute(statement)
        schema_editor.deferred_sql.clear()
        return state

    def unapply(
        self,
        project_state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        collect_sql: bool = False,
    ) -> ProjectState:
        """Take the migration back, and record that."""
        state = super().unapply(project_state, schema_editor, collect_sql)
        if not collect_sql:
            recorder = MigrationRecorder(schema_editor.connection)
            recorder.record_unapplied(self.app_label, self.name)
        return state
