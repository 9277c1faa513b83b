"""A node with thousands of sites: what is told of each, and what that costs (one process of ours, a node's API)."""

import re
import time

from tests.integration.cases import NodeCase
from tests.integration.publisher import Publisher
from tests.integration.visitor import Visitor, fetch

SITES = 2000


class ManySites(NodeCase):
    """2,000 sites on a node of their own."""

    def test_metrics(self) -> None:
        """Each site has its own figures, hosts that are no sites share theirs, and visitors are served while all that is read."""
        node = self.new_node().start()
        sites = [f"s{number}.example" for number in range(SITES)]
        with Publisher(node) as publisher, Visitor(node.http) as visitor:
            for site in sites:
                publisher.deploy(site, {"index.html": b"hello", "404.html": b"no"})
            for turn, site in enumerate(sites):
                for _ in range(1 + turn % 3):
                    self.assertEqual(visitor.get(site, "/").body, b"hello")
                if turn % 2:
                    visitor.get(site, "/nowhere")
            for number in range(300):
                self.assertEqual(visitor.get(f"unknown{number}.example", "/").status, 404)
        text = fetch(node.api, "localhost", "/metrics").body.decode()
        self.assertEqual(text.count("# TYPE couchpages_site_responses_total counter"), 1)
        self.assertEqual(text.count("# TYPE couchpages_site_response_bytes_total counter"), 1)
        answers: dict[str, dict[str, int]] = {}
        pattern = r'(?m)^couchpages_site_responses_total\{site="([^"]*)",status="(\d+)",cache="[^"]*"\} (\d+)(?:\.0)?$'
        for site, status, number in re.findall(pattern, text):
            counts = answers.setdefault(site, {})
            counts[status] = counts.get(status, 0) + int(number)
        self.assertEqual(set(answers), {"", *sites})
        self.assertEqual(answers[""], {"404": 300})
        for turn, site in enumerate(sites):
            expected = {"200": 1 + turn % 3} | ({"404": 1} if turn % 2 else {})
            self.assertEqual(answers[site], expected, site)
        sizes = dict(re.findall(r'(?m)^couchpages_site_response_bytes_total\{site="([^"]*)"\} (\d+)', text))
        self.assertEqual(int(sizes["s1.example"]), 2 * len("hello") + len("no"))
        began = time.monotonic()
        with Visitor(node.http) as visitor:
            for _ in range(10):
                fetch(node.api, "localhost", "/metrics")
                self.assertEqual(visitor.get("s1.example", "/").status, 200)
        print(f"ten scrapes of {SITES} sites: {time.monotonic() - began:.2f} s")  # noqa: T201 -- to look at, not to assert
        self.assert_serving(node)
