"""Every route of the application with a valid request for it, made from the application itself.

A route that is neither an entity's nor in OTHERS is a fault: `unknown()` says what to add.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from litestar import Litestar

PARAMETER = re.compile(r"\{(\w+):?\w*\}")
SAFE = ("GET", "HEAD")


@dataclass(frozen=True)
class Ask:
    """One request: `verb` is the right it needs on `entity`, `reach` "row", "rows", "kind" or one of OTHERS' words."""

    method: str
    path: str
    reach: str
    verb: str = "read"
    entity: str = ""
    template: str = ""
    api: bool = False
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def unsafe(self) -> bool:
        """Return whether it may change something."""
        return self.method not in SAFE


# What is no entity's route: who may use it, and the body of a valid request.
# public: anybody. lead: managers and administrators. admin: administrators only.
# signed_in: anybody signed in, about nothing but themselves.
# entity:<name>:<verb>: as a route about one record, here `record_id`. import: needs the right to import.
PROVIDER = {"key": "corp", "name": "Corp", "issuer": "https://id.example.com", "client_id": "crm"}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "GET /": ("signed_in", {}),
    "GET /account": ("signed_in", {}),
    "POST /account/password": ("signed_in", {"data": {"current": "not it", "password": "x"}}),
    "POST /account/sessions/revoke": ("signed_in", {"data": {}}),
    "POST /account/tokens": ("signed_in", {"data": {"name": "mine", "days": "3"}}),
    "POST /account/tokens/{token_id}/revoke": ("others_token", {"data": {}}),
    "GET /account/connections": ("signed_in", {}),
    "GET /account/connections/notice": ("signed_in", {}),
    "POST /account/connections/{connection_id}/disconnect": ("nowhere", {"data": {}}),
    "POST /account/connections/{connection_id}/reconnect": ("nowhere", {"data": {}}),
    "GET /account/connections/{key}/callback": ("nowhere", {}),
    "POST /account/connections/{key}/connect": ("nowhere", {"data": {}}),
    "GET /account/sso": ("signed_in", {}),
    "GET /account/sso/{key}/callback": ("nowhere", {}),
    "POST /account/sso/{key}/link": ("nowhere", {"data": {}}),
    "POST /account/sso/{provider_id}/unlink": ("nowhere", {"data": {}}),
    "GET /admin/connections": ("admin", {}),
    "GET /admin/connections/new": ("admin", {}),
    "POST /admin/connections/new": ("admin", {"data": {}}),
    "GET /admin/connections/{provider_id}": ("nowhere", {}),
    "POST /admin/connections/{provider_id}": ("nowhere", {"data": {}}),
    "POST /admin/connections/{provider_id}/delete": ("nowhere", {"data": {}}),
    "GET /admin/sso": ("admin", {}),
    "GET /admin/sso/new": ("admin", {}),
    "POST /admin/sso/new": ("admin", {"data": {}}),
    "GET /admin/sso/{provider_id}": ("nowhere", {}),
    "POST /admin/sso/{provider_id}": ("nowhere", {"data": {}}),
    "POST /admin/sso/{provider_id}/delete": ("nowhere", {"data": {}}),
    "GET /api/v1/connection-providers": ("admin", {}),
    "POST /api/v1/connection-providers": ("admin", {"json": PROVIDER}),
    "GET /api/v1/connection-providers/{provider_id}": ("nowhere", {}),
    "PUT /api/v1/connection-providers/{provider_id}": ("nowhere", {"json": PROVIDER}),
    "DELETE /api/v1/connection-providers/{provider_id}": ("nowhere", {}),
    "GET /api/v1/connections": ("signed_in", {}),
    "DELETE /api/v1/connections/{connection_id}": ("nowhere", {}),
    "GET /api/v1/sso/providers": ("admin", {}),
    "POST /api/v1/sso/providers": ("admin", {"json": PROVIDER}),
    "GET /api/v1/sso/providers/{provider_id}": ("nowhere", {}),
    "PUT /api/v1/sso/providers/{provider_id}": ("nowhere", {"json": PROVIDER}),
    "DELETE /api/v1/sso/providers/{provider_id}": ("nowhere", {}),
    "POST /login/sso/{key}": ("public", {"data": {}}),
    "GET /login/sso/{key}/callback": ("public", {}),
    "GET /api/schema": ("public", {}),
    "GET /api/schema/openapi.json": ("public", {}),
    "GET /api/schema/{path}": ("public", {}),
    "POST /api/v1/files/upload": ("entity:core.file:create", {"files": {"file": ("a.txt", b"text")}}),
    "GET /api/v1/files/{record_id}/content": ("entity:core.file:read", {}),
    "POST /api/v1/imports": ("import", {"params": {"entity": "companies"}, "content": b"name\nImported Ltd\n"}),
    "POST /api/v1/imports/preview": ("import", {"params": {"entity": "companies"}, "content": b"name\nSeen Ltd\n"}),
    "GET /api/v1/imports/{import_id}": ("nowhere", {}),
    "GET /api/v1/imports/{import_id}/errors": ("nowhere", {}),
    "POST /api/v1/imports/{import_id}/cancel": ("nowhere", {"json": {}}),
    "GET /api/v1/admin/events": ("admin", {}),
    "GET /api/v1/admin/events/{event_id}": ("nowhere", {}),
    "GET /admin/fields": ("admin", {}),
    "GET /api/v1/openapi.json": ("signed_in", {}),
    "GET /admin/sinks": ("admin", {}),
    "POST /admin/sinks/{name}/pause": ("nowhere", {"data": {}}),
    "POST /admin/sinks/{name}/resume": ("nowhere", {"data": {}}),
    "POST /admin/sinks/{name}/skip": ("nowhere", {"data": {}}),
    "GET /api/v1/admin/sinks": ("admin", {}),
    "GET /api/v1/admin/sinks/{name}": ("nowhere", {}),
    "POST /api/v1/admin/sinks/{name}/pause": ("nowhere", {"json": {}}),
    "POST /api/v1/admin/sinks/{name}/resume": ("nowhere", {"json": {}}),
    "POST /api/v1/admin/sinks/{name}/skip": ("nowhere", {"json": {"position": 1}}),
    "GET /api/v1/webhooks/{record_id}/deliveries": ("nowhere", {}),
    "POST /api/v1/webhooks/{record_id}/deliveries/{delivery_id}/replay": ("nowhere", {"json": {}}),
    "POST /api/v1/webhooks/{record_id}/secret": ("nowhere", {"json": {}}),
    "GET /webhooks/{record_id}/deliveries": ("nowhere", {}),
    "GET /webhooks/{record_id}/history": ("nowhere", {}),
    "POST /webhooks/{record_id}/deliveries/{delivery_id}/replay": ("nowhere", {"data": {}}),
    "POST /webhooks/{record_id}/secret": ("nowhere", {"data": {}}),
    "GET /webhook-panel": ("nowhere", {"params": {"id": "01890000-0000-7000-8000-000000000000"}}),
    "GET /live": ("signed_in", {"params": {"topics": ""}}),
    "GET /api/v1/admin/jobs": ("admin", {}),
    "GET /api/v1/admin/jobs/{job_id}": ("nowhere", {}),
    "DELETE /api/v1/admin/jobs/{job_id}": ("nowhere", {}),
    "POST /api/v1/admin/jobs/{job_id}/cancel": ("nowhere", {"json": {}}),
    "POST /api/v1/admin/jobs/{job_id}/retry": ("nowhere", {"json": {}}),
    "GET /api/v1/admin/plugins": ("admin", {}),
    "GET /admin/events": ("admin", {}),
    "GET /admin/events/{event_id}": ("nowhere", {}),
    "GET /admin/jobs": ("admin", {}),
    "GET /admin/jobs/{job_id}": ("nowhere", {}),
    "POST /admin/jobs/{job_id}/cancel": ("nowhere", {"data": {}}),
    "POST /admin/jobs/{job_id}/delete": ("nowhere", {"data": {}}),
    "POST /admin/jobs/{job_id}/retry": ("nowhere", {"data": {}}),
    "GET /admin/plugins": ("admin", {}),
    "GET /admin/retention": ("admin", {}),
    "POST /admin/retention": ("admin", {"data": {"core.trash": "90"}}),
    "GET /api/v1/search": ("signed_in", {"params": {"q": "zq7"}}),
    "GET /api/v1/session": ("signed_in", {}),
    "POST /api/v1/session": ("public", {"json": {"email": "nobody@example.test", "password": "not it"}}),
    "DELETE /api/v1/session": ("signed_in", {}),
    "GET /api/v1/tokens": ("signed_in", {}),
    "POST /api/v1/tokens": ("signed_in", {"json": {"name": "mine"}}),
    "DELETE /api/v1/tokens/{token_id}": ("others_token", {}),
    "PUT /api/v1/users/{user_id}/password": ("admin", {"json": {"password": "another long secret"}}),
    "GET /dev/styleguide": ("public", {}),
    "GET /health": ("public", {}),
    "GET /import": ("signed_in", {}),
    "POST /import": ("import", {"data": {"entity": "core.company"}, "files": {"file": ("a.csv", b"name\nA\n")}}),
    "GET /import/{file}/{seal}": ("nowhere", {"params": {"entity": "core.company"}}),
    "GET /import/runs/{job_id}": ("nowhere", {}),
    "POST /import/{file}/{seal}": ("nowhere", {"data": {"entity": "core.company"}}),
    "GET /content/{signed}": ("public", {}),
    "GET /api/v1/settings": ("signed_in", {}),
    "GET /api/v1/settings/{group}": ("nowhere", {}),
    "PUT /api/v1/settings/{group}": ("nowhere", {"json": {}}),
    "PATCH /api/v1/settings/{group}": ("nowhere", {"json": {}}),
    "GET /public/mail/unsubscribe/{token}": ("public", {}),
    "POST /public/mail/unsubscribe/{token}": ("public", {"data": {}}),
    "GET /api/v1/deals/forecast": ("signed_in", {}),
    "GET /api/v1/deals/{record_id}/stage-times": ("entity:core.deal:read", {}),
    "POST /api/v1/pipelines/{record_id}/order": ("nowhere", {"json": {"stages": []}}),
    "GET /pipelines/{record_id}/stages": ("nowhere", {}),
    "POST /pipelines/{record_id}/stages/{stage_id}/{way}": ("nowhere", {"data": {}}),
    "GET /deal-roles/{record_id}/history": ("nowhere", {}),
    "GET /lost-reasons/{record_id}/history": ("nowhere", {}),
    "GET /stage-times": ("signed_in", {}),
    "GET /deal-parts": ("signed_in", {}),
    "GET /company-people": ("signed_in", {}),
    "GET /company-tree": ("signed_in", {}),
    "GET /api/v1/companies/{record_id}/tree": ("entity:core.company:read", {}),
    "GET /api/v1/companies/{record_id}/shared-domains": ("entity:core.company:read", {}),
    "GET /api/v1/roles/{role_id}/rights": ("nowhere", {}),
    "PATCH /api/v1/roles/{role_id}/rights": ("nowhere", {"json": {}}),
    "GET /roles/{role_id}/fields": ("nowhere", {}),
    "POST /roles/{role_id}/fields": ("nowhere", {"data": {}}),
    "GET /roles/{role_id}/rights": ("nowhere", {}),
    "POST /roles/{role_id}/rights": ("nowhere", {"data": {}}),
    "POST /api/v1/people/by-address": ("signed_in", {"json": {"addresses": []}}),
    "GET /api/v1/duplicates": ("signed_in", {"params": {"entity": "core.contact"}}),
    "POST /api/v1/duplicates/dismiss": ("nowhere", {"json": {}}),
    "POST /api/v1/duplicates/search": ("lead", {}),
    "GET /duplicates": ("signed_in", {}),
    "POST /duplicates/dismiss": ("nowhere", {"data": {}}),
    "POST /duplicates/search": ("lead", {"data": {}}),
    "POST /api/v1/undo": ("nowhere", {"json": {"cause": "01890000-0000-7000-8000-000000000000"}}),
    "GET /api/v1/undo/{cause}": ("nowhere", {}),
    "GET /undo/runs/{job_id}": ("nowhere", {}),
    "GET /undo/{cause}": ("nowhere", {}),
    "POST /undo/{cause}": ("nowhere", {"data": {}}),
    "GET /sharing/panel": ("signed_in", {}),
    "GET /login": ("public", {}),
    "POST /login": ("public", {"data": {"email": "nobody@example.test", "password": "not it"}}),
    "POST /logout": ("public", {"data": {}}),
    "GET /palette": ("signed_in", {"params": {"q": "zq7"}}),
    "GET /pick": ("signed_in", {"params": {"q": "zq7"}}),
    "GET /ready": ("public", {}),
    "GET /search": ("signed_in", {"params": {"q": "zq7"}}),
    "GET /settings": ("signed_in", {}),
    "GET /settings/{name}": ("nowhere", {}),
    "POST /settings/{name}": ("nowhere", {"data": {}}),
    "GET /setup": ("public", {}),
    "POST /setup": ("public", {"data": {"name": "A", "email": "a@example.test", "password": "a long enough secret"}}),
    "GET /slots/{place}": ("signed_in", {}),
    "GET /static/{package}/{digest}/{file}": ("public", {}),
    "GET /tags/names": ("signed_in", {"params": {"q": "zq7"}}),
    "GET /account/second-factor": ("signed_in", {}),
    "POST /account/second-factor/begin": ("signed_in", {"data": {}}),
    "POST /account/second-factor/codes": ("signed_in", {"data": {}}),
    "POST /account/second-factor/confirm": ("signed_in", {"data": {}}),
    "POST /account/second-factor/off": ("signed_in", {"data": {}}),
    "GET /account/security": ("signed_in", {}),
    "POST /account/sessions/end-all": ("signed_in", {"data": {}}),
    "POST /account/sessions/{session_id}/revoke": ("nowhere", {"data": {}}),
    "GET /activities/{record_id}/history": ("nowhere", {}),
    "POST /admin/mail": ("admin", {"data": {}}),
    "GET /admin/mail": ("admin", {}),
    "GET /admin/mail/notice": ("admin", {}),
    "POST /admin/mail/pause": ("admin", {"data": {}}),
    "POST /admin/mail/resume": ("admin", {"data": {}}),
    "POST /admin/mail/test": ("admin", {"data": {}}),
    "GET /admin/mails": ("admin", {}),
    "GET /admin/mails/{mail_id}": ("nowhere", {}),
    "GET /admin/mails/{mail_id}/html": ("nowhere", {}),
    "POST /admin/mails/{mail_id}/retry": ("nowhere", {"data": {}}),
    "GET /admin/security": ("admin", {}),
    "GET /admin/users/{user_id}/security": ("nowhere", {}),
    "POST /admin/users/{user_id}/security/second-factor/reset": ("nowhere", {"data": {}}),
    "POST /admin/users/{user_id}/security/sessions/end-all": ("nowhere", {"data": {}}),
    "POST /admin/users/{user_id}/security/sessions/{session_id}/revoke": ("nowhere", {"data": {}}),
    "POST /admin/users/{user_id}/security/tokens/{token_id}/revoke": ("nowhere", {"data": {}}),
    "GET /api/docs": ("public", {}),
    "GET /api/v1/admin/retention": ("signed_in", {}),
    "POST /api/v1/mail/pause": ("admin", {"json": {}}),
    "POST /api/v1/mail/resume": ("admin", {"json": {}}),
    "GET /api/v1/mail/server": ("admin", {}),
    "PUT /api/v1/mail/server": ("admin", {"json": {}}),
    "POST /api/v1/mail/test": ("admin", {"json": {}}),
    "GET /api/v1/mails": ("admin", {}),
    "GET /api/v1/mails/{mail_id}": ("nowhere", {}),
    "POST /api/v1/mails/{mail_id}/retry": ("nowhere", {"json": {}}),
    "POST /api/v1/password-resets": ("public", {"json": {}}),
    "POST /api/v1/password-resets/use": ("public", {"json": {}}),
    "GET /api/v1/second-factor": ("signed_in", {}),
    "POST /api/v1/second-factor/begin": ("signed_in", {"json": {}}),
    "POST /api/v1/second-factor/confirm": ("signed_in", {"json": {}}),
    "POST /api/v1/second-factor/off": ("signed_in", {"json": {}}),
    "POST /api/v1/second-factor/recovery-codes": ("signed_in", {"json": {}}),
    "GET /api/v1/security-events": ("admin", {}),
    "GET /api/v1/security-events/mine": ("signed_in", {}),
    "POST /api/v1/session/second-factor": ("public", {"json": {}}),
    "POST /api/v1/session/second-factor/enrol": ("public", {"json": {}}),
    "DELETE /api/v1/sessions": ("signed_in", {}),
    "GET /api/v1/sessions": ("signed_in", {}),
    "DELETE /api/v1/sessions/{session_id}": ("nowhere", {}),
    "GET /api/v1/users/invitations": ("admin", {}),
    "DELETE /api/v1/users/invitations/{invitation_id}": ("nowhere", {}),
    "POST /api/v1/users/invitations/{invitation_id}/resend": ("nowhere", {"json": {}}),
    "POST /api/v1/users/invite": ("admin", {"json": {}}),
    "GET /api/v1/privacy/erasures": ("admin", {}),
    "GET /api/v1/users/{user_id}/hand-over": ("nowhere", {}),
    "POST /api/v1/users/{user_id}/hand-over": ("nowhere", {"json": {}}),
    "POST /api/v1/users/{user_id}/hand-over/undo": ("nowhere", {"json": {}}),
    "DELETE /api/v1/users/{user_id}/second-factor": ("nowhere", {}),
    "GET /api/v1/users/{user_id}/second-factor": ("nowhere", {}),
    "DELETE /api/v1/users/{user_id}/sessions": ("nowhere", {}),
    "GET /api/v1/users/{user_id}/sessions": ("nowhere", {}),
    "DELETE /api/v1/users/{user_id}/sessions/{session_id}": ("nowhere", {}),
    "GET /api/v1/users/{user_id}/tokens": ("nowhere", {}),
    "DELETE /api/v1/users/{user_id}/tokens/{token_id}": ("nowhere", {}),
    "GET /comments/{record_id}/history": ("nowhere", {}),
    "GET /companies/{record_id}/history": ("nowhere", {}),
    "GET /contacts/{record_id}/history": ("nowhere", {}),
    "GET /deals/{record_id}/history": ("nowhere", {}),
    "POST /files/attach": ("signed_in", {"data": {}}),
    "GET /files/on": ("signed_in", {}),
    "GET /files/panel": ("signed_in", {}),
    "POST /files/stage": ("signed_in", {"data": {}}),
    "GET /files/{record_id}/history": ("nowhere", {}),
    "POST /files/{record_id}/remove": ("nowhere", {"data": {}}),
    "GET /forgot": ("public", {}),
    "POST /forgot": ("public", {"data": {}}),
    "GET /leads/{record_id}/history": ("nowhere", {}),
    "GET /login/code": ("public", {}),
    "POST /login/code": ("public", {"data": {}}),
    "GET /login/enrol": ("public", {}),
    "POST /login/enrol": ("public", {"data": {}}),
    "GET /metrics": ("admin", {}),
    "GET /pipelines/{record_id}/history": ("nowhere", {}),
    "GET /public/invitation/{token}": ("public", {}),
    "POST /public/invitation/{token}": ("public", {"data": {}}),
    "POST /public/reset/{token}": ("public", {"data": {}}),
    "GET /public/reset/{token}": ("public", {}),
    "GET /rates/{record_id}/history": ("nowhere", {}),
    "GET /roles/{record_id}/history": ("nowhere", {}),
    "GET /stages/{record_id}/history": ("nowhere", {}),
    "GET /suppressions/{record_id}/history": ("nowhere", {}),
    "GET /tags/{record_id}/history": ("nowhere", {}),
    "GET /teams/{record_id}/history": ("nowhere", {}),
    "POST /users/invite": ("admin", {"data": {}}),
    "GET /users/invite": ("admin", {}),
    "POST /users/invite/{invitation_id}/resend": ("nowhere", {"data": {}}),
    "POST /users/invite/{invitation_id}/revoke": ("nowhere", {"data": {}}),
    "GET /users/{record_id}/history": ("nowhere", {}),
    "POST /users/{user_id}/hand-over": ("nowhere", {"data": {}}),
    "GET /users/{user_id}/hand-over": ("nowhere", {}),
    "POST /users/{user_id}/hand-over/undo": ("nowhere", {"data": {}}),
    "POST /users/{user_id}/view-as": ("nowhere", {"data": {}}),
    "POST /viewing/end": ("signed_in", {"data": {}}),
    "GET /assignment-panel": ("signed_in", {}),
    "GET /pools/{record_id}/filter/{part}": ("nowhere", {}),
    "POST /pools/{record_id}/filter/{part}": ("nowhere", {"data": {}}),
    "GET /api/v1/assignments": ("signed_in", {}),
    "GET /approvals": ("signed_in", {}),
    "GET /approvals/count": ("signed_in", {}),
    "GET /approvals/panel": ("signed_in", {}),
    "GET /approvals/new": ("signed_in", {}),
    "POST /approvals/new": ("signed_in", {"data": {}}),
    "GET /approvals/{approval_id}": ("nowhere", {}),
    "POST /approvals/{approval_id}/decide": ("nowhere", {"data": {"decision": "approve"}}),
    "POST /approvals/{approval_id}/withdraw": ("nowhere", {"data": {}}),
    "GET /api/v1/approvals": ("signed_in", {}),
    "POST /api/v1/approvals": (
        "nowhere",
        {
            "json": {
                "about": "core.deal:01890000-0000-7000-8000-000000000000",
                "title": "T",
                "steps": [{"users": ["01890000-0000-7000-8000-000000000000"]}],
            }
        },
    ),
    "GET /api/v1/approvals/{approval_id}": ("nowhere", {}),
    "POST /api/v1/approvals/{approval_id}/decide": ("nowhere", {"json": {"decision": "approve"}}),
    "POST /api/v1/approvals/{approval_id}/withdraw": ("nowhere", {"json": {}}),
    "GET /public/approval/{token}": ("public", {}),
    "POST /public/approval/{token}": ("public", {"data": {}}),
    "GET /public/form-confirm/{token}": ("public", {}),
    "POST /public/form-confirm/{token}": ("public", {"data": {}}),
    "GET /public/forms/{token}": ("public", {}),
    "POST /public/forms/{token}": ("public", {"data": {}}),
    "POST /public/forms/{token}/again": ("public", {"data": {}}),
    "POST /public/forms/{token}/files": ("public", {"data": {}}),
    "GET /web-form-source": ("signed_in", {}),
    "GET /work-calendars/{record_id}/hours": ("nowhere", {}),
    "POST /work-calendars/{record_id}/hours": ("nowhere", {"data": {}}),
    "GET /work-calendars/{record_id}/days-off": ("nowhere", {}),
    "GET /web-forms/{record_id}/embed": ("nowhere", {}),
    "GET /web-forms/{record_id}/fields": ("nowhere", {}),
    "POST /web-forms/{record_id}/fields": ("nowhere", {"data": {}}),
    "GET /web-forms/{record_id}/history": ("nowhere", {}),
    "GET /web-form-submissions/{record_id}/history": ("nowhere", {}),
    "GET /web-form-submissions/{record_id}/answers": ("nowhere", {}),
    "POST /account/notifications": ("signed_in", {"data": {}}),
    "GET /account/notifications": ("signed_in", {}),
    "GET /notifications": ("signed_in", {}),
    "GET /notifications/bell": ("signed_in", {}),
    "POST /notifications/read-all": ("signed_in", {"data": {}}),
    "POST /notifications/{notification_id}/open": ("nowhere", {"data": {}}),
    "POST /notifications/{notification_id}/unread": ("nowhere", {"data": {}}),
    "GET /api/v1/notifications": ("signed_in", {}),
    "POST /api/v1/notifications/read-all": ("signed_in", {"json": {}}),
    "POST /api/v1/notifications/{notification_id}/read": ("nowhere", {"json": {}}),
    "POST /api/v1/notifications/{notification_id}/unread": ("nowhere", {"json": {}}),
    "GET /comments/on": ("signed_in", {}),
    "GET /comments/panel": ("signed_in", {}),
    "GET /comments/people": ("signed_in", {}),
    "POST /comments/write": ("signed_in", {"data": {}}),
    "POST /comments/{comment_id}/remove": ("nowhere", {"data": {}}),
    "GET /api/v1/mentions": ("signed_in", {}),
    "GET /follows": ("signed_in", {}),
    "POST /follows": ("signed_in", {"data": {}}),
    "GET /follows/button": ("signed_in", {}),
    "GET /follows/on": ("signed_in", {}),
    "GET /api/v1/follows": ("signed_in", {}),
    "GET /api/v1/follows/{about}": ("nowhere", {}),
    "PUT /api/v1/follows/{about}": ("nowhere", {"json": {}}),
    "DELETE /api/v1/follows/{about}": ("nowhere", {}),
    "GET /favourites": ("signed_in", {}),
    "POST /favourites": ("signed_in", {"data": {}}),
    "GET /favourites/star": ("signed_in", {}),
    "GET /api/v1/favourites": ("signed_in", {}),
    "PUT /api/v1/favourites/{about}": ("nowhere", {"json": {}}),
    "DELETE /api/v1/favourites/{about}": ("nowhere", {}),
    "GET /reminders": ("signed_in", {}),
    "POST /reminders": ("signed_in", {"data": {}}),
    "GET /number-series-parts/next": ("signed_in", {}),
    "GET /organisation/logo": ("core.settings.manage", {}),
    "POST /organisation/logo": ("core.settings.manage", {"data": {"remove": "1"}}),
    "GET /logo/{name}": ("public", {}),
    "GET /rate-parts/valuing": ("signed_in", {}),
    "GET /api/v1/number-series-next/{record_id}": ("entity:core.number_series:read", {}),
    "GET /reminders/on": ("signed_in", {}),
    "POST /reminders/snooze/{notification_id}": ("nowhere", {"data": {}}),
    "POST /reminders/{reminder_id}/remove": ("nowhere", {"data": {}}),
    "GET /api/v1/reminders": ("signed_in", {}),
    "POST /api/v1/reminders": (
        "nowhere",
        {
            "json": {
                "about": "core.deal:01890000-0000-7000-8000-000000000000",
                "at": "2030-01-01T00:00:00Z",
            }
        },
    ),
    "POST /api/v1/reminders/snooze/{notification_id}": ("nowhere", {"json": {}}),
    "DELETE /api/v1/reminders/{reminder_id}": ("nowhere", {}),
    "GET /views": ("signed_in", {}),
    "POST /views": ("signed_in", {"data": {}}),
    "GET /views/menu": ("signed_in", {}),
    "GET /views/groups": ("signed_in", {"params": {"of": "core.company", "group": "industry"}}),
    "GET /views/{view_id}": ("nowhere", {}),
    "POST /views/{view_id}": ("nowhere", {"data": {}}),
    "GET /api/v1/views": ("signed_in", {}),
    "POST /api/v1/views": ("signed_in", {"json": {"name": "Mine", "entity": "core.company"}}),
    "GET /api/v1/views/groups": ("signed_in", {"params": {"entity": "core.company", "group": "industry"}}),
    "GET /api/v1/views/{view_id}": ("nowhere", {}),
    "PATCH /api/v1/views/{view_id}": ("nowhere", {"json": {}}),
    "DELETE /api/v1/views/{view_id}": ("nowhere", {}),
}

