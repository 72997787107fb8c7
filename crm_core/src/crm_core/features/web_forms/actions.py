"""Taking in what visitors send: kept first, then made into a record - at once, or when its address is confirmed."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.auth.links import PublicLink, create_link, revoke_links, use_link
from crm_core.auth.people import User
from crm_core.entity import records
from crm_core.entity.folding import fold
from crm_core.entity.inserts import insert
from crm_core.errors import Conflict, CrmError, Invalid
from crm_core.features.mail import public as mail
from crm_core.features.web_forms import owners, targets, uploads
from crm_core.features.web_forms.events import FormAccepted, FormSubmitted
from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.i18n import Strings
from crm_core.plugin import Action, FormTarget
from crm_core.plugin.declare import Ref
from crm_core.web.webhooks import once

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
CONFIRM = "core.web_form_confirm"
SUBMISSION = "core.web_form_submission"
CONFIRM_DAYS = 7
MOST_MAILS = 3
"""Mails to confirm with, to one address in an hour, whatever the form."""
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
LARGEST = 50_000
"""Characters of one answer that are kept of spam."""


class SubmissionDone(Conflict):
    """There is a record of this submission already."""


class TargetGone(Invalid):
    """The plugin whose records the form makes is off."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One post: cleaned answers by field, and where it came from. key: of the page; spam: why it is taken for one.

    files: stored bytes that will hang on the record.
    """

    answers: Mapping[str, Any]
    address: str = ""
    key: str = ""
    page_url: str = ""
    utm: Mapping[str, str] = field(default_factory=dict)
    spam: str = ""
    files: Sequence[uploads.Stored] = ()


def address_hash(uow: UnitOfWork, address: str) -> str:
    """Return what tells addresses apart and cannot be turned back without the installation's key."""
    return hmac.new(uow.kernel.key, f"web form:{address}".encode(), sha256).hexdigest()[:32]


async def submit(uow: UnitOfWork, form: WebForm, sent: Sent) -> WebFormSubmission | None:
    """Keep a submission and do what the form says; None when the same was sent a moment ago (a double click).

    Raises Invalid with texts for the form's own fields when the record cannot be made of these values; what else
    keeps it from being made leaves the submission behind as failed, for people to look at.
    """
    if not await once(uow, f"core.web_form:{form.id}", _sameness(uow, sent)):
        return None
    # A visitor has no rights; what may be set was decided by the form.
    uow.actor = system("web_form")
    target = targets.targets(uow.registry).get(form.target)
    email = str(sent.answers.get(target.email) or "") if target else ""
    row = WebFormSubmission(
        form_id=form.id, subject=_subject(sent.answers, email), email=email[:255] or None, state="accepted",
        answers=json.dumps(dict(sent.answers), ensure_ascii=False, indent=1, default=str),
        consent=form.consent if form.consent and not sent.spam else None, page_url=sent.page_url[:2000] or None,
        address_hash=address_hash(uow, sent.address), key=sent.key or secrets.token_hex(16), locale=uow.locale,
        created_at=uow.now, **{name: sent.utm[name][:255] for name in UTM if sent.utm.get(name)},
    )  # fmt: skip
    if sent.spam:
        row.state, row.reason = "spam", sent.spam
    insert(uow, row, uow.registry.entity(SUBMISSION))
    if form.is_double_opt_in and not sent.spam:
        await _ask(uow, form, row)
    elif not sent.spam:
        await _make(uow, form, row, sent.answers, "mendable", sent.files)
    return row


