"""What Django's own lists, forms and histories use; our templates have the same format."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i:s e"
DATE_FORMAT = SHORT_DATE_FORMAT = MONTH_DAY_FORMAT = "Y-m-d"
YEAR_MONTH_FORMAT = "Y-m"
TIME_FORMAT = "H:i:s"
