"""manage.py rotate_encryption_keys: seal every stored secret with the current key."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseFault

from flows.encryption import WrongKeyError
from flows.secrets.key_rotation import rotate_keys
from flows.servers import explain_unusable_database, list_server_names


class Command(BaseCommand):
    help = (
        "Seals every stored secret value with the first key of ZIGGY_ENCRYPTION_KEYS. Run it "
        "after a new key was put in front and every process was started anew, and again until it "
        "counts nothing; then the old key can be dropped."
    )

    def handle(self, **options: Any) -> None:
        try:
            values = rotate_keys()
        except DatabaseFault as error:
            server, *_ = list_server_names()
            reason = str(error).strip().partition("\n")[0].rstrip(".")
            raise CommandError(explain_unusable_database(reason, server)) from error
        except WrongKeyError as error:
            notes = getattr(error, "__notes__", [])
            raise CommandError(" ".join([str(error), *notes, "Nothing was changed."])) from None
        answer = {"status": 200, "statusText": "OK", "data": {"values": values}}
        self.stdout.write(json.dumps(answer, indent=2))
