"""Who people are at other providers: the tables of single sign-on, and what signing in asks of them."""
