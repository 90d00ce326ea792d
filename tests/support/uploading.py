"""Calling the API in tests: who calls, and the form of an import, in as few words as a test needs."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import issue_login_token

BOUNDARY = "a-boundary-of-tests"


def caller(
    name: str = "ada", *, role: str | None = None, may: tuple[str, ...] = (), admin: bool = False
) -> APIClient:
    """A client with the token of a user: an administrator, of a role, or with some permissions."""
    create = User.objects.create_superuser if admin else User.objects.create_user
    user = create(name)
    if role:
        user.groups.add(Group.objects.get(name=role))
    permissions = Permission.objects.filter(codename__in=may)
    assert len(permissions) == len(may)
    user.user_permissions.set(permissions)
    return client_of(user)


def client_of(user: User) -> APIClient:
    """A client with a new token of the user."""
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {issue_login_token(user)}")


def part(content: bytes | str, disposition: str, *headers: str) -> bytes:
    """A part of a form, as it goes over the line."""
    lines = [f"--{BOUNDARY}", f"Content-Disposition: form-data; {disposition}", *headers, "", ""]
    content = content.encode() if isinstance(content, str) else content
    return "\r\n".join(lines).encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """The body of a form with these parts."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def file_part(payload: bytes, file_name: str = "zexport.json", name: str = "file") -> bytes:
    return part(payload, f'name="{name}"; filename="{file_name}"', "Content-Type: application/json")


def words(**fields: str) -> list[bytes]:
    """The parts of a form that are words."""
    return [part(value, f'name="{name}"') for name, value in fields.items()]


def send(client: APIClient, body: bytes, **extra: Any) -> Any:
    """POST a form's body to the import."""
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    return client.generic("POST", "/api/flow/import", body, content_type=content_type, **extra)


def upload(
    client: APIClient,
    payload: bytes,
    mode: str = "OVERWRITE",
    *,
    file_name: str = "zexport.json",
    key: str | None = None,
    HTTP_PREFER: str | None = None,  # noqa: N803 - as the client takes a header
    **fields: str,
) -> Any:
    """Import the bytes as an export file, without a backup unless `noBackup` says otherwise."""
    fields = {"duplicatesMode": mode, "noBackup": "true", **fields}
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    headers |= {} if HTTP_PREFER is None else {"HTTP_PREFER": HTTP_PREFER}
    return send(client, form(file_part(payload, file_name), *words(**fields)), **headers)
