"""Links for people without an account: `create_link` in an action, `use_link` in the handler of its effect."""

from __future__ import annotations

from crm_core.auth.links import LinkNotValid, PublicLink, create_link, revoke_links, use_link

__all__ = ["LinkNotValid", "PublicLink", "create_link", "revoke_links", "use_link"]
