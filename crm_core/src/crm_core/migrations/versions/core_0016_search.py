"""Short beginnings of words in PostgreSQL's search index: a search by two or three letters is one look-up."""

from __future__ import annotations

from alembic import op

revision = "core_0016"
down_revision = "core_0015"
branch_labels = None
depends_on = None

TEXTS = "title || ' ' || body"
WHOLE = "array_to_tsvector(string_to_array(title, ' ') || string_to_array(body, ' '))"
WITH_BEGINNINGS = (
    f"array_to_tsvector(array_remove(string_to_array({TEXTS}"
    rf" || ' ' || regexp_replace({TEXTS}, '([^ ]{{2}})[^ ]*', '\1*', 'g')"
    rf" || ' ' || regexp_replace({TEXTS}, '([^ ]{{3}})[^ ]*', '\1*', 'g'), ' '), ''))"
)


def upgrade() -> None:
    _generate(WITH_BEGINNINGS)


def downgrade() -> None:
    _generate(WHOLE)


def _generate(words: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # FTS5 keeps beginnings itself: prefix='2 3'
    for statement in (
        "drop index ix_core_search_words",
        "alter table core_search drop column words",
        f"alter table core_search add column words tsvector generated always as ({words}) stored",
        "create index ix_core_search_words on core_search using gin (words) with (fastupdate = off)",
    ):
        op.get_bind().exec_driver_sql(statement)
