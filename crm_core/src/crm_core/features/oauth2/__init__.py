"""OAuth2 and OpenID Connect as a client: what single sign-on and connected accounts share."""
