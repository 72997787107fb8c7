"""Single sign-on: people sign in at a provider (OpenID Connect), which also says what roles they have."""
