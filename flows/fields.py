"""Model fields: a document of canonical JSON, and a secret value that is encrypted at rest."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
from django.core.exceptions import ValidationError
from django.db import models

from flows.content import canonical
from flows.content.depth import get_max_depth, is_deeper
from flows.content.fields import split_unknown_of_secret
from flows.encryption import Sealed, seal

TOKEN_KEY = "$enc"  # noqa: S105 - the word, not a value


class DocumentField(models.TextField):
    """A JSON document, stored as canonical text (content.canonical); the attribute is that text.

    `clean` converts a form's text to canonical form, and refuses a document that is nested deeper
    than in a file. `json_type` is the type that the document must have, list or dict; `null` is
    allowed too, as in a file. An empty form field gives the empty document, or NULL where the
    column allows it.
    """

    def __init__(self, *args: Any, json_type: type = dict, **kwargs: Any) -> None:
        self.json_type = json_type
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "json_type": self.json_type}

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        empty = None if self.null else canonical.encode(self.json_type())
        return super().formfield(*args, **{"empty_value": empty, **kwargs})

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        text = super().clean(value, model_instance)
        if text is None:
            return None
        most = get_max_depth(self.name)
        try:
            document = canonical.decode(text)
        except msgspec.DecodeError as error:
            raise ValidationError(f"This is not valid JSON: {error}") from error
        except RecursionError:
            raise _make_depth_error(most) from None
        if is_deeper(document, most):
            raise _make_depth_error(most)
        if document is not None and not isinstance(document, self.json_type):
            word = "a list" if self.json_type is list else "an object"
            raise ValidationError(f"This must be {word} in JSON.")
        return canonical.encode(document)


def _make_depth_error(most: int) -> ValidationError:
    return ValidationError(f"This may be nested at most {most} deep.", code="too-deep")


class SecretExtraField(DocumentField):
    """The unknown keys of a secret, without all that may be its value.

    Values are removed on every write of the column, also from a saved state or a loaded fixture:
    the database would contain them in clear text.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        if text is None or text == canonical.EMPTY_OBJECT:
            return text
        try:
            unknown = canonical.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return canonical.EMPTY_OBJECT  # not JSON: any part of it may be a value
        if not isinstance(unknown, dict):
            return canonical.EMPTY_OBJECT
        return canonical.encode(split_unknown_of_secret(unknown)[0])


class EncryptedTextField(models.TextField):
    """A secret value, stored as a Fernet token. The attribute is a Sealed value or None.

    An assigned text is sealed when the row is saved; an empty one is no value. Serialised
    (dumpdata) it is `{"$enc": token}`, never clear text, and is read from that unchanged.
    """

    check_keys: ClassVar[Callable[[], None]]
    """Called before a text is sealed; raises WrongKeyError where no configured key opens what the
    database has sealed. Set by the app, once the models are loaded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"null": True, "blank": True, "default": None, **kwargs})

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dict):
            return Sealed(value[TOKEN_KEY])
        return value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = getattr(model_instance, self.attname)
        if isinstance(value, str):
            if value:
                type(self).check_keys()
            value = seal(value) if value else None
            setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or value == "":
            return None
        return value.token if isinstance(value, Sealed) else seal(str(value)).token

    def value_to_string(self, obj: models.Model) -> Any:
        value = self.value_from_object(obj)
        token = self.get_prep_value(value)
        return None if token is None else {TOKEN_KEY: token}
