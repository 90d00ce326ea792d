"""The middleware of the apps, for every page of the site: it has no others."""

from django.http import HttpRequest

from flows.web.refusals import View, make_refusal_log
from flows.web.statement_timeout import StatementTimeoutMiddleware
from flows.web.wrong_key import WrongKeyMiddleware


class SiteStatementTimeoutMiddleware(StatementTimeoutMiddleware):
    """Limits the statements of every page."""

    def is_concerned(self, request: HttpRequest) -> bool:
        return True


class SiteWrongKeyMiddleware(WrongKeyMiddleware):
    """Refuses every page that may write, but logins and logouts."""

    def is_concerned(self, request: HttpRequest) -> bool:
        match = request.resolver_match
        return match is None or match.view_name not in {"admin:login", "admin:logout"}


def log_all_refusals(get_response: View) -> View:
    """Log the 403 of every page."""
    return make_refusal_log(get_response, is_concerned=lambda _: True)
