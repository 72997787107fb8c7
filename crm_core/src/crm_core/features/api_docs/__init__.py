"""The API's reference as a page, without anything loaded from elsewhere."""
