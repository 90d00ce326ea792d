"""The API of accounts: log in, exchange a token, log out, get the user of the token."""

from typing import Any, cast

from django.contrib.auth import user_logged_in
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    extend_schema_serializer,
    inline_serializer,
)
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import CHALLENGE, find_or_refuse
from accounts.hashing import TooManyHashesError
from accounts.login import log_in
from accounts.models import ApiToken, User
from accounts.tokens import exchange, issue_login_token, log_out
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.roles import Role, find_role
from flows.web.throttling import TooManyAttempts, TooManyAttemptsError

_UUID = "7a3f1f6e-9f0c-4f0e-8a52-5a1d6a3c2b10"
_TOKEN = "zgy_1c8e..."  # noqa: S105 - an example
_LONGEST_NAME = 254  # an e-mail address
_LONGEST_PASSWORD = 4096
_LONGEST_TOKEN = 200


def _make_role_field() -> serializers.ChoiceField:
    return serializers.ChoiceField([str(role) for role in Role], allow_null=True)


def _list_refusals(wrong: str) -> dict[int, OpenApiResponse]:
    """Return the answers to something `wrong`, and to too many of that, for the documentation."""
    return {
        401: OpenApiResponse(description=wrong),
        429: OpenApiResponse(description="Too many wrong ones; see Retry-After."),
    }


class OpenView(ApiView):
    """An endpoint that needs no token, and ignores one that is sent."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    may_write_with_wrong_key = True

    def get_authenticate_header(self, request: Request) -> str:
        """Return the header of a 401; without it, DRF would answer 403."""
        return CHALLENGE


class ServiceHealth(OpenView):
    """Returns whether the server works, to callers that are not logged in."""

    @extend_schema(
        summary="Whether the service answers",
        responses=inline_serializer("ServiceHealth", {"status": serializers.CharField()}),
        examples=[OpenApiExample("It does", {"status": "ok"})],
    )
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class WrongCredentials(AuthenticationFailed):
    """The error of an unknown name, a wrong password and an inactive user, the same for all."""

    default_detail = "The user name or the password is wrong."
    default_code = "wrong-credentials"


class TooManyLogins(APIException):
    """The 503 while too many log in at once, with the text of the error."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "too-many-logins"

    def __init__(self, error: TooManyHashesError) -> None:
        super().__init__(detail=str(error))
        self.wait = error.wait  # the header Retry-After


@extend_schema_serializer(
    examples=[OpenApiExample("By name", {"username": "ada", "password": "..."})]
)
class LoginRequest(serializers.Serializer[Any]):
    username = serializers.CharField(
        max_length=_LONGEST_NAME,
        trim_whitespace=False,
        help_text="A user name, or an e-mail address in any case.",
    )
    password = serializers.CharField(max_length=_LONGEST_PASSWORD, trim_whitespace=False)


