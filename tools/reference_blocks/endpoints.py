"""The block of the API: a table of the endpoints for each of its parts."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tools.reference_blocks.markdown import format_table


def list_endpoints() -> str:
    """Return a table of the endpoints for each part of the API."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    parts: dict[str, list[Sequence[str]]] = {}
    for path, methods in schema["paths"].items():
        rows = parts.setdefault(path.split("/")[2], [])
        rows += (
            _format_endpoint(path, method, operation)
            for method, operation in methods.items()
            if method != "parameters"
        )
    headings = ["request", "what it does", "takes", "answers"]
    return "\n\n".join(
        f"### /api/{part}\n\n{format_table(headings, parts[part])}" for part in parts
    )


def _format_endpoint(path: str, method: str, operation: dict[str, Any]) -> Sequence[str]:
    parameters = operation.get("parameters", ())
    takes = [
        *(f"`?{one['name']}`" for one in parameters if one["in"] == "query"),
        *(f"`{one['name']}`" for one in parameters if one["in"] == "header"),
        *operation.get("requestBody", {}).get("content", {}),
    ]
    answers = [code for code in operation["responses"] if code < "400"]
    what = str(operation.get("summary", "")).rstrip(".")
    return f"`{method.upper()} {path}`", what, ", ".join(takes), ", ".join(answers)
