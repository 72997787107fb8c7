"""Assignment: pools that give records to people, and receipts that say why."""