# What follows an entity's path: method and rest -> (reach, verb).
PAGES = {
    "GET ": ("rows", "read"), "GET /pick": ("rows", "read"), "POST /bulk": ("bulk", "bulk_edit"),
    "POST /bulk-edit": ("bulk", "bulk_edit"),
    "GET /new": ("kind", "create"), "POST /new": ("kind", "create"), "GET /{record_id}": ("row", "read"),
    "GET /{record_id}/timeline": ("row", "read"), "GET /{record_id}/history": ("row", "read"),
    "GET /{record_id}/edit": ("row", "edit"),
    "POST /{record_id}/edit": ("row", "edit"), "GET /{record_id}/delete": ("row", "delete"),
    "POST /{record_id}/delete": ("row", "delete"), "POST /{record_id}/restore": ("trashed", "delete"),
    "GET /{record_id}/access": ("sharing", "read"), "POST /{record_id}/share": ("sharing", "assign"),
    "GET /{record_id}/purge": ("purge", "delete"), "POST /{record_id}/purge": ("purge", "delete"),
    "POST /{record_id}/shares/{share_id}/revoke": ("sharing", "assign"),
    "GET /{record_id}/merge": ("row", "edit"), "POST /{record_id}/merge": ("sharing", "edit"),
    "GET /{record_id}/convert": ("row", "edit"), "POST /{record_id}/convert": ("sharing", "edit"),
    "GET /{record_id}/do/{name}": ("action", "read"), "POST /{record_id}/do/{name}": ("action", "edit"),
}  # fmt: skip
API = {
    "GET ": ("rows", "read"), "POST ": ("kind", "create"), "GET /{record_id}": ("row", "read"),
    "PATCH /{record_id}": ("row", "edit"), "DELETE /{record_id}": ("row", "delete"),
    "POST /{record_id}/restore": ("trashed", "delete"), "POST /bulk": ("bulk", "bulk_edit"),
    "POST /{record_id}/purge": ("purge", "delete"),
    "GET /export": ("rows", "export"), "GET /{record_id}/access": ("sharing", "read"),
    "GET /{record_id}/history": ("row", "read"),
    "GET /{record_id}/shares": ("sharing", "read"), "POST /{record_id}/shares": ("sharing", "assign"),
    "DELETE /{record_id}/shares/{share_id}": ("sharing", "assign"),
    "POST /{record_id}/merge": ("sharing", "edit"), "POST /duplicates": ("rows", "read"),
    "GET /{record_id}/duplicates": ("row", "read"),
    "GET /{record_id}/personal-data": ("purge", "delete"),
}  # fmt: skip


