"""What other features and plugins may use of companies."""

from __future__ import annotations

from crm_core.features.companies.domains import domain_of, is_free_mail
from crm_core.features.companies.models import Company, CompanyDomain
from crm_core.features.companies.queries import companies_by_domain, tree_of
from crm_core.features.companies.schemas import CompanyNode, CompanyTree

__all__ = [
    "Company", "CompanyDomain", "CompanyNode", "CompanyTree", "companies_by_domain", "domain_of", "is_free_mail",
    "tree_of",
]  # fmt: skip
