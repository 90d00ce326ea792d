"""Django's admin app, with the site of this project."""

from django.contrib.admin.apps import AdminConfig


class ZiggyAdminConfig(AdminConfig):
    default_site = "ziggy_site.admin.AdminSite"
