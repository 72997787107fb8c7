"""What to paste into a web site: a frame, or a plain HTML form."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from crm_core.entity.fields import File
from crm_core.features.web_forms import rules, targets
from crm_core.features.web_forms.models import WebForm
from crm_core.i18n import Strings, show
from crm_core.web.inputs import Input

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


def frame_code(form: WebForm, url: str) -> str:
    """Return the frame to paste into a web site."""
    title = html.escape(form.title or form.name, quote=True)
    return f'<iframe src="{url}" title="{title}" width="100%" height="640" style="border:0" loading="lazy"></iframe>'


async def plain_code(uow: UnitOfWork, form: WebForm, url: str) -> str:
    """Return a plain HTML form to paste into a web site that is on the list."""
    target = targets.targets(uow.registry).get(form.target)
    if target is None:
        return ""
    inputs = targets.inputs_of(uow.registry, target, await rules.lines_of(uow, form))
    inputs = [one for one in inputs if one.kind != "file" or not form.is_double_opt_in]
    files = any(one.kind == "file" for one in inputs)
    more = '/files" enctype="multipart/form-data' if files else ""
    parts = [f'<form action="{url}{more}" method="post">', *(_plain_input(one, uow.locale) for one in inputs)]
    if form.consent:
        words = html.escape(form.consent)
        parts.append(f'  <p><label><input type="checkbox" name="_consent" value="1" required> {words}</label></p>')
    empty = html.escape(_("Leave this empty").to(uow.locale))
    parts.append(f'  <p hidden><label>{empty} <input name="_website" tabindex="-1" autocomplete="off"></label></p>')
    parts.append(f"  <button>{html.escape(form.button or _('Send').to(uow.locale))}</button>")
    return "\n".join([*parts, "</form>"])


def _plain_input(one: Input, locale: str) -> str:
    label, name = html.escape(show(one.label, locale)), html.escape(one.name, quote=True)
    must = " required" if one.field.required else ""
    if one.kind == "long_text":
        return f'  <p><label>{label}<br><textarea name="{name}"{must}></textarea></label></p>'
    if one.kind == "boolean":
        return f'  <p><label><input type="checkbox" name="{name}" value="1"{must}> {label}</label></p>'
    if one.kind in ("choice", "multi_choice"):
        many = " multiple" if one.kind == "multi_choice" else ""
        rows = "" if many or must else "<option></option>"
        rows += "".join(
            f'<option value="{html.escape(v, quote=True)}">{html.escape(show(w, locale))}</option>'
            for v, w in one.options
        )
        return f'  <p><label>{label}<br><select name="{name}"{many}{must}>{rows}</select></label></p>'
    if isinstance(one.field, File):
        types = ",".join(one.field.accept)
        return f'  <p><label>{label}<br><input type="file" name="{name}" accept="{types}"{must}></label></p>'
    kind = {"email": "email", "phone": "tel", "date": "date"}.get(one.kind, "text")
    return f'  <p><label>{label}<br><input type="{kind}" name="{name}"{must}></label></p>'
