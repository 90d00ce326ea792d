"""The form for English, the site's language."""
