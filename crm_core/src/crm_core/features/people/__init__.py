"""People by address: who has an e-mail address, a phone number or a domain, from one folded index."""
