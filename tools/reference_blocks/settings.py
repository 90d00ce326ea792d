"""The blocks of the variables of the environment, as they are declared."""

from collections.abc import Mapping

from tools.reference_blocks.markdown import format_table
from ziggy_site.environment import FILE_SUFFIX
from ziggy_site.variables import SERVER_VARIABLES, SITE_VARIABLES, Variable


def list_settings() -> str:
    """Return the table of the variables that the settings read."""
    return _format_variables(SITE_VARIABLES)


def list_server_settings() -> str:
    """Return the table of the variables that the shipped configuration of gunicorn reads."""
    return _format_variables(SERVER_VARIABLES)


def _format_variables(variables: Mapping[str, Variable]) -> str:
    rows = [
        (_format_name(each), each.kind.value, _format_default(each), each.effect)
        for each in variables.values()
    ]
    return format_table(["variable", "holds", "default", "effect"], rows)


def _format_name(variable: Variable) -> str:
    file = f", or `{variable.name}{FILE_SUFFIX}`" if variable.is_secret else ""
    return f"`{variable.name}`{file}"


def _format_default(variable: Variable) -> str:
    value = variable.default
    if variable.default_words:
        return variable.default_words
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{int(value) if isinstance(value, bool | float) else value}`"
