"""Django's admin app, with the site of this project."""

from django.contrib.admin.apps import AdminConfig


class ZiggyAdminConfig(AdminConfig):
    default_site = "ziggy_site.admin.AdminSite"

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from flows.wrong_settings import refuse_wrong_settings
        from ziggy_site.checks import check_deployment

        register(check_deployment, Tags.security, deploy=True)
        refuse_wrong_settings()  # the variables, which this site has read: one line says what
        super().ready()
