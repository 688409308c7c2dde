"""TLS clients that misbehave: what Python's ssl module does not offer is done on libssl itself."""
import contextlib
import ctypes
import resource
import socket
import ssl

from .mqtt import tls_context


def client_hello(sni="raw.example.com", version=None):
    """The bytes of a real ClientHello, with the record's header."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context(version=version).wrap_bio(incoming, outgoing, server_hostname=sni)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def connected(port, source=None, timeout=20):
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=source and (source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def ended(s, timeout):
    """True when the other side ends the connection within the time; what it still sends is read away."""
    s.settimeout(timeout)
    try:
        while s.recv(65536):
            pass
        return True
    except (TimeoutError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def room_for_descriptors(count):
    """Makes sure that this process, and what it starts, may open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= count, f"RLIMIT_NOFILE is {hard} here, {count} are needed"
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


class OpenSsl:
    """The few functions of libssl that are called here."""
    CTRL_SET_TLSEXT_HOSTNAME, CTRL_SET_MIN, CTRL_SET_MAX, CTRL_MODE = 55, 123, 124, 33
    AUTO_RETRY, TLS_1_3, KEY_UPDATE, KEY_UPDATE_REQUESTED = 4, 0x0304, 0, 1
    EARLY_NOT_SENT, EARLY_REJECTED, EARLY_ACCEPTED = 0, 1, 2

    def __init__(self):
        self.lib = ctypes.CDLL("libssl.so.3")
        p, i, u = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32
        for name, result, arguments in [
                ("TLS_client_method", p, []), ("SSL_CTX_new", p, [p]), ("SSL_CTX_free", None, [p]), ("SSL_new", p, [p]),
                ("SSL_free", None, [p]), ("SSL_set_fd", i, [p, i]), ("SSL_connect", i, [p]), ("SSL_do_handshake", i, [p]),
                ("SSL_read", i, [p, p, i]), ("SSL_write", i, [p, p, i]), ("SSL_key_update", i, [p, i]),
                ("SSL_ctrl", ctypes.c_long, [p, i, ctypes.c_long, p]), ("SSL_get1_session", p, [p]), ("SSL_set_session", i, [p, p]),
                ("SSL_SESSION_free", None, [p]), ("SSL_SESSION_is_resumable", i, [p]), ("SSL_SESSION_get_max_early_data", u, [p]),
                ("SSL_SESSION_set_max_early_data", i, [p, u]), ("SSL_get_early_data_status", i, [p]),
                ("SSL_write_early_data", i, [p, p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)]),
                ("SSL_session_reused", i, [p])]:
            f = getattr(self.lib, name)
            f.restype, f.argtypes = result, arguments

    def __getattr__(self, name):
        return getattr(self.lib, "SSL_" + name)


class RawClient:
    """A blocking TLS 1.3 client on libssl."""

    def __init__(self, port, sni, session=None):
        self.openssl = OpenSsl()
        self.sock = connected(port)
        self.sock.settimeout(None)  # libssl reads and writes it: it must block
        self.ctx = self.openssl.CTX_new(self.openssl.lib.TLS_client_method())
        self.ssl = self.openssl.new(self.ctx)
        for command, value, text in [(OpenSsl.CTRL_SET_TLSEXT_HOSTNAME, 0, sni.encode()), (OpenSsl.CTRL_SET_MIN, OpenSsl.TLS_1_3, None),
                                     (OpenSsl.CTRL_SET_MAX, OpenSsl.TLS_1_3, None)]:
            assert self.openssl.ctrl(self.ssl, command, value, text) == 1
        assert self.openssl.set_fd(self.ssl, self.sock.fileno()) == 1
        assert session is None or self.openssl.set_session(self.ssl, session) == 1

    def shake(self):
        assert self.openssl.connect(self.ssl) == 1

    def send(self, raw):
        assert self.openssl.write(self.ssl, raw, len(raw)) == len(raw)

    def receive(self, count):
        room, got = ctypes.create_string_buffer(count), b""
        while len(got) < count:
            n = self.openssl.read(self.ssl, room, count - len(got))
            if n <= 0:
                raise EOFError(got)
            got += room.raw[:n]
        return got

    def update_key(self, requested=False):
        """False when the connection has ended."""
        kind = OpenSsl.KEY_UPDATE_REQUESTED if requested else OpenSsl.KEY_UPDATE
        return self.openssl.key_update(self.ssl, kind) == 1 and self.openssl.do_handshake(self.ssl) == 1

    def send_early(self, raw):
        done = ctypes.c_size_t()
        assert self.openssl.write_early_data(self.ssl, raw, len(raw), ctypes.byref(done)) == 1 and done.value == len(raw)

    def close(self):
        self.openssl.free(self.ssl)
        self.openssl.CTX_free(self.ctx)
        self.sock.close()
