"""Templates that users write: names are checked with their place, values are read with rights, limits hold."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from crm_core.auth.actor import system
from crm_core.auth.rights import actor_by_email
from crm_core.kernel import Kernel
from crm_core.liquid import TemplateFailed, TemplateInvalid, Values, check, demand_valid, gather, render, variables
from crm_core.plugin import Ref
from liquid.exceptions import LiquidError

DEAL = {"deal": "core.deal"}


async def made(api: Any) -> tuple[Ref, Ref]:
    """Return a deal and its contact, made by the API's caller."""
    stage = (await api.get("/stages"))["items"][0]["id"]
    company = await api.post("/companies", {"name": "Brown & <Sons>"})
    contact = await api.post(
        "/contacts",
        {"first_name": "Ada", "last_name": "Brown", "company_id": company["id"],
         "emails": [{"address": "ada@brown.test"}, {"address": "office@brown.test"}]},
    )  # fmt: skip
    deal = await api.post(
        "/deals",
        {"name": "Pumps", "stage_id": stage, "company_id": company["id"], "contact_id": contact["id"],
         "amount": "1234.5", "amount_currency": "EUR", "expected_close_on": "2026-11-02"},
    )  # fmt: skip
    return Ref("core.deal", UUID(deal["id"])), Ref("core.contact", UUID(contact["id"]))


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("Dear {{ deal.nmae }}", 1, 9, "Did you mean name"),
        ("one\n two {{ deal.company.nope }}", 2, 9, "nope"),
        ("{{ quote.number }}", 1, 4, "Unknown name: quote"),
        ("a\n{{ deal.name | shout }}", 2, 16, "Unknown filter: shout"),
        ("{{ deal.name }", 1, 1, "expected"),
        ("{% if deal.name %}", 1, 19, "endif"),
        ("{% include 'other' %}", 1, 4, "include"),
        ("{% for e in deal.contact.emails %}{{ e.nope }}{% endfor %}", 1, 38, "nope"),
        ("{{ deal[deal.name] }}", 1, 4, "brackets"),
        ("{{ today.year }}", 1, 4, "today has no fields"),
    ],
)
async def test_faults_name_their_place(kernel: Kernel, text: str, line: int, column: int, says: str) -> None:
    faults = check(kernel.registry, system("test"), text, DEAL)
    assert [(f.line, f.column) for f in faults] == [(line, column)], faults
    assert says in faults[0].message


async def test_a_good_template_has_no_faults(kernel: Kernel) -> None:
    text = (
        "{{ deal.name | upcase }} {{ deal.company.name }} {{ deal.amount | money }} {{ deal.contact.emails.size }}"
        "{% for e in deal.contact.emails %}{{ e.address }}{{ forloop.index }}{% endfor %}"
        "{% assign days = 3 | plus: 4 %}{{ days }} {{ today | date: 'long' }} {{ user.name }}"
        "{% for c in deal.company.contacts %}{{ c.last_name }}{% endfor %}"
    )
    assert check(kernel.registry, system("test"), text, DEAL) == []


async def test_saving_refuses_with_every_fault(kernel: Kernel) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        demand_valid(kernel.registry, system("test"), "{{ deal.a1 }}\n{{ deal.b2 }}", DEAL, "body")
    assert [f.line for f in caught.value.faults] == [1, 2]
    assert "Line 2, column 4" in str(caught.value.fields["body"])


async def rendered(kernel: Kernel, actor: Any, text: str, html: bool = False, **roots: Any) -> str:
    async with kernel.read(actor) as uow:
        values = await gather(uow, text, roots)
    return await render(text, values, html=html)


async def test_values_come_from_the_record_its_links_children_and_reverse_links(kernel: Kernel, api: Any) -> None:
    deal, contact = await made(api)
    text = (
        "{{ deal.name }}|{{ deal.company.name }}|{{ deal.amount }}|{{ deal.amount_currency }}"
        "|{{ deal.expected_close_on }}"
        "|{% for e in deal.contact.emails %}{{ e.address }} {% endfor %}"
        "|{% for d in c.deals %}{{ d.name }}{% endfor %}|{% if deal.amount > 1000 %}large{% endif %}"
    )
    assert check(kernel.registry, system("test"), text, {**DEAL, "c": "core.contact"}) == []
    assert await rendered(kernel, system("test"), text, deal=deal, c=contact) == (
        "Pumps|Brown & <Sons>|€1,234.50|EUR|Nov 2, 2026|ada@brown.test office@brown.test |Pumps|large"
    )


async def test_html_escapes_values_and_keeps_markup_of_the_author(kernel: Kernel, api: Any) -> None:
    deal, _contact = await made(api)
    text = "<b>{{ deal.company.name }}</b>"
    assert await rendered(kernel, system("test"), text, html=True, deal=deal) == "<b>Brown &amp; &lt;Sons&gt;</b>"


async def test_what_the_actor_may_not_read_is_empty(kernel: Kernel, api: Any, as_user: Any) -> None:
    deal, _contact = await made(api)
    stranger = await as_user("sales")
    actor = await actor_by_email(kernel, stranger.email)
    text = "[{{ deal.name }}{{ deal.company.name }}]"
    assert await rendered(kernel, actor, text, deal=deal) == "[]"