class Login(OpenView):
    """Returns a token for a name and a password. A token in the request is ignored."""

    @extend_schema(
        summary="Log in",
        request=LoginRequest,
        responses={
            201: OpenApiResponse(
                inline_serializer(
                    "LoginAnswer",
                    {
                        "uuid": serializers.UUIDField(),
                        "username": serializers.CharField(),
                        "role": _make_role_field(),
                        "token": serializers.CharField(),
                        "resetPassword": serializers.BooleanField(),
                        "passwordWasReset": serializers.BooleanField(),
                        "passwordStrengthOk": serializers.BooleanField(),
                    },
                ),
                description="Send the token with every request: `Authorization: Bearer TOKEN`.",
                examples=[
                    OpenApiExample(
                        "Logged in",
                        {
                            "uuid": _UUID,
                            "username": "ada",
                            "role": "EDITOR",
                            "token": _TOKEN,
                            "resetPassword": False,
                            "passwordWasReset": False,
                            "passwordStrengthOk": True,
                        },
                    )
                ],
            ),
            **_list_refusals("The user name or the password is wrong."),
            503: OpenApiResponse(description="Too many log in at once; see Retry-After."),
        },
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Response:
        credentials = LoginRequest(data=request.data)
        credentials.is_valid(raise_exception=True)
        try:
            user = log_in(request, **credentials.validated_data)
        except TooManyAttemptsError as error:
            raise TooManyAttempts(error) from None
        except TooManyHashesError as error:
            raise TooManyLogins(error) from None
        if user is None:
            raise WrongCredentials
        token = issue_login_token(user)
        user_logged_in.send(sender=User, request=request, user=user)
        return Response(
            {
                "uuid": user.uuid,
                "username": user.get_username(),
                "role": find_role(user),
                "token": token,
                "resetPassword": False,
                "passwordWasReset": False,
                "passwordStrengthOk": True,
            },
            status=status.HTTP_201_CREATED,
        )


@extend_schema_serializer(
    examples=[
        OpenApiExample("A token", {"token": _TOKEN, "userId": _UUID, "provider": "local"}),
    ]
)
class RefreshRequest(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=_LONGEST_TOKEN)
    userId = serializers.CharField(  # noqa: N815 - the word of the contract
        required=False, allow_blank=True, allow_null=True, help_text="Whose token it must be."
    )
    provider = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="Taken, and not used."
    )


class RefreshToken(OpenView):
    """Returns a new token for a valid one, and revokes that. A key keeps its expiry."""

    @extend_schema(
        summary="Exchange a token for a new one",
        request=RefreshRequest,
        responses={
            200: OpenApiResponse(
                inline_serializer("RefreshAnswer", {"accessToken": serializers.CharField()}),
                description="The new token; the old one is no good any more.",
                examples=[OpenApiExample("Exchanged", {"accessToken": _TOKEN})],
            ),
            **_list_refusals("The token is no good, or not this user's."),
        },
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Response:
        body = RefreshRequest(data=request.data)
        body.is_valid(raise_exception=True)
        stored = find_or_refuse(request, body.validated_data["token"])
        user_id = body.validated_data.get("userId")
        if user_id and not _is_uuid_of(stored.user, user_id):
            raise AuthenticationFailed
        token = exchange(stored)
        if token is None:
            raise AuthenticationFailed
        return Response({"accessToken": token})


class Logout(ApiView):
    """Revokes the token of the request, and no other."""

    # No HEAD: unlike other GETs this one changes something.
    http_method_names = ("get", "options")

    @extend_schema(
        summary="Log out",
        responses={
            200: OpenApiResponse(
                inline_serializer("LogoutAnswer", {"message": serializers.CharField()}),
                examples=[OpenApiExample("Logged out", {"message": "Logged out"})],
            ),
            403: OpenApiResponse(description="That is not the uuid of the token's user."),
        },
    )
    def get(self, request: Request, user_id: str) -> Response:
        if not _is_uuid_of(cast(User, request.user), user_id):
            raise PermissionDenied("You can log out nobody but yourself.")
        log_out(cast(ApiToken, request.auth))
        return Response({"message": "Logged out"})


class Profile(ApiView):
    """The user of the token."""

    @extend_schema(
        summary="Who am I, and what is my role",
        responses=inline_serializer(
            "Profile",
            {
                "uuid": serializers.UUIDField(),
                "username": serializers.CharField(),
                "email": serializers.CharField(),
                "role": _make_role_field(),
            },
        ),
        examples=[
            OpenApiExample(
                "An editor",
                {"uuid": _UUID, "username": "ada", "email": "ada@example.org", "role": "EDITOR"},
            )
        ],
    )
    def get(self, request: Request) -> Response:
        user = cast(User, request.user)
        return Response(
            {
                "uuid": user.uuid,
                "username": user.get_username(),
                "email": user.email,
                "role": find_role(user),
            }
        )


def _is_uuid_of(user: User, text: str) -> bool:
    return text.lower() == str(user.uuid)