def _sameness(uow: UnitOfWork, sent: Sent) -> str:
    """Return what two posts of one double click share; without a page's key those of one place and ten minutes."""
    when = "" if sent.key else str(int(uow.now.timestamp()) // 600)
    what = [sent.key, when, address_hash(uow, sent.address), sorted(sent.answers.items()), sent.spam]
    return sha256(msgspec.json.encode(what, enc_hook=str)).hexdigest()


def _subject(answers: Mapping[str, Any], email: str) -> str:
    words = [str(answers[n]) for n in ("name", "first_name", "last_name", "subject") if answers.get(n)]
    return (" ".join(words) or email or next((str(v) for v in answers.values() if v), "–"))[:255]


async def _make(
    uow: UnitOfWork, form: WebForm, row: WebFormSubmission, answers: Mapping[str, Any], raises: str,
    files: Sequence[uploads.Stored] = (),
) -> None:  # fmt: skip
    """Make the record and hang the files on it, or leave the submission behind with them as failed.

    raises: what is raised instead: "mendable" (Invalid about an answer, while the form can be sent again), "all", "".
    """
    try:
        async with uow.savepoint():
            record = await _create(uow, form, answers)
            row.state, row.reason, row.expires_at = "accepted", None, None
            about = Ref(form.target, record.id)
            row.record_entity, row.record_id = about.entity, about.id
            await uow.settle()  # the files need the row
            await uploads.hang(uow, files, about)
            await uow.emit(FormSubmitted(form_id=form.id, submission_id=row.id, form=form.name), about=[about])
            await uow.settle()  # listeners may refuse the record: inside the savepoint
    except CrmError as error:
        mendable = isinstance(error, Invalid) and bool(set(error.fields) & set(answers))
        if raises == "all" or (raises == "mendable" and mendable):
            raise
        row.state, row.reason = "failed", str(error.text)[:64]
        row.record_entity = row.record_id = None
        await uow.settle()
        await uploads.hang(uow, files, Ref(SUBMISSION, row.id))


async def _create(uow: UnitOfWork, form: WebForm, answers: Mapping[str, Any]) -> Any:
    target: FormTarget | None = targets.targets(uow.registry).get(form.target)
    if target is None:
        raise TargetGone(_("Forms cannot make these records."))
    values = targets.record_values(uow, target, answers)
    entity = uow.registry.entity(target.entity)
    if entity.field("owner_id") is not None:
        values["owner_id"] = await _owner(uow, form)
    # Trusted for the owner alone: the values are those of mapped fields, and a visitor has no rights.
    make = target.create
    record = await (make(uow, form, values) if make else records.create(uow, entity, values, trusted=True))
    if form.pool_id is not None:
        await owners.assign(uow, form.pool_id, Ref(target.entity, record.id))
    return record


async def _owner(uow: UnitOfWork, form: WebForm) -> UUID | None:
    if form.assign_to_id is None:
        return None
    there = sa.select(User.id).where(User.id == form.assign_to_id, User.is_active, User.deleted_at.is_(None))
    return await uow.session.scalar(there)


async def _ask(uow: UnitOfWork, form: WebForm, row: WebFormSubmission) -> None:
    """Leave a submission waiting, and mail its address the link that confirms it."""
    row.state, row.expires_at = "pending", uow.now + timedelta(days=CONFIRM_DAYS)
    await _mail(uow, form, row)


async def _mail(uow: UnitOfWork, form: WebForm, row: WebFormSubmission) -> None:
    """Send the link that confirms, unless the address had its share of such mails; nobody is told which."""
    if not row.email:
        return
    recent = sa.select(sa.func.coalesce(sa.func.sum(WebFormSubmission.mails), 0)).where(
        WebFormSubmission.email_f == fold(row.email), WebFormSubmission.created_at > uow.now - timedelta(hours=1)
    )
    if row.mails >= MOST_MAILS or (await uow.session.scalar(recent) or 0) >= MOST_MAILS:
        return
    about = Ref(SUBMISSION, row.id)
    await revoke_links(uow, about, CONFIRM)
    token = await create_link(uow, CONFIRM, ref=about, expires_at=row.expires_at, max_uses=1)
    row.mails += 1
    await mail.send_template(
        uow, "core/mail/web_form", to=row.email, kind="transactional", purpose=CONFIRM, locale=row.locale,
        about=(about,), form=form.title or form.name, days=CONFIRM_DAYS, path=f"/public/form-confirm/{token}",
    )  # fmt: skip


async def resend(uow: UnitOfWork, form: WebForm, key: str) -> None:
    """Send the link of a waiting submission again, at most three in all; nothing for any other key."""
    query = sa.select(WebFormSubmission).where(
        WebFormSubmission.form_id == form.id, WebFormSubmission.key == key, WebFormSubmission.state == "pending",
        WebFormSubmission.expires_at > uow.now,
    )  # fmt: skip
    row = await uow.session.scalar(query.limit(1)) if key else None
    if row is not None:
        uow.demand_write()
        await _mail(uow, form, row)


async def confirm(
    uow: UnitOfWork, link: PublicLink, form: WebForm, row: WebFormSubmission, files: Sequence[uploads.Stored] = ()
) -> None:
    """Use the link up and make the record of a waiting submission, with the files sent on that page."""
    await use_link(uow, link)
    # The guest has no rights; what may be set was decided when the submission was taken in.
    uow.actor = system("web_form")
    row.confirmed_at = uow.now
    await _make(uow, form, row, answers_of(row), "", files)


async def accept(uow: UnitOfWork, row: WebFormSubmission, params: None = None) -> None:
    """Make the record of a submission that was spam, failed, or was never confirmed; a person decides that."""
    if row.record_id is not None:
        raise SubmissionDone(_("There is a record of this submission already."))
    form = await uow.session.get(WebForm, row.form_id)
    if form is None:
        raise TargetGone(_("Forms cannot make these records."))
    await uow.settle()
    await _make(uow, form, row, answers_of(row), "all")
    await revoke_links(uow, Ref(SUBMISSION, row.id), CONFIRM)
    if row.record_entity and row.record_id:
        await uploads.move(uow, Ref(SUBMISSION, row.id), Ref(row.record_entity, row.record_id))
    about = [Ref(SUBMISSION, row.id)]
    await uow.emit(FormAccepted(form_id=form.id, submission_id=row.id), about=about)


def answers_of(row: WebFormSubmission) -> dict[str, Any]:
    """Return what was sent, {} once it was erased."""
    try:
        found = json.loads(row.answers or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


ACTIONS = (
    Action(
        entity=SUBMISSION, name="accept", label=_("Accept"), icon="check", run=accept,
        permission="core.web_form.edit", when={"field": "record", "op": "empty"},
        confirm=_("Make the record from what was sent?"),
    ),
)  # fmt: skip
