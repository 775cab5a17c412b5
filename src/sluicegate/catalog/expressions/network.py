"""Whether a text is a network address: what inet_in and cidr_in say of it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from sluicegate.catalog.expressions.meaning import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

_IPV4 = re.compile(r"(\d{1,3}(?:\.\d{1,3})*)(?:/(\d{1,2}))?")


def check_network(text: str, name: str, refused: Invalid) -> None:
    """Refuse a text that is no ``inet`` or ``cidr``.

    Source: PostgreSQL 18 manual, 8.9; a ``cidr`` may leave out octets at the end.

    Raises:
        Invalid: ``refused``, or the network has bits to the right of its mask (22P02).
    """
    if ":" in text:
        try:
            address = ipaddress.ip_interface(text)
        except ValueError:
            raise refused from None
        if name == "cidr" and address.ip != address.network.network_address:
            raise Invalid("22P02", f'invalid cidr value: "{text}"')
        return
    found = _IPV4.fullmatch(text)
    if found is None:
        raise refused
    octets = [int(part) for part in found[1].split(".")]
    few = len(octets) < 4 and name == "inet"
    if few or len(octets) > 4 or max(octets) > 255 or (found[2] is not None and int(found[2]) > 32):
        raise refused
    if name == "cidr" and found[2] is not None and _has_host(octets, int(found[2])):
        raise Invalid("22P02", f'invalid cidr value: "{text}"')


def _has_host(octets: Sequence[int], length: int) -> bool:
    number = int.from_bytes(bytes([*octets, 0, 0, 0, 0][:4]), "big")
    return number & ((1 << (32 - length)) - 1) != 0
