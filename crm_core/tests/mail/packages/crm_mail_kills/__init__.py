"""A process that sends mails until it is killed, and comes back."""
