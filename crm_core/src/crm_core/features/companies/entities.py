"""What a company is."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.companies import rules
from crm_core.features.companies.domains import domain_of
from crm_core.features.companies.models import Company, CompanyDomain
from crm_core.features.standard import COMMON, ROLES
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")

INDUSTRIES = (
    Option(value="agriculture", label=_("Agriculture"), colour="green"),
    Option(value="automotive", label=_("Automotive"), colour="grey"),
    Option(value="chemicals", label=_("Chemicals"), colour="teal"),
    Option(value="construction", label=_("Construction"), colour="amber"),
    Option(value="education", label=_("Education"), colour="blue"),
    Option(value="employment", label=_("Employment"), colour="teal"),
    Option(value="energy", label=_("Energy"), colour="amber"),
    Option(value="entertainment", label=_("Entertainment"), colour="pink"),
    Option(value="finance", label=_("Finance"), colour="green"),
    Option(value="food", label=_("Food and drink"), colour="amber"),
    Option(value="government", label=_("Government"), colour="grey"),
    Option(value="hospitality", label=_("Hospitality"), colour="pink"),
    Option(value="insurance", label=_("Insurance"), colour="blue"),
    Option(value="logistics", label=_("Logistics"), colour="violet"),
    Option(value="manufacturing", label=_("Manufacturing"), colour="grey"),
    Option(value="marketing", label=_("Marketing"), colour="pink"),
    Option(value="medical", label=_("Medical"), colour="red"),
    Option(value="nonprofit", label=_("Non-profit"), colour="green"),
    Option(value="real_estate", label=_("Real estate"), colour="amber"),
    Option(value="retail", label=_("Retail"), colour="violet"),
    Option(value="services", label=_("Services"), colour="blue"),
    Option(value="software", label=_("Software"), colour="violet"),
    Option(value="technology", label=_("Technology"), colour="blue"),
    Option(value="telecommunications", label=_("Telecommunications"), colour="teal"),
    Option(value="other", label=_("Other"), colour="grey"),
)

COMPANY = Entity(
    name="core.company",
    model=Company,
    label=_("Company"),
    plural=_("Companies"),
    path="companies",
    icon="building",
    title="name",
    fields=(
        fields.Text(
            "name",
            _("Name"),
            required=True,
            sortable=True,
            search="A",
            import_names=("company", "company name", "account", "account name", "organisation", "firma", "unternehmen"),
        ),
        fields.Text("domain", _("Domain"), search="A", normal=domain_of, import_names=("web domain", "e-mail domain")),
        fields.Link(
            "parent_id",
            _("Parent company"),
            target="core.company",
            reverse="subsidiaries",
            reverse_label=_("Subsidiaries"),
            import_names=("parent", "subsidiary of", "muttergesellschaft"),
        ),
        fields.Choice("industry", _("Industry"), options=INDUSTRIES, import_names=("sector", "branch", "branche")),
        fields.Money("revenue", _("Revenue"), import_names=("annual revenue", "turnover", "umsatz")),
        fields.Decimal("revenue_rate", _("Exchange rate of the revenue"), digits=6, readonly=True),
        fields.Date("revenue_rate_on", _("Day of the exchange rate"), readonly=True),
        fields.Integer(
            "employees", _("Employees"), minimum=0, sortable=True, import_names=("headcount", "staff", "mitarbeiter")
        ),
        fields.Integer(
            "founded",
            _("Founded"),
            minimum=0,
            maximum=2200,
            help=_("Year"),
            import_names=("year founded", "year established", "gegründet"),
        ),
        fields.Url("website", _("Website"), import_names=("web", "url", "homepage")),
        fields.Phone("phone", _("Phone"), search="B", import_names=("telephone", "tel", "telefon")),
        fields.Text("street", _("Street"), group="address", import_names=("address", "strasse")),
        fields.Text("postcode", _("Postcode"), length=20, group="address", import_names=("zip", "postal code", "plz")),
        fields.Text(
            "city",
            _("City"),
            length=100,
            sortable=True,
            search="B",
            group="address",
            import_names=("town", "ort", "stadt"),
        ),
        fields.Text(
            "country",
            _("Country"),
            length=100,
            sortable=True,
            group="address",
            import_names=("land", "office location", "location"),
        ),
        fields.LongText("description", _("Description"), search="B", import_names=("notes", "beschreibung")),
        *COMMON,
    ),
    list_columns=("name", "industry", "city", "country", "revenue", "owner_id", "last_activity_at"),
    default_sort="name",
    children=(
        Child(
            name="domains",
            model=CompanyDomain,
            foreign_key="company_id",
            label=_("Domains"),
            fields=(fields.Text("domain", _("Domain"), required=True, search="B", normal=domain_of),),
            ordered=True,
        ),
    ),
    validate=rules.validate,
    roles=ROLES,
    match_by=("name", "domain"),
    order=20,
    has_activity=True,
    mergeable=True,
)
