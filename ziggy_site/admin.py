"""The admin site: who may enter it, and through which form."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.login import log_in
from accounts.models import User
from accounts.roles import is_service_account
from accounts.throttling import TooManyAttemptsError


class LoginForm(AdminAuthenticationForm):
    """The login of the API, with its limits, for those who may enter the admin."""

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if username and password:
            assert self.request is not None  # noqa: S101 - the login page gives it
            try:
                self.user_cache = log_in(self.request, username=username, password=password)
            except TooManyAttemptsError as error:
                raise ValidationError(
                    f"There were too many attempts. Try again in {error.wait} seconds.",
                    code="throttled",
                ) from None
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data

    def confirm_login_allowed(self, user: User) -> None:
        super().confirm_login_allowed(user)
        if is_service_account(user):
            raise self.get_invalid_login_error()


class AdminSite(admin.AdminSite):
    """Django's admin site, which no service account enters, staff or not."""

    site_header = site_title = "Ziggy flow import"
    login_form = LoginForm

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not is_service_account(request.user)
