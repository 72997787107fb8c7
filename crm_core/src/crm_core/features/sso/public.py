"""What signing in asks single sign-on: the buttons of the log-in page, and whether passwords may be switched off."""

from __future__ import annotations

from crm_core.features.sso.queries import Way, demand_way_in, is_way_in, ways_in

__all__ = ["Way", "demand_way_in", "is_way_in", "ways_in"]
