"""Addresses that the studio listens on."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Tell whether an address is one that this machine alone can reach."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # some other name
        return False


def shown(host: str) -> str:
    """Return a host as it stands in an address: IPv6 goes into brackets."""
    return f"[{host}]" if ":" in host else host
