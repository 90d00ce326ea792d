"""Django's admin app, with the site of this project."""

from django.contrib.admin.apps import AdminConfig


class ZiggyAdminConfig(AdminConfig):
    default_site = "ziggy_site.admin.AdminSite"

    def ready(self) -> None:
        from flows.wrong_settings import refuse_wrong_settings

        refuse_wrong_settings()  # the variables, which this site has read: one line says what
        super().ready()
