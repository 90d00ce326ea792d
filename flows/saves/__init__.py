"""Named saves: taken, listed, read and restored with django-reversion."""
