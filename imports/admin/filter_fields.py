"""The form fields with which pages filter the items of a plan."""

from collections.abc import Iterable

from django import forms

from imports.plans.plan import Result, UndoResult


def make_result_field(results: Iterable[Result | UndoResult]) -> forms.ChoiceField:
    """Return the field for the result of an item: any, or one of these."""
    return forms.ChoiceField(
        required=False,
        choices=[("", "any result"), *((result.value, result.value) for result in results)],
    )


def make_text_field() -> forms.CharField:
    """Return the field for a part of an item's name or uuid."""
    return forms.CharField(required=False, strip=False, label="name or uuid")
