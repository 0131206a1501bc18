"""Which network an address belongs to, as far as its channel tells: what is counted besides the address itself. Pure."""

from __future__ import annotations

import ipaddress

from inbox.message import ContactPoint

#: Anybody has an address there: the domain says nothing of who writes, and a limit on it would stop everybody.
PUBLIC_MAIL = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com", "aol.com",
    "icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "gmx.com", "gmx.net", "mail.com", "zoho.com", "uol.com.br",
    "bol.com.br", "terra.com.br", "yahoo.com.br", "yahoo.es", "hotmail.es", "fastmail.com", "comcast.net", "verizon.net", "att.net",
})  # fmt: skip
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
        return f"mail:{domain}" if domain and domain not in PUBLIC_MAIL else ""
    return f"ip:{client}" if client else ""
