"""Probes: only nodes can answer them, and their answers are good for nothing else."""

from hashlib import blake2b

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.shown.probes import is_probe, probe_answer, probe_token, proves
from tests.certs.made import KEY, OTHER_KEY

NONCE = "abcDEF0123456789-_xy"
TOKEN = probe_token(NONCE)
HOST = "blog.example.org"
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def nonces() -> st.SearchStrategy[str]:
    """Give nonces."""
    return st.text(BASE64URL, min_size=16, max_size=64)


class ProbeTests(SynchronousTestCase):
    """``probe_token``, ``is_probe``, ``probe_answer`` and ``proves``."""

    @given(nonces())
    @settings(deadline=None)
    def test_tokens(self, nonce: str) -> None:
        """Every nonce gives a token, and what it answers proves it."""
        token = probe_token(nonce)
        self.assertTrue(is_probe(token))
        self.assertTrue(proves(HOST, token, probe_answer(HOST, token, KEY), [KEY]))

    def test_other_nonces(self) -> None:
        """What is too short, too long, or no base64url, is none, so that no token leads out of its folder or breaks a line."""
        for nonce in ("", "x" * 15, "x" * 65, "x" * 16 + "/", "../" * 8, "x" * 16 + "\n", "ü" * 16, "x" * 16 + "="):
            self.assertRaises(ValueError, probe_token, nonce)
            self.assertFalse(is_probe(f"couchpages-{nonce}"))
            self.assertRaises(ValueError, probe_answer, HOST, f"couchpages-{nonce}", KEY)
        self.assertFalse(is_probe("DGyRejmCefe7v4NfDGDKfA"))
        self.assertFalse(is_probe(f"x{TOKEN}"))

    def test_any_key(self) -> None:
        """An answer under any of the checker's keys counts; one under another key does not."""
        answer = probe_answer(HOST, TOKEN, OTHER_KEY)
        self.assertTrue(proves(HOST, TOKEN, answer, [KEY, OTHER_KEY]))
        self.assertFalse(proves(HOST, TOKEN, answer, [KEY]))
        self.assertFalse(proves(HOST, TOKEN, answer, []))

    def test_form(self) -> None:
        """A host's case and final dot, and white space behind the answer, mean nothing."""
        answer = probe_answer("Blog.Example.ORG.", TOKEN, KEY)
        self.assertTrue(proves(HOST, TOKEN, answer + b"\r\n", [KEY]))
        self.assertFalse(proves(HOST, TOKEN, b" " + answer, [KEY]))
        self.assertFalse(proves(HOST, "no-probe", answer, [KEY]))

    @given(st.text(max_size=40), nonces(), st.binary(max_size=120))
    @settings(deadline=None)
    def test_bound(self, host: str, nonce: str, body: bytes) -> None:
        """No other host's or nonce's answer proves anything, and nothing else does."""
        asked = (host.lower().removesuffix("."), nonce)
        if asked != (HOST, NONCE):
            self.assertFalse(proves(HOST, TOKEN, probe_answer(host, probe_token(nonce), KEY), [KEY]))
        self.assertFalse(proves(HOST, TOKEN, body, [KEY]))

    @given(st.text(max_size=40), nonces())
    @settings(deadline=None)
    def test_no_key_authorization(self, host: str, nonce: str) -> None:
        """An answer never begins as the key authorization for its token would (RFC 8555 section 8.1)."""
        token = probe_token(nonce)
        self.assertFalse(probe_answer(host, token, KEY).startswith(token.encode()))

    def test_own_domain(self) -> None:
        """It is not what the key's id, or BLAKE2b without our name for this, gives: an answer tells nothing that is used elsewhere."""
        digest = probe_answer(HOST, TOKEN, KEY).decode().partition(".")[2]
        asked = f'["{HOST}","{NONCE}"]'.encode()
        same = blake2b(asked, digest_size=32, key=KEY.secret, person=b"couchpages probe").hexdigest()
        others = [
            blake2b(asked, digest_size=32, key=KEY.secret).hexdigest(),
            blake2b(asked, digest_size=32, key=KEY.secret, person=b"couchpages key").hexdigest(),
            blake2b(KEY.secret, digest_size=32, person=b"couchpages key").hexdigest(),
        ]
        self.assertEqual(digest, same)
        self.assertNotIn(digest, others)
        self.assertNotIn(KEY.secret.hex(), digest)
