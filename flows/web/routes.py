"""The name of a request's address: one of those that the project has, never the address itself."""

from django.urls import ResolverMatch

NO_ROUTE = "none"
"""The name where no view was found: unknown addresses, and static files."""


def get_route_name(match: ResolverMatch | None) -> str:
    """Return the name of the address, or its pattern: as many as the project's addresses."""
    if match is None:
        return NO_ROUTE
    return match.view_name if match.url_name else match.route or "root"
