"""The process of one measurement: `python -m benchmarks.child MODULE.FUNCTION ARGUMENTS`.

The function gets the arguments, a JSON object, as keywords, and returns a Result.
"""

import json
import os
import sys
from importlib import import_module

import django

from benchmarks.measure import print_result


def main() -> None:
    """Set Django up as its test runner does, do the work, and print its result."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "ziggy_site.settings"
    django.setup()
    from django.conf import settings

    settings.DEBUG = False  # as on a server: with DEBUG, Django keeps the text of every query
    settings.WHITENOISE_AUTOREFRESH = True  # static files are found as in a checkout
    module, _, function = sys.argv[1].partition(".")
    work = getattr(import_module(f"benchmarks.{module}"), function)
    print_result(work(**json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()
