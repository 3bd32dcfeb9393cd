"""Protocols: one TOML an anatomy, every number with unit and source."""

from marrowsignal.protocol.loader import choose_protocol_name, load_protocol, protocol_names, protocol_sha256
from marrowsignal.protocol.schema import Protocol, Quantity, Range

__all__ = [
    "Protocol",
    "Quantity",
    "Range",
    "choose_protocol_name",
    "load_protocol",
    "protocol_names",
    "protocol_sha256",
]
