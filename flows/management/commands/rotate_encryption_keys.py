"""manage.py rotate_encryption_keys: seal every stored secret with the current key."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows.encryption import WrongKeyError
from flows.management.database_errors import explain_database_errors
from flows.secrets.key_rotation import rotate_keys


class Command(BaseCommand):
    help = (
        "Seals every stored secret value with the first key of ZIGGY_ENCRYPTION_KEYS. Run it "
        "after a new key was put in front and every process was started anew, and again until it "
        "counts nothing; then the old key can be dropped."
    )

    def handle(self, **options: Any) -> None:
        try:
            with explain_database_errors():
                values = rotate_keys()
        except WrongKeyError as error:
            notes = getattr(error, "__notes__", [])
            raise CommandError(" ".join([str(error), *notes, "Nothing was changed."])) from None
        answer = {"status": 200, "statusText": "OK", "data": {"values": values}}
        self.stdout.write(json.dumps(answer, indent=2))
