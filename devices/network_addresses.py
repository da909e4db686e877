"""Network addresses that share a cap."""

from ipaddress import IPv6Address, ip_address, ip_network


def address_neighbourhood(address: str) -> str:
    """Whom an address stands for: of IPv6 the network of 64 bits, in which one household has all the addresses."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    return str(known.ipv4_mapped or ip_network((int(known), 64), strict=False))
