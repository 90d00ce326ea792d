"""The address of the metrics, for a project to include where it likes."""

from django.urls import path

from imports.metrics.endpoint import show_metrics

urlpatterns = [path("", show_metrics, name="ziggy-metrics")]
