"""Many devices at once: each with a certificate of its own, connected over TLS, watched by one epoll."""
import concurrent.futures
import resource
import select
import socket
import ssl
import time

from .mqtt import connect_packet, packet, text


def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def device_context(files, version=None):
    """For one device; files: (chain, key)."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if files:
        c.load_cert_chain(*files)
    if version:
        c.minimum_version = c.maximum_version = version
    return c


class Member:
    """One connection. Reads whatever comes; PUBLISH payloads of QoS 0 are kept."""

    def __init__(self, port, client_id, files, sni, login=None, keep_alive=600):
        self.client_id, self.buffer, self.payloads, self.closed_at = client_id, b"", [], None
        raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.sock = device_context(files).wrap_socket(raw, server_hostname=sni)
        user = login and f"Signature|{login.key_id}|{login.instance}"
        self.sock.sendall(connect_packet(client_id, user, login and login.password(client_id), keep_alive=keep_alive))
        first = self.sock.recv(4)
        assert len(first) == 4 and first[0] == 0x20, first
        self.code = first[3]

    def subscribe(self, topic):
        self.sock.sendall(packet(0x82, b"\0\1" + text(topic) + b"\0"))
        answer = self.sock.recv(5)
        assert answer[:1] == b"\x90" and answer[4] == 0, answer

    def read(self):
        """False when the broker has closed it."""
        self.sock.setblocking(False)
        try:
            while True:
                got = self.sock.recv(65536)
                if not got:
                    return False
                self.buffer += got
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except OSError:
            return False
        finally:
            self._packets()
        return True

    def _packets(self):
        while len(self.buffer) >= 2 and len(self.buffer) >= 2 + self.buffer[1]:  # all of them are short
            body, kind = self.buffer[2:2 + self.buffer[1]], self.buffer[0]
            self.buffer = self.buffer[2 + len(body):]
            if kind >> 4 == 3:
                size = int.from_bytes(body[:2], "big")
                self.payloads.append(body[2 + size:])


class Crowd:
    def __init__(self):
        many_files()
        self.members, self.epoll = {}, select.epoll()

    def connect(self, make, count, threads=4):
        """`count` members by make(n)."""
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for m in pool.map(make, range(count)):
                self.members[m.sock.fileno()] = m
                self.epoll.register(m.sock.fileno(), select.EPOLLIN)
        return self

    def watch(self, seconds, until=lambda: False):
        """Reads from everybody, notes who is closed and when. Ends when until() is true."""
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            for fd, _ in self.epoll.poll(0.05):
                m = self.members[fd]
                if not m.read():
                    m.closed_at = time.monotonic()
                    self.epoll.unregister(fd)
        return until()

    def closed(self):
        return [m for m in self.members.values() if m.closed_at is not None]

    def close(self):
        self.epoll.close()
        for m in self.members.values():
            m.sock.close()
