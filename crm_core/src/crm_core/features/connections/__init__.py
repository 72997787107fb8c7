"""Connected accounts: access to people's mail, calendars and files at Google, Microsoft and others (OAuth2)."""
