"""Addresses of pages that others lead to."""

from django.urls import reverse

from imports.models import ImportRecord


def get_record_url(record: ImportRecord) -> str:
    """Return the URL of the record's page."""
    return reverse("admin:imports_importrecord_change", args=[record.pk])
