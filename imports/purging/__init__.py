"""Items deleted for good: `service.preview_purge` and `service.purge_items`."""
