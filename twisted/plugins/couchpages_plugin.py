"""The dropin: tells ``twistd`` that ``couchpages`` exists, and imports nothing of it until it is asked for."""

from twisted.application.service import ServiceMaker

couchpages = ServiceMaker(
    "CouchDB Pages",
    "couchpages.tap",
    "Static sites, DNS and certificates on your own servers, from CouchDB.",
    "couchpages",
)
