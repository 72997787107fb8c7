"""Companies by domain, and the tree they stand in."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Amount
from crm_core.entity import access
from crm_core.entity.money import MoneySettings, unrated
from crm_core.features.companies.domains import domain_of, is_free_mail
from crm_core.features.companies.models import Company, CompanyDomain
from crm_core.features.companies.rules import LEVELS
from crm_core.features.companies.schemas import CompanyNode, CompanyTree, SharedDomain
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

SHOWN = 200  # companies of a tree


async def companies_by_domain(uow: UnitOfWork, texts: Iterable[str]) -> dict[str, list[UUID]]:
    """Return the live companies of domains, web or e-mail addresses, by domain; free-mail providers match none.

    No rights are asked for: who shows them to somebody asks.
    """
    wanted = {d for text in texts if (d := domain_of(text)) and not is_free_mail(d)}
    if not wanted:
        return {}
    query = (
        sa.select(CompanyDomain.domain_f, CompanyDomain.company_id)
        .join(Company, Company.id == CompanyDomain.company_id)
        .where(CompanyDomain.domain_f.in_(sorted(wanted)), Company.deleted_at.is_(None))
        .order_by(CompanyDomain.domain_f, CompanyDomain.company_id)
    )
    found: dict[str, list[UUID]] = {}
    for domain, key in await uow.session.execute(query):
        found.setdefault(domain, []).append(key)
    return found


async def shared_domains(uow: UnitOfWork, company_id: UUID) -> list[SharedDomain]:
    """Return the other companies, as far as the actor may read them, that have one of this company's domains."""
    own, other = CompanyDomain.__table__.alias(), CompanyDomain.__table__.alias()
    seen = access.rows(uow.registry, uow.actor, uow.registry.entity("core.company"), "read")
    query = (
        sa.select(other.c.domain, Company.id, Company.name)
        .select_from(
            own.join(other, other.c.domain_f == own.c.domain_f).join(Company, Company.id == other.c.company_id)
        )
        .where(own.c.company_id == company_id, other.c.company_id != company_id, seen)
        .order_by(own.c.position, Company.name_f, Company.id)
        .limit(20)
    )
    rows = (await uow.session.execute(query)).all()
    return [SharedDomain(d, key, name) for d, key, name in rows if not is_free_mail(d)]


async def tree_of(uow: UnitOfWork, company: Company) -> CompanyTree:
    """Return the tree around a company as far as the actor may read it, with the sums of open deals."""
    above, below = await _above(uow, company), await _below(uow, company)
    more = len(below) > SHOWN
    tree = CompanyTree((await uow.settings(MoneySettings)).base_currency, above, _nested(below[:SHOWN]), more)
    if uow.actor.may("core.deal.read"):
        await _sum_up(uow, tree)
    return tree


async def _above(uow: UnitOfWork, company: Company) -> list[CompanyNode]:
    seen = access.rows(uow.registry, uow.actor, uow.registry.entity("core.company"), "read")
    found: list[CompanyNode] = []
    at = company.parent_id
    while at is not None and len(found) < LEVELS:
        query = sa.select(Company.id, Company.name, Company.parent_id).where(Company.id == at, seen)
        row = (await uow.session.execute(query)).one_or_none()
        if row is None:
            break
        found.append(CompanyNode(row.id, row.name, row.parent_id, -len(found) - 1))
        at = row.parent_id
    return found[::-1]


async def _below(uow: UnitOfWork, company: Company) -> list[CompanyNode]:
    entity = uow.registry.entity("core.company")
    table = Company.__table__
    columns = (table.c.id, table.c.name, table.c.parent_id)
    below = sa.select(*columns, sa.literal(0).label("level")).where(table.c.id == company.id)
    tree = below.cte("below", recursive=True)
    under = table.alias("under")
    step = sa.select(under.c.id, under.c.name, under.c.parent_id, tree.c.level + 1).where(
        under.c.parent_id == tree.c.id, tree.c.level < LEVELS,
        access.rows(uow.registry, uow.actor, entity, "read", under),
    )  # fmt: skip
    tree = tree.union_all(step)
    query = sa.select(tree).order_by(tree.c.level, tree.c.name, tree.c.id).limit(SHOWN + 1)
    return [CompanyNode(*row) for row in await uow.session.execute(query)]


def _nested(nodes: list[CompanyNode]) -> list[CompanyNode]:
    """Return nodes with each one's children right after it."""
    by_parent: dict[UUID | None, list[CompanyNode]] = {}
    for node in nodes[1:]:
        by_parent.setdefault(node.parent_id, []).append(node)
    found: list[CompanyNode] = []
    waiting = nodes[:1]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += reversed(by_parent.get(node.id, []))
    return found


async def _sum_up(uow: UnitOfWork, tree: CompanyTree) -> None:
    nodes = {n.id: n for n in (*tree.above, *tree.below)}
    may_sum = uow.actor.may_see("core.deal", "amount")
    for key, deals, amount in await _sums(uow, list(nodes)):
        nodes[key].deals, nodes[key].amount = deals, amount
    for key, code, deals in await _unrated(uow, list(nodes)) if may_sum else ():
        nodes[key].unrated_by_currency[code] = deals
    for node in nodes.values():
        node.amount = (node.amount or Decimal(0)) if may_sum else None
        node.all_deals, node.all_amount = node.deals, node.amount
    for node in (*reversed(tree.below), *reversed(tree.above)):
        parent = nodes.get(node.parent_id) if node.parent_id else None
        if parent is not None:
            parent.all_deals += node.all_deals
            for code, deals in node.unrated_by_currency.items():
                parent.unrated_by_currency[code] = parent.unrated_by_currency.get(code, 0) + deals
            parent.all_amount = parent.all_amount + node.all_amount if parent.all_amount is not None else None  # type: ignore[operator]  # both or neither
    for node in nodes.values():
        node.unrated_by_currency = dict(sorted(node.unrated_by_currency.items()))
        node.unrated = sum(node.unrated_by_currency.values())


async def _sums(uow: UnitOfWork, ids: list[UUID]) -> Iterable[Any]:
    """Return (company, open deals, sum) of the deals the actor may read."""
    deal = uow.registry.entity("core.deal")
    table = metadata.tables["core_deal"]  # the table's own feature imports this one's
    field = deal.field("amount")
    base = access.readable(uow.registry, uow.actor, deal, field, table.c.amount_base) if field else table.c.amount_base
    query = sa.select(table.c.company_id, sa.func.count(), sa.type_coerce(sa.func.sum(base), Amount()))
    return list(await uow.session.execute(query.where(*_open(uow, deal, ids)).group_by(table.c.company_id)))


async def _unrated(uow: UnitOfWork, ids: list[UUID]) -> Iterable[Any]:
    """Return (company, currency, open deals) of what the sums leave out for want of an exchange rate."""
    deal = uow.registry.entity("core.deal")
    table = metadata.tables["core_deal"]
    field = deal.field("amount")
    seen = access.readable(uow.registry, uow.actor, deal, field, table.c.amount) if field else table.c.amount
    by = (table.c.company_id, table.c.amount_currency)
    query = sa.select(*by, sa.func.count()).where(*_open(uow, deal, ids), seen.is_not(None), unrated(table, "amount"))
    return list(await uow.session.execute(query.group_by(*by)))


def _open(uow: UnitOfWork, deal: Entity, ids: list[UUID]) -> tuple[Any, ...]:
    table = metadata.tables["core_deal"]
    seen = access.rows(uow.registry, uow.actor, deal, "read")
    return (table.c.company_id.in_(ids), table.c.closed_on.is_(None), seen)
