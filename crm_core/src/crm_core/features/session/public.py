"""What other features use of signing in: users, sessions, passwords, and where a request comes from."""

from __future__ import annotations

from crm_core.features.session.access import (
    PersonNeeded,
    demand_over,
    demand_over_user,
    demand_person,
    end_all_sessions,
    end_session,
    end_token,
    reset_second_factor,
)
from crm_core.features.session.actions import RESET, add_user, store_password
from crm_core.features.session.queries import factor_of, own_id, sessions_of, tokens_of
from crm_core.features.session.requests import (
    NO_STORE,
    AnyRequest,
    answered,
    entered,
    kernel_of,
    local_path,
    person,
    posted,
    refused,
    to,
    visitor,
)
from crm_core.features.session.sign_in import Entry, Visitor, enter, open_session

__all__ = [
    "NO_STORE", "RESET", "AnyRequest", "Entry", "PersonNeeded", "Visitor", "add_user", "answered", "demand_over",
    "demand_over_user", "demand_person", "end_all_sessions", "end_session", "end_token", "enter", "entered",
    "factor_of", "kernel_of", "local_path", "open_session", "own_id", "person",
    "posted", "refused", "reset_second_factor", "sessions_of",
    "store_password", "to", "tokens_of", "visitor",
]  # fmt: skip
