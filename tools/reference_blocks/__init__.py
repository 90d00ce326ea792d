"""The generated blocks of docs/reference, by name: Markdown, from the code."""

from collections.abc import Callable

from flows.content.fields import Kind
from tools.reference_blocks.commands import list_commands
from tools.reference_blocks.endpoints import list_endpoints
from tools.reference_blocks.exit_codes import list_exit_codes
from tools.reference_blocks.fields import list_fields, list_history_levels
from tools.reference_blocks.roles import list_roles
from tools.reference_blocks.settings import list_server_settings, list_settings
from tools.reference_blocks.signals import (
    list_metrics,
    list_security_events,
    list_security_facts,
)
from tools.reference_blocks.warnings import list_warnings

BLOCKS: dict[str, Callable[[], str]] = {
    "commands": list_commands,
    "settings": list_settings,
    "server-settings": list_server_settings,
    "endpoints": list_endpoints,
    "security-events": list_security_events,
    "security-facts": list_security_facts,
    "metrics": list_metrics,
    "exit-codes": list_exit_codes,
    "roles": list_roles,
    "flow-fields": lambda: list_fields(Kind.FLOW),
    "connection-fields": lambda: list_fields(Kind.CONNECTION),
    "secret-fields": lambda: list_fields(Kind.SECRET),
    "history-levels": list_history_levels,
    "warnings": list_warnings,
}