async def test_plain_values_and_formats_follow_the_reader(kernel: Kernel) -> None:
    values = Values({"n": {"$": "decimal", "v": "1234.5"}}, locale="de", zone="Europe/Berlin")
    assert await render("{{ n | number }} {{ n | money: 'EUR' }} {{ n | percent }}", values) == (
        "1.234,5 1.234,50\xa0€ 1.234,5%"
    )
    async with kernel.read(system("test")) as uow:
        found = await gather(uow, "{{ price }}", {"price": Decimal("9.90")})
    assert await render("{{ price }}", found) == "9.90"


@pytest.mark.parametrize(
    "text",
    [
        "{% assign r = (1..100000000) %}{{ r | join: ',' }}",
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for a in (1..5000) %}{% for b in (1..5000) %}{% for c in (1..5000) %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% assign a = 'aaaaaaaaaa' %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}",
        "{% assign a = 9 %}{% for i in (1..40) %}{% assign a = a | times: a %}{% endfor %}{{ a }}",
        (
            "{% assign a = 'aaaaaaaaaa' %}{% for i in (1..16) %}{% assign a = a | append: a %}{% endfor %}"
            "{{ a | replace: 'a', a }}"
        ),
        (
            "{% assign a = 'aaaaaaaaaa' %}{% for i in (1..16) %}{% assign a = a | append: a %}{% endfor %}"
            "{% assign b = a | split: '' | join: a %}{{ b | size }}"
        ),
        "{{ 1 | divided_by: 0 }}",
    ],
)
async def test_bombs_end_with_an_error(text: str) -> None:
    with pytest.raises(TemplateFailed):
        await render(text, Values({}))
    assert await render("still {{ 'here' | upcase }}", Values({})) == "still HERE"


async def test_deeply_nested_and_large_templates_are_faults(kernel: Kernel) -> None:
    deep = "{% if true %}" * 3000 + "{% endif %}" * 3000
    assert check(kernel.registry, system("test"), deep, {})
    assert check(kernel.registry, system("test"), "x" * 2_000_000, {})[0].message.startswith("A template has at most")


async def test_variables_are_listed_with_their_types(kernel: Kernel, as_user: Any) -> None:
    found = {v.path: v.type for v in variables(kernel.registry, system("test"), kernel.registry.entities["core.deal"])}
    assert found["amount"] == "money"
    assert found["company"] == "record"
    assert found["expected_close_on"] == "date"
    assert found["name"] == "text"


ESCAPES = (
    "''.__class__", "deal.__class__", "deal.__class__.__mro__", "deal['__class__']", "deal._sa_instance_state",
    "now.__class__", "today.fromtimestamp", "today.__init__.__globals__", "user.password", "user.password_hash",
    "user.metadata", "deal.metadata", "deal.registry", "self", "request", "config", "settings", "env", "os", "context",
    "uow", "session", "__import__('os')",
    "deal.name.format", "deal.name.__len__", "deal.custom.__class__", "forloop.parentloop", "deal.owner.password",
    "deal.owner.sessions", "deal.owner.tokens", "deal.company.__table__", "range", "cycler", "lipsum.__globals__",
    "namespace", "joiner", "url_for.__globals__", "get_flashed_messages", "app", "g",
)  # fmt: skip


