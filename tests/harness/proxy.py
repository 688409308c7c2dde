"""What a balancer says first: the PROXY protocol, versions 1 and 2, and clients that come behind it."""
import ipaddress
import socket
import struct

from .mqtt import Client, connect_packet, password, tls_context
from .raw_tls import connected
from .websocket import WebSocket

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v1(source, port=4711):
    family = "TCP4" if ipaddress.ip_address(source).version == 4 else "TCP6"
    to = "198.51.100.1" if family == "TCP4" else "2001:db8:ffff::1"
    return f"PROXY {family} {source} {to} {port} 8883\r\n".encode()


def v2(source=None, port=4711, command=1, tlvs=b"", family=None):
    """source None: LOCAL's or UNSPEC's, without addresses."""
    if source is None:
        addresses, code = b"", 0
    else:
        version = ipaddress.ip_address(source).version
        to = "198.51.100.1" if version == 4 else "2001:db8:ffff::1"
        addresses = b"".join(socket.inet_pton(socket.AF_INET if version == 4 else socket.AF_INET6, a) for a in (source, to))
        addresses, code = addresses + struct.pack(">HH", port, 8883), 0x11 if version == 4 else 0x21
    rest = addresses + tlvs
    return SIGNATURE + bytes([0x20 | command, code if family is None else family]) + struct.pack(">H", len(rest)) + rest


LOCAL, UNSPECIFIED, UNKNOWN = v2(command=0), v2(), b"PROXY UNKNOWN\r\n"


class Behind(Client):
    """An MQTT client whose balancer says `header` first. kind: mqtt, mqtts, ws, wss."""

    def __init__(self, port, header, client_id, login=None, kind="mqtt", sni=None, context=None, source=None):
        self.client_id, self.buffer, self.next_id, self.messages = client_id, b"", 0, []
        raw = connected(port, source)
        raw.sendall(header)
        self.sock = raw
        try:
            if kind in ("mqtts", "wss"):
                self.sock = (context or tls_context()).wrap_socket(raw, server_hostname=sni)
            if kind in ("ws", "wss"):
                self.sock = WebSocket(self.sock)
            user = pw = None
            if login:
                user, pw = f"Signature|{login[0]}|{login[2]}", password(login[1], client_id)
            self.send(connect_packet(client_id, user, pw))
            _, body = self.receive()
            self.session_present, self.code = body[0], body[1]
        except BaseException:
            raw.close()
            raise