def routes(app: Litestar) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (method, path with bare {names}, options) of everything the application answers."""
    for route in sorted(app.routes, key=lambda r: r.path):
        for handler in getattr(route, "route_handlers", ()):
            for method in sorted(str(m) for m in handler.http_methods if m not in ("OPTIONS", "HEAD")):
                yield method, PARAMETER.sub(r"{\1}", route.path), dict(handler.opt)


def entity_of(registry: Registry, template: str) -> tuple[Entity, str, bool] | None:
    """Return (entity, rest of the path, whether it is the API) for a path below an entity's."""
    api = template.startswith("/api/v1/")
    head, _slash, rest = template.removeprefix("/api/v1" if api else "").lstrip("/").partition("/")
    found = registry.by_path.get(head)
    return (found, f"/{rest}" if rest else "", api) if found is not None else None


def shape_of(registry: Registry, method: str, template: str) -> tuple[Entity, str, str, bool] | None:
    """Return (entity, reach, verb, api) of an entity's generic route; None for any other."""
    found = entity_of(registry, template)
    if found is None or f"{method} {template}" in OTHERS:
        return None
    entity, rest, api = found
    action = rest.removeprefix("/{record_id}/")
    if api and method == "POST" and action in registry.actions.get(entity.name, {}):
        return entity, "action", "edit", True
    reach = (API if api else PAGES).get(f"{method} {rest}")
    return (entity, *reach, api) if reach else None


def unknown(registry: Registry, app: Litestar) -> list[str]:
    """Return what to do about each route that no row covers, and about rows whose route is gone."""
    seen, missing = set(), dict[str, str]()
    for method, template, opt in routes(app):
        key = f"{method} {template}"
        seen.add(key)
        if shape_of(registry, method, template) is None and key not in OTHERS:
            entity = entity_of(registry, template)
            if entity is None:
                missing[key] = (
                    f"{key} is in no row: add it to OTHERS in crm_core/tests/packages/crm_rows/routes.py with who may "
                    f"use it and a valid body (its options: {opt})"
                )
            else:
                where, rest = ("API" if entity[2] else "PAGES"), f"{method} {entity[1]}"
                missing[where + rest] = (
                    f"{key} is in no row: add {rest!r} to {where} in crm_core/tests/packages/crm_rows/routes.py with "
                    "its reach and verb, or the whole to OTHERS"
                )
    return [*missing.values(), *(f"{key} is gone: take it out of OTHERS" for key in OTHERS if key not in seen)]
