"""Who visits, when proxies stand in front."""

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.message import Headers, RequestHead
from couchpages.web.proxies import Client, client_of

TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def request(peer: str, *fields: tuple[bytes, bytes], scheme: str = "http") -> RequestHead:
    """Give a request's head."""
    return RequestHead(b"GET", b"/", b"HTTP/1.1", Headers(fields), peer, scheme)


def forwarded(*values: str) -> tuple[tuple[bytes, bytes], ...]:
    """Give a field X-Forwarded-For for each value."""
    return tuple((b"x-forwarded-for", value.encode()) for value in values)


addresses = st.one_of(st.ip_addresses().map(str), st.ip_addresses(network="10.0.0.0/8").map(str))
texts = st.one_of(
    addresses, st.text(st.characters(codec="latin-1"), max_size=20), st.sampled_from(["", "unknown", "[::1]:80"])
)


class Clients(SynchronousTestCase):
    """``client_of``."""

    def test_table(self) -> None:
        """What is believed, and what not."""
        for peer, fields, address in [
            ("192.0.2.1", forwarded("198.51.100.1"), "192.0.2.1"),
            ("10.1.1.1", (), "10.1.1.1"),
            ("10.1.1.1", forwarded("198.51.100.1"), "198.51.100.1"),
            ("::ffff:10.1.1.1", forwarded("198.51.100.1"), "198.51.100.1"),
            ("fd00::1", forwarded("2001:db8::1"), "2001:db8::1"),
            ("10.1.1.1", forwarded("1.1.1.1, 198.51.100.1"), "198.51.100.1"),
            ("10.1.1.1", forwarded("1.1.1.1", "198.51.100.1, 10.2.2.2"), "198.51.100.1"),
            ("10.1.1.1", forwarded("10.3.3.3, 10.2.2.2"), "10.3.3.3"),
            ("10.1.1.1", forwarded("198.51.100.1:4711"), "198.51.100.1"),
            ("10.1.1.1", forwarded("[2001:db8::1]:4711"), "2001:db8::1"),
            ("10.1.1.1", forwarded("::ffff:198.51.100.1"), "198.51.100.1"),
            ("10.1.1.1", forwarded("198.51.100.1, unknown, 10.2.2.2"), "10.2.2.2"),
            ("10.1.1.1", forwarded("198.51.100.1,, "), "198.51.100.1"),
            ("10.1.1.1", forwarded("'; drop table"), "10.1.1.1"),
            ("", forwarded("198.51.100.1"), ""),
        ]:
            with self.subTest(peer=peer, fields=fields):
                self.assertEqual(client_of(request(peer, *fields), TRUSTED).address, address)

    def test_scheme(self) -> None:
        """The nearest trusted proxy tells the scheme; anything but http and https is nothing."""
        for value, scheme in [(b"https", "https"), (b"http, HTTPS", "https"), (b"ftp", "http"), (b"", "http")]:
            head = request("10.1.1.1", (b"x-forwarded-proto", value))
            self.assertEqual(client_of(head, TRUSTED).scheme, scheme)
        self.assertEqual(client_of(request("192.0.2.1", (b"x-forwarded-proto", b"https")), TRUSTED).scheme, "http")

    def test_ipv4_on_an_ipv6_socket(self) -> None:
        """A visitor of IPv4 on a socket for both is told by the IPv4 address."""
        self.assertEqual(client_of(request("::ffff:192.0.2.1"), ()), Client("192.0.2.1", "http"))

    @settings(deadline=None)
    @given(addresses, st.lists(texts, max_size=5), texts)
    def test_nobody_trusted(self, peer: str, hops: list[str], proto: str) -> None:
        """Whom nobody trusts cannot say anything."""
        fields = ((b"x-forwarded-for", ", ".join(hops).encode("utf-8")), (b"x-forwarded-proto", proto.encode("utf-8")))
        found = client_of(request(peer, *fields, scheme="https"), ())
        self.assertEqual(found, client_of(request(peer, scheme="https"), ()))

    @settings(deadline=None)
    @given(
        st.lists(texts, max_size=5),
        st.ip_addresses(network="192.0.2.0/24").map(str),
        st.lists(st.ip_addresses(network="10.0.0.0/8").map(str), max_size=3),
    )
    def test_what_a_visitor_writes(self, written: list[str], visitor: str, proxies: list[str]) -> None:
        """Whatever a visitor wrote into the field, the address that the first trusted proxy saw is told."""
        field = ",".join([*written, visitor, *proxies]).encode("utf-8")
        self.assertEqual(client_of(request("10.9.9.9", (b"x-forwarded-for", field)), TRUSTED).address, visitor)

    @settings(deadline=None)
    @given(texts, st.lists(texts, max_size=5))
    def test_always_an_address(self, peer: str, hops: list[str]) -> None:
        """What is told is the peer, or an address."""
        address = client_of(request(peer, *forwarded(*hops)), TRUSTED).address
        if address != peer:
            ipaddress.ip_address(address)
