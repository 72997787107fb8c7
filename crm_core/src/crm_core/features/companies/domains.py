"""Domains of companies: what is kept of an address, and which domains belong to nobody in particular."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
LONGEST = 253  # characters of a domain name, RFC 1035

_FREE = """
126.com 163.com 1und1.de abv.bg aim.com alice.it aliceadsl.fr aol.com aol.de arcor.de att.net bellsouth.net
bigpond.com bk.ru bluewin.ch bol.com.br btinternet.com centrum.cz charter.net chello.at comcast.net cox.net daum.net
duck.com earthlink.net eircom.net email.de fastmail.com fastmail.fm foxmail.com free.fr freemail.hu freenet.de
gawab.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com gotmail.com hanmail.net hey.com hispeed.ch
hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.lv inbox.ru
interia.pl kabelmail.de laposte.net libero.it list.ru live.co.uk live.com live.de live.fr live.nl lycos.com mac.com
mail.com mail.de mail.ru mailbox.org me.com msn.com naver.com netcologne.de netscape.net ntlworld.com o2.pl onet.pl
online.de optonline.net orange.fr outlook.at outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de posteo.net
proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com riseup.net rocketmail.com rogers.com sapo.pt
sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com spamgourmet.com sympatico.ca t-online.de talktalk.net
telenet.be telia.com terra.com.br tin.it tiscali.it tuta.com tuta.io tutanota.com tutanota.de ukr.net uol.com.br
verizon.net vip.qq.com virgilio.it virginmedia.com vodafone.de wanadoo.fr web.de wp.pl xs4all.nl xtra.co.nz yahoo.ca
yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.in yahoo.it yandex.com
yandex.ru yeah.net ymail.com zoho.com zohomail.eu
"""
FREE = frozenset(_FREE.split())
"""Providers at which anybody may have a mailbox: an address there says nothing about a company."""


def domain_of(text: str) -> str | None:
    """Return the bare domain of a domain, web address or e-mail address, as it is stored and looked up.

    Lower case, without "www.", port and path; other scripts in their ASCII form (RFC 3490), so that "müller.de"
    and "muller.de" stay two. None for what is no domain, addresses of machines included.
    """
    plain = text.strip().lower()
    try:
        whole = plain if "://" in plain else f"//{plain.rpartition('@')[2]}"
        host = (urlsplit(whole).hostname or "").strip(".").removeprefix("www.")
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except (ValueError, UnicodeError):
        return None
    labels = host.split(".")
    fits = len(labels) > 1 and len(host) <= LONGEST and all(LABEL.fullmatch(part) for part in labels)
    return host if fits and not labels[-1].isdigit() else None


def is_free_mail(domain: str) -> bool:
    """Return whether a domain, as `domain_of` gives it, is one at which anybody may have a mailbox."""
    return domain in FREE