# Known strings against other engines (Jinja, Twig, Mako, ERB, FreeMarker, Velocity, Smarty, Handlebars), and Liquid's
# own ways to other files.
PAYLOADS = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ ''.__class__.__base__.__subclasses__()[104] }}",
    "{{ config.items() }}", "{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}",
    "{{ request.application.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}", "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os }}", "{{ namespace.__init__.__globals__.os }}",
    "{{ get_flashed_messages.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ url_for.__globals__.current_app.config }}", "{{ ''|attr('__class__')|attr('__mro__') }}",
    "{{ ()|attr('\\x5f\\x5fclass\\x5f\\x5f') }}", "{{ deal|attr('__init__')|attr('__globals__') }}",
    "{{ [].class.base.subclasses() }}", "{{ 'a'.constructor.constructor('return process')() }}",
    "{{ constructor.constructor('alert(1)')() }}", "{{ _self.env.registerUndefinedFilterCallback('exec') }}",
    "{{ _self.env.getFilter('id') }}", "{{ ['id']|filter('system') }}", "{{ ['id']|map('passthru')|join }}",
    "{{ '/etc/passwd'|file_excerpt(1,30) }}", "{{ app.request.server.all|join(',') }}", "{{ dump(app) }}",
    "{{ source('/etc/passwd') }}", "{{ include('/etc/passwd') }}", "{{ 7*7 }}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
    "<%= File.open('/etc/passwd').read %>", "<% import os %>${os.popen('id').read()}",
    "${self.module.cache.util.os.system('id')}", "${T(java.lang.Runtime).getRuntime().exec('id')}",
    "<#assign ex='freemarker.template.utility.Execute'?new()>${ex('id')}", "#set($x='')#set($rt=$x.class.forName('x'))",
    "{php}echo `id`;{/php}", "{system('id')}", "{{#with 's' as |string|}}{{string.sub.constructor}}{{/with}}",
    "{{ range.constructor(\"return global.process.mainModule.require('fs')\")() }}", "*{7*7}", "@(7*7)", "[[${7*7}]]",
    "{% import os %}{{ os.system('id') }}", "{% raw %}{{ x }}{% endraw %}{{ deal.__dict__ }}",
    "{% for k in deal %}{{ k }}{% endfor %}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% include '/etc/passwd' %}", "{% render '../../../etc/passwd' %}", "{% layout '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}", "{% include deal.name %}", "{% liquid\necho deal.__class__\n%}",
    "{% capture x %}{{ deal.__class__ }}{% endcapture %}{{ x }}", "{% assign x = deal | inspect %}{{ x }}",
    "{% tablerow x in deal %}{{ x }}{% endtablerow %}", "{% increment deal.__class__ %}", "{% cycle deal.__class__ %}",
    "{% case deal.__class__ %}{% when nil %}{% else %}object at{% endcase %}",
    "{% macro m() %}{{ deal.__class__ }}{% endmacro %}{% call m %}", "{% eval 'import os' %}", "{% python import os %}",
    "{{ deal.name | format: deal }}", "{{ '%s' | format: deal }}", "{{ '{0.__class__}' | format: deal }}",
    "{{ deal | json }}", "{{ deal | inspect }}", "{{ deal | dump }}", "{{ deal | pprint }}", "{{ deal | debug }}",
    "{{ deal | map: '__init__' | first }}", "{{ deal | sort: '__class__' }}", "{{ deal | group_by: '__class__' }}",
    "{{ deal | sum: '__class__' }}", "{{ deal | uniq: '__class__' }}", "{{ deal | compact: '__class__' }}",
    "{{ deal | find: '__class__' }}", "{{ deal | has: '__class__' }}", "{{ deal | reject: '__class__' }}",
    "{{ 'now' | date: '%9999999d' }}", "{{ 'Zm9v' | base64_decode | eval }}", "{{ 'os' | import }}",
    "{{ 'core_user' | query }}", "{{ 'select password from core_user' | sql }}", "{{ 'SECRET_KEY' | env }}",
    "{{ env.SECRET_KEY }}", "{{ frappe.db.sql('select 1') }}", "{{ doc.get_password('x') }}",
    "{{ user.env['res.users'].sudo() }}", "{{ object.env.cr.execute('select 1') }}",
    "{{ 'ls' | shell }}", "{{ deal.name | send: 'eval' }}", "{{ __loader__ }}", "{{ __builtins__ }}", "{{ globals() }}",
    "{{ locals() }}", "{{ vars(deal) }}", "{{ getattr(deal, '__class__') }}", "{{ dir(deal) }}",
    "{{ open('/etc/passwd') }}",
    "{{ exec('1') }}", "{{ eval('1') }}", "{{ print(deal) }}", "{{ breakpoint() }}", "{{ help() }}", "{{ exit() }}",
)  # fmt: skip
INSIDES = ("<class", "<function", "<module", "0x", "object at", "bound method", "root:", "uid=", "49", "'id':")


@pytest.mark.counted
async def test_known_ways_out_of_templates_lead_nowhere(kernel: Kernel, api: Any) -> None:
    deal, _contact = await made(api)
    asked = 0
    for text in PAYLOADS:
        asked += 1
        with contextlib.suppress(TemplateFailed, LiquidError):
            found = await rendered(kernel, system("test"), text, deal=deal)
            assert not any(word in found for word in INSIDES if word not in text), text
    for escape in ESCAPES:
        last = escape.rsplit(".", 1)[-1]
        for text in (
            f"{{{{ {escape} }}}}",
            f"{{% assign x = {escape} %}}{{{{ x }}}}",
            f"{{% for a in {escape} %}}{{{{ a }}}}{{% endfor %}}",
            f"{{{{ {escape} | map: '__class__' }}}}",
            f"{{{{ deal | where: '{last}' }}}}",
        ):
            asked += 1
            try:
                found = await rendered(kernel, system("test"), text, deal=deal)
            except (TemplateFailed, LiquidError):
                continue
            assert not any(word in found for word in INSIDES), text
    print(f"\nT5: N = {asked} templates of {len(PAYLOADS) + len(ESCAPES)} known strings, 0 ways out")


@pytest.mark.counted
async def test_a_value_that_looks_like_a_template_is_text(kernel: Kernel, api: Any) -> None:
    """T5: what somebody types into a field is never run, in whatever template it is shown."""
    asked = 0
    for payload in PAYLOADS:
        if payload != payload.strip():
            continue
        company = await api.post("/companies", {"name": "Brown", "description": payload, "city": payload[:40].strip()})
        about = Ref("core.company", UUID(company["id"]))
        for name, kept in (("description", company["description"]), ("city", company["city"])):
            asked += 1
            found = await rendered(kernel, system("test"), f"{{{{ c.{name} }}}}", c=about)
            assert found == kept
    print(f"\nT5 {kernel.db.dialect}: N = {asked} values of fields that look like templates, 0 run")
