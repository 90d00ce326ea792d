"""The messages of plans and refusals, as pages show them."""

from django import template

from imports.admin.wording import replace_options

register = template.Library()
register.filter("replace_options", replace_options, is_safe=False)
