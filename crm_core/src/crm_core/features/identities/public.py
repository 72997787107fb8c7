"""For signing in and single sign-on: providers, who people are there, and whether an administrator gets in by one."""

from __future__ import annotations

from crm_core.features.identities.models import SECRET, SsoIdentity, SsoProvider
from crm_core.features.identities.queries import NoWayIn, Way, demand_way_in, is_way_in, ways_in

__all__ = ["SECRET", "NoWayIn", "SsoIdentity", "SsoProvider", "Way", "demand_way_in", "is_way_in", "ways_in"]
