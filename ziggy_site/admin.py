"""The admin site: its users, and its login form."""

from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts.login import log_in
from accounts.models import User
from flows.roles import is_service_account
from flows.security_events import SecurityEvent, log_security_event
from flows.web.throttling import TooManyAttemptsError, get_address
from ziggy_site.error_pages import find_page_of_form


class LoginForm(AdminAuthenticationForm):
    """The login of the API, with its limits, for users who may use the admin."""

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if username and password:
            assert self.request is not None  # noqa: S101 - the login page gives it
            try:
                self.user_cache = log_in(self.request, username=username, password=password)
            except TooManyAttemptsError as error:
                raise ValidationError(str(error), code="throttled") from None
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self._confirm_login(self.user_cache, get_address(self.request))
        return self.cleaned_data

    def _confirm_login(self, user: User, address: str) -> None:
        try:
            self.confirm_login_allowed(user)
        except ValidationError:
            log_security_event(SecurityEvent.LOGIN_REFUSED, account=user.pk, address=address)
            raise

    def confirm_login_allowed(self, user: User) -> None:
        super().confirm_login_allowed(user)
        if is_service_account(user):
            raise self.get_invalid_login_error()


_SESSION_ENDED = (
    "Your session has ended, and nothing of what you sent was done. Log in: you come back to the "
    "page."
)


class AdminSite(admin.AdminSite):
    """Django's admin site, which refuses service accounts, staff or not."""

    site_header = site_title = "Ziggy flow import"
    login_form = LoginForm

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer with the login page; redirect a logged-in user to the link's target."""
        link = request.GET.get(REDIRECT_FIELD_NAME, "")
        if (
            request.method == "GET"
            and self.has_permission(request)
            and url_has_allowed_host_and_scheme(
                link, allowed_hosts={request.get_host()}, require_https=request.is_secure()
            )
        ):
            return HttpResponseRedirect(link)
        return super().login(request, extra_context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return the view for who may use the admin; others are led to the login.

        A form that is sent after the session ended is not taken. The login then leads back to the
        page on which it was, and not to the form's own address, which may be no page.
        """
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def check_session(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_form = request.method == "POST" and not request.user.is_authenticated
            if is_form and request.path != reverse("admin:logout", current_app=self.name):
                messages.warning(request, _SESSION_ENDED)
                page = find_page_of_form(request) or request.get_full_path()
                return redirect_to_login(page, reverse("admin:login", current_app=self.name))
            answer: HttpResponseBase = inner(request, *args, **kwargs)
            return answer

        return check_session

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not is_service_account(request.user)
