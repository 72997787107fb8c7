"""What becomes of every column that can hold words when a person is erased: each is decided here, or in its `info`.

Columns of entities' fields are decided by the field. Any other text, JSON or bytes column of a table is listed below,
or says `info={"erase": <fate>}` in a plugin's model. `undecided()` names those of which nobody has said anything.

fates: "words" - the person's addresses, numbers and names are replaced wherever they stand; "blank" - as "words", and
emptied of words in rows that name the person's records; "gone" - such rows are deleted, others as "words"; "code" -
keys, codes and digests, never somebody's words; "kept" - of the organisation's own accounts, with a stated reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Id, Json, UTCDateTime
from crm_core.entity.plans import plan_of
from crm_core.features.privacy.walk import table_of
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

FATES = ("words", "blank", "gone", "code", "kept")
SUPPRESSED = "the address must not be written to again"
ACCOUNT = "it belongs to an account or the set-up of the CRM itself, which its administrators keep"
RECEIPT = "the receipt itself"
KEPT = {
    "core_suppression": SUPPRESSED,
    "core_erasure": RECEIPT,
    **dict.fromkeys(
        ("core_user", "core_sso_identity", "core_sso_provider", "core_connection", "core_connection_provider",
         "core_mail_server", "core_legal_entity"), ACCOUNT,
    ),
}  # fmt: skip
"""Tables that are not looked through, and why."""


@dataclass(frozen=True, slots=True)
class Named:
    """How rows of a table name the person's records.

    pairs: columns with entity and id; ids: columns with an id alone; scanned: columns whose text may hold an id;
    through: a column with the id of a row of another table that names one.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    ids: tuple[str, ...] = ()
    scanned: tuple[str, ...] = ()
    through: tuple[str, str] | None = None


USUAL = Named(pairs=(("entity", "record_id"),))
NAMED = {
    "core_search": USUAL,
    "core_match_key": USUAL,
    "core_notification": USUAL,
    "core_reminder": USUAL,
    "core_follow": USUAL,
    "core_favourite": USUAL,
    "core_field_value": Named(ids=("record_id",)),
    "core_duplicate": Named(pairs=(("entity", "first_id"), ("entity", "second_id"))),
    "core_public_link": Named(pairs=(("ref_entity", "ref_id"),), scanned=("data",)),
    "core_approval": USUAL,
    "core_approver": Named(through=("approval_id", "core_approval")),
    "core_webhook_delivery": USUAL,
    "core_assignment": USUAL,
    "core_merge": Named(pairs=(("entity", "winner_id"),), scanned=("losers",)),
    "core_move": Named(through=("merge_id", "core_merge"), scanned=("key", "before", "after")),
    "core_job": Named(scanned=("args", "result", "error", "note")),
    "core_mail": Named(scanned=("about", "text", "html")),
    "core_mail_file": Named(through=("mail_id", "core_mail")),
}

