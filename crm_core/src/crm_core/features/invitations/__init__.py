"""Inviting people: a link with which somebody makes their own account, in the role and team chosen for them."""
