"""Web forms: strangers send leads and contacts from any web site."""
