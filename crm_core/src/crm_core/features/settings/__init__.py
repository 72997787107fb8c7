"""Pages of the settings that features and plugins declare."""
