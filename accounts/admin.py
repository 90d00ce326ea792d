"""Users, their roles, and their keys in Django's admin."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import (
    TooManyKeysError,
    check_room_for_key,
    get_days_offered,
    issue_key,
    log_revoked,
)
from flows.admin.list_addresses import CheckedListMixin
from flows.conf import ziggy
from flows.roles import find_role
from flows.security_events import SecurityEvent, log_security_event_on_commit


@admin.register(User)
class UserAdmin(CheckedListMixin, DjangoUserAdmin):
    """Users. A user who is no superuser can neither make nor change a superuser."""

    list_display = ("username", "email", "role", "is_active", "is_staff", "last_login")
    list_filter = ("groups", "is_active", "is_staff", "is_superuser")

    @admin.display(description="role")
    def role(self, user: User) -> str:
        return find_role(user) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        _log_of_account(SecurityEvent.ACCOUNT_ADDED, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        _log_of_account(SecurityEvent.ACCOUNT_CHANGED, obj)
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self.delete_queryset(request, User.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic(using=queryset.db):
            for user in queryset:
                _log_of_account(SecurityEvent.ACCOUNT_DELETED, user)
            super().delete_queryset(request, queryset)


def _log_of_account(event: SecurityEvent, user: User) -> None:
    log_security_event_on_commit(event, using=user._state.db or DEFAULT_DB_ALIAS, account=user.pk)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or request.user.is_superuser or not user.is_superuser


class KeyForm(forms.ModelForm):
    """The form of a new key: its user, its purpose, and its last day."""

    name = forms.CharField(max_length=100, help_text="What the key is for, such as a CI pipeline.")
    expiry = forms.SplitDateTimeField(widget=AdminSplitDateTime)

    class Meta:
        model = ApiToken
        fields = ("user", "name", "expiry")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expiry"].initial = timezone.now() + timedelta(days=get_days_offered())
        self.fields["expiry"].help_text = f"At most {ziggy.KEY_DAYS} days from now."

    def clean_expiry(self) -> Any:
        expiry, now = self.cleaned_data["expiry"], timezone.now()
        if not now < expiry <= now + timedelta(days=ziggy.KEY_DAYS):
            raise forms.ValidationError(
                f"Give a time between now and {ziggy.KEY_DAYS} days from now."
            )
        return expiry

    def clean(self) -> Any:
        if user := self.cleaned_data.get("user"):
            try:
                check_room_for_key(user)
            except TooManyKeysError as error:
                self.add_error("user", error)
        return super().clean()


@admin.register(ApiToken)
class ApiTokenAdmin(CheckedListMixin, admin.ModelAdmin):
    """Keys: issued and revoked, never changed. A key is shown once, on the page that issues it."""

    form = KeyForm
    list_display = ("purpose", "user", "created", "expiry", "good")
    list_display_links = None
    list_select_related = ("user",)
    list_filter = ("expiry",)
    search_fields = ("name", "user__username")
    ordering = ("-created",)

    @admin.display(description="name", ordering="name")
    def purpose(self, key: ApiToken) -> str:
        return key.name or "(a login)"

    @admin.display(boolean=True)
    def good(self, key: ApiToken) -> bool:
        return key.is_good()

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Return whether the user may revoke keys; only superusers may revoke a superuser's."""
        may = super().has_delete_permission(request, obj)
        return may and _may_touch(request, obj.user if obj else None)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        users = User.objects.filter(is_active=True).order_by("username")
        if not request.user.is_superuser:
            users = users.filter(is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, queryset=users, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        obj.token_in_clear = issue_key(obj)

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        self.delete_queryset(request, ApiToken.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        with transaction.atomic(using=queryset.db):
            for key in queryset.select_related("user"):
                log_revoked(key)
            super().delete_queryset(request, queryset)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"The key {obj.name} for {obj.user}",
            "opts": self.opts,
            "key": obj,
        }
        return TemplateResponse(request, "admin/accounts/apitoken/issued.html", context)
