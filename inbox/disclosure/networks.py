"""Which network an address belongs to, as far as its channel tells: what is counted besides the address itself. Pure."""

from __future__ import annotations

import ipaddress
import re

from inbox.message import ContactPoint

#: Anybody has an address there: the domain says nothing of who writes, and a limit on it would stop everybody.
PUBLIC_MAIL = frozenset(["gmail.com", "googlemail.com", "msn.com", "ymail.com", "rocketmail.com", "aol.com", "aol.de", "aim.com", "icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "pm.me", "tuta.com", "tuta.io", "tutanota.com", "mail.com", "zoho.com", "zohomail.com", "fastmail.com", "fastmail.fm", "hey.com", "hushmail.com", "comcast.net", "verizon.net", "att.net", "sbcglobal.net", "bellsouth.net", "cox.net", "charter.net", "earthlink.net", "juno.com", "optonline.net", "frontier.com", "centurylink.net", "roadrunner.com", "windstream.net", "rogers.com", "shaw.ca", "sympatico.ca", "telus.net", "videotron.ca", "btinternet.com", "sky.com", "virginmedia.com", "ntlworld.com", "talktalk.net", "blueyonder.co.uk", "bigpond.com", "optusnet.com.au", "xtra.co.nz", "web.de", "t-online.de", "freenet.de", "arcor.de", "mail.de", "posteo.de", "mailbox.org", "bluewin.ch", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "neuf.fr", "libero.it", "virgilio.it", "tiscali.it", "alice.it", "tin.it", "ziggo.nl", "kpnmail.nl", "telenet.be", "skynet.be", "mail.ru", "inbox.ru", "list.ru", "bk.ru", "rambler.ru", "ukr.net", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "seznam.cz", "abv.bg", "qq.com", "163.com", "126.com", "sina.com", "naver.com", "hanmail.net", "daum.net", "rediffmail.com", "uol.com.br", "bol.com.br", "terra.com.br", "ig.com.br", "globo.com", "globomail.com", "r7.com", "oi.com.br", "zipmail.com.br", "sapo.pt", "telefonica.net", "terra.es", "terra.com", "prodigy.net.mx", "infinitum.com.mx", "fibertel.com.ar", "arnet.com.ar", "speedy.com.ar", "ciudad.com.ar"])  # fmt: skip
#: Houses with a domain in many countries: yahoo.com, yahoo.de, yahoo.co.uk, yahoo.com.br.
_PUBLIC_HOUSES = frozenset(("yahoo", "hotmail", "outlook", "live", "gmx", "yandex"))
_COUNTRY = re.compile(r"(?:com|net)|(?:(?:com|co|ne)\.)?[a-z]{2}")
_PHONE_TAIL = 4  # digits of one block of numbers


def of_client(address: str) -> str:
    """The neighbourhood of an internet address: ``203.0.113.0/24`` or ``2001:db8:1::/48``; ``""`` if it is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def of_point(point: ContactPoint, client: str = "") -> str:
    """A phone's block of numbers, a mail's domain, a chat's ``client`` network; ``""`` where that tells nothing."""
    if point.kind == "phone":
        return f"phone:{point.value[:-_PHONE_TAIL]}" if len(point.value) > _PHONE_TAIL + 3 else ""
    if point.kind == "email":
        domain = point.value.rpartition("@")[2].lower()
        return f"mail:{domain}" if domain and not is_public_mail(domain) else ""
    return f"ip:{client}" if client else ""


def is_public_mail(domain: str) -> bool:
    """Whether anybody may have an address at this domain; ``domain`` in lower case. ``live.books.example`` is no such house."""
    house, _, rest = domain.partition(".")
    return domain in PUBLIC_MAIL or (house in _PUBLIC_HOUSES and _COUNTRY.fullmatch(rest) is not None)