_COLUMNS: dict[str, dict[str, str]] = {
    "core_approval": {"code": "entity purpose state", "blank": "title reason note payload_hash", "words": "fields"},
    "core_approval_step": {"code": "asks state"},
    "core_approver": {"code": "via state skipped channel", "blank": "comment"},
    "core_assignment": {"code": "entity strategy outcome", "words": "pool_name actor", "blank": "candidates"},
    "core_attempt": {"code": "kind", "words": "key address"},
    "core_connection": {"kept": "provider subject address scopes access_token refresh_token state last_error"},
    "core_connection_provider": {
        "kept": "kind client_secret authorization_endpoint token_endpoint userinfo_endpoint revocation_endpoint key "
                "name issuer client_id scopes"
    },
    "core_currency": {"code": "code symbol", "words": "name"},
    "core_duplicate": {"code": "entity", "gone": "reasons"},
    "core_epoch": {"code": "name"},
    "core_erasure": {"kept": "entity reason sealed counts kept"},
    "core_event": {"code": "type entity", "words": "actor"},
    "core_event_data": {"blank": "payload"},
    "core_event_ref": {"code": "entity"},
    "core_event_text": {"code": "hash", "words": "text"},
    "core_favourite": {"gone": "entity"},
    "core_field_value": {"gone": "folded taken"},
    "core_follow": {"code": "entity", "gone": "reason"},
    "core_idempotency": {"code": "actor route body_hash", "gone": "key", "blank": "answer"},
    "core_inbound_event": {"code": "source event_id"},
    "core_invitation": {"words": "email email_f name", "code": "role_ids locale"},
    "core_job": {"code": "kind queue state lane", "words": "key held_key actor", "blank": "args result error note"},
    "core_lease": {"code": "name"},
    "core_mail": {
        "code": "state kind purpose locale message_id transport", "words": "notice actor",
        "blank": "recipient recipient_f reply_to subject text html secret_body headers about error",
    },
    "core_mail_file": {"gone": "name media_type sha256"},
    "core_mail_server": {"kept": "transport host security user password sender_address sender_name"},
    "core_match_key": {"gone": "entity kind folded"},
    "core_merge": {"code": "kind entity told_both", "blank": "losers before after"},
    "core_move": {"code": "table_name", "blank": "key before after"},
    "core_not_duplicate": {"code": "entity"},
    "core_notification": {"code": "kind entity channel", "gone": "event path message note"},
    "core_password": {"code": "hash"},
    "core_plugin": {"code": "name package table_prefix version"},
    "core_public_link": {"code": "hash purpose ref_entity", "gone": "data"},
    "core_recovery_code": {"code": "hash"},
    "core_reminder": {"code": "entity source", "gone": "note"},
    "core_role_known": {"code": "name"},
    "core_schedule": {"code": "key kind cron zone", "words": "args"},
    "core_search": {"code": "entity", "gone": "title_text title body"},
    "core_second_factor": {"code": "secret"},
    "core_session": {"code": "token_hash", "words": "address browser"},
    "core_setting": {"code": "scope name", "words": "value"},
    "core_share": {"code": "entity level"},
    "core_sink": {"code": "name state", "words": "error"},
    "core_sso_identity": {"kept": "issuer subject email"},
    "core_sso_provider": {
        "kept": "client_secret group_claim role_map email_domains second_factor key name issuer client_id scopes"
    },
    "core_stage_history": {"code": "entity actor"},
    "core_tagging": {"code": "entity"},
    "core_token": {"code": "token_hash start scopes", "words": "name"},
    "core_view": {"code": "entity share", "words": "name state"},
    "core_web_form": {"code": "token"},
    "core_web_form_submission": {"code": "address_hash key locale"},
    "core_webhook": {"code": "secret old_secret"},
    "core_webhook_delivery": {"code": "message_id type entity state", "blank": "response error"},
    "core_work_feed_day": {"words": "label"},
}  # fmt: skip

DECIDED = {
    (table, column): fate
    for table, fates in _COLUMNS.items() for fate, names in fates.items() for column in names.split()
}  # fmt: skip


def wordy(table: sa.Table) -> Iterator[sa.Column[object]]:
    """Yield the columns of a table that can hold words: text of any length, JSON, bytes that are no id."""
    for column in table.c:
        kind = column.type
        if isinstance(kind, Id | UTCDateTime):
            continue
        if isinstance(kind, sa.String | sa.LargeBinary | Json | sa.JSON):
            yield column


def of_fields(registry: Registry) -> set[tuple[str, str]]:
    """Return (table, column) of every entity's and part's fields: with folded twins, custom and extension fields."""
    found: set[tuple[str, str]] = set()
    for entity in registry.entities.values():
        owners: tuple[Entity | Child, ...] = (entity, *entity.children)
        for owner in owners:
            table = table_of(owner)
            names = {n for x in owner.fields for n in x.columns} | {"custom"}
            found |= {(table.name, c.name) for c in table.c if c.name in names or c.info.get("folds") in names}
        for one in plan_of(registry, entity).beside:
            side, names = one.model.__table__, set(one.field.columns)  # type: ignore[union-attr]  # beside: stored
            found |= {(side.name, c.name) for c in side.c if c.name in names or c.info.get("folds") in names}
    return found


def fate_of(column: sa.Column[object]) -> str | None:
    """Return what was decided about a column, None for nothing."""
    given: str | None = column.info.get("erase")
    return given or DECIDED.get((str(column.table.name), column.name))


def undecided(registry: Registry, tables: Iterable[sa.Table]) -> list[str]:
    """Name the columns of which nobody has said what becomes of them when a person is erased."""
    declared = of_fields(registry)
    return sorted(
        f"{table.name}.{column.name}"
        for table in tables for column in wordy(table)
        if (table.name, column.name) not in declared and fate_of(column) not in FATES
    )  # fmt: skip


def columns_with(table: sa.Table, fate: str) -> list[str]:
    """Return the names of a table's columns of one fate."""
    return [c.name for c in table.c if fate_of(c) == fate]


def stale() -> list[str]:
    """Name decisions about tables and columns that are not there any more."""
    tables = metadata.tables
    lost = [f"{t}.{c}" for t, c in DECIDED if t not in tables or c not in tables[t].c]
    named = {(t, c) for t, n in NAMED.items() for c in (*(x for p in n.pairs for x in p), *n.ids, *n.scanned)}
    return sorted([*lost, *(f"{t}.{c}" for t, c in named if t not in tables or c not in tables[t].c)])
