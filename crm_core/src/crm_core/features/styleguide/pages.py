"""Every component on one page, in both themes: how plugin authors learn them and tests look at them."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.entity import fields as f
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page
from crm_core.web.display import TONES
from crm_core.web.forms import Form
from crm_core.web.inputs import Input, zones

_ = Strings("crm_core")
OPTIONS = (
    f.Option(value="new", label=_("New"), colour="blue"),
    f.Option(value="open", label=_("Open"), colour="orange"),
    f.Option(value="done", label=_("Done"), colour="green"),
)


def sample_form(locale: str) -> Form:
    """Return one control of every kind, some filled and one wrong."""
    made = [
        f.Text("name", _("Name"), required=True),
        f.Email("email", _("E-mail")),
        f.Phone("phone", _("Phone")),
        f.Url("website", _("Website")),
        f.Integer("employees", _("Employees")),
        f.Money("amount", _("Amount")),
        f.Percent("probability", _("Probability")),
        f.Date("day", _("Date")),
        f.DateTime("at", _("Date and time")),
        f.Appointment("starts_at", _("Starts")),
        f.Choice("state", _("State"), options=OPTIONS),
        f.MultiChoice("kinds", _("Kinds"), options=OPTIONS),
        f.Tags("tags", _("Tags")),
        f.Link("company_id", _("Company"), target="core.company"),
        f.Boolean("active", _("Active"), help=_("Inactive people cannot sign in.")),
        f.LongText("notes", _("Notes"), help=_("Only your team reads this.")),
    ]
    form = Form([Input(x, x.name) for x in made], locale=locale)
    form.show(
        {
            "name": "Ada Lovelace",
            "kinds": ["new", "done"],
            "tags": ["vip", "berlin"],
            "state": "open",
            "amount": "12500.5",
            "amount_currency": "EUR",
            "active": True,
            "company_id": "1",
        }
    )
    for one in form.inputs:
        if one.kind in ("choice", "multi_choice"):
            one.options = [(o.value, o.label) for o in OPTIONS]
        elif one.kind == "tags":
            one.options = [(v, v) for v in one.raw]
        elif one.kind == "money":
            one.options = [("EUR", "EUR"), ("USD", "USD")]
        elif one.kind == "link":
            one.options = [("1", "Globex"), ("2", "Initech")]
        elif one.kind == "appointment":
            one.options = [z for z in zones() if z.startswith("Europe/")]  # type: ignore[misc]  # names only
    form.errors = {"email": _("This is not an e-mail address.")}
    form.mark()
    next(i for i in form.inputs if i.name == "email").focus = False
    return form


class StyleguidePages(PageController):
    """The style guide; it holds no data of anybody."""

    @get("/dev/styleguide", opt={"public": True})
    async def styleguide(self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Answer with every component."""
        return await page(request, uow, "core/styleguide.html", form=sample_form(uow.locale), tones=TONES[:10])
