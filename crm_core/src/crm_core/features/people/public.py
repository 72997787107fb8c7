"""What other features and plugins may use of people by address."""

from __future__ import annotations

from crm_core.features.people.index import keys_of_values, reindex
from crm_core.features.people.keys import Key, normal_domain, normal_email, normal_phone, significant
from crm_core.features.people.models import MatchKey
from crm_core.features.people.queries import Person, find_people

__all__ = [
    "Key", "MatchKey", "Person", "find_people", "keys_of_values", "normal_domain", "normal_email", "normal_phone",
    "reindex", "significant",
]  # fmt: skip
