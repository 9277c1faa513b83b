"""Media types of files by their names, decided (pure).

The table is ours, not the machine's ``mime.types``, so that every node gives the same answer. Names are those of the IANA registry and
of the WHATWG MIME Sniffing Standard (JavaScript: RFC 9239); a few types that were never registered stand as everybody writes them.

Text says UTF-8. XML does not: RFC 7303 lets a charset overrule the document's own declaration, and its default is UTF-8 anyway.
JSON has no such parameter (RFC 8259 section 11). Compressed files are files (``.gz``), never a Content-Encoding.
"""

from itertools import chain

UNKNOWN = b"application/octet-stream"
_TEXT = b"text/plain; charset=utf-8"

_EXTENSIONS_OF = {
    # pages
    b"text/html; charset=utf-8": "html htm",
    b"application/xhtml+xml": "xhtml xht",
    b"text/css; charset=utf-8": "css",
    b"text/javascript; charset=utf-8": "js mjs cjs",
    b"application/wasm": "wasm",
    b"application/manifest+json": "webmanifest",
    # data
    b"application/json": "json map topojson har ipynb",
    b"application/ld+json": "jsonld",
    b"application/geo+json": "geojson",
    b"application/jsonl": "jsonl ndjson",
    b"application/xml": "xml xsl xsd",
    b"application/xslt+xml": "xslt",
    b"application/rdf+xml": "rdf owl",
    b"application/rss+xml": "rss",
    b"application/atom+xml": "atom",
    b"application/opensearchdescription+xml": "osdx",
    b"application/gpx+xml": "gpx",
    b"application/vnd.google-earth.kml+xml": "kml",
    b"application/yaml": "yaml yml",
    b"application/toml": "toml",
    b"application/sql": "sql",
    b"application/vnd.sqlite3": "sqlite sqlite3",
    b"application/vnd.apache.parquet": "parquet",
    b"application/vnd.apache.arrow.file": "arrow",
    b"application/pgp-signature": "asc sig",
    # text
    _TEXT: "txt text log conf ini rst diff patch sha256 py sh c h",
    b"text/markdown; charset=utf-8": "md markdown",
    b"text/csv; charset=utf-8": "csv",
    b"text/tab-separated-values; charset=utf-8": "tsv",
    b"text/calendar; charset=utf-8": "ics ifb",
    b"text/vcard; charset=utf-8": "vcf vcard",
    b"text/vtt; charset=utf-8": "vtt",
    b"text/turtle; charset=utf-8": "ttl",
    b"text/x-opml; charset=utf-8": "opml",
    b"application/x-subrip": "srt",
    # pictures
    b"image/svg+xml": "svg",
    b"image/png": "png",
    b"image/apng": "apng",
    b"image/jpeg": "jpg jpeg jpe jfif",
    b"image/gif": "gif",
    b"image/webp": "webp",
    b"image/avif": "avif",
    b"image/jxl": "jxl",
    b"image/heic": "heic",
    b"image/heif": "heif",
    b"image/bmp": "bmp",
    b"image/tiff": "tif tiff",
    b"image/vnd.microsoft.icon": "ico cur",
    b"image/vnd.adobe.photoshop": "psd",
    b"image/ktx2": "ktx2",
    # fonts
    b"font/woff2": "woff2",
    b"font/woff": "woff",
    b"font/ttf": "ttf",
    b"font/otf": "otf",
    b"font/collection": "ttc",
    b"application/vnd.ms-fontobject": "eot",
    # sound and film
    b"audio/mpeg": "mp3",
    b"audio/mp4": "m4a",
    b"audio/aac": "aac",
    b"audio/ogg": "ogg oga opus",
    b"audio/flac": "flac",
    b"audio/wav": "wav",
    b"audio/webm": "weba",
    b"audio/midi": "mid midi",
    b"video/mp4": "mp4 m4v",
    b"video/webm": "webm",
    b"video/ogg": "ogv",
    b"video/quicktime": "mov qt",
    b"video/matroska": "mkv",
    b"video/mp2t": "ts m2ts",
    b"video/mpeg": "mpeg mpg",
    b"video/3gpp": "3gp",
    b"video/x-msvideo": "avi",
    b"application/vnd.apple.mpegurl": "m3u8",
    b"application/dash+xml": "mpd",
    # models
    b"model/gltf-binary": "glb",
    b"model/gltf+json": "gltf",
    b"model/stl": "stl",
    b"model/obj": "obj",
    b"model/vnd.usdz+zip": "usdz",
    # documents
    b"application/pdf": "pdf",
    b"application/epub+zip": "epub",
    b"application/rtf": "rtf",
    b"application/postscript": "ps eps",
    b"application/msword": "doc",
    b"application/vnd.ms-excel": "xls",
    b"application/vnd.ms-powerpoint": "ppt",
    b"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    b"application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    # archives and programs
    b"application/gzip": "gz tgz",
    b"application/zip": "zip",
    b"application/zstd": "zst",
    b"application/x-bzip2": "bz2",
    b"application/x-xz": "xz",
    b"application/x-7z-compressed": "7z",
    b"application/x-tar": "tar",
    b"application/vnd.rar": "rar",
    b"application/java-archive": "jar",
    b"application/vnd.debian.binary-package": "deb",
    b"application/vnd.android.package-archive": "apk",
    b"application/vnd.microsoft.portable-executable": "exe dll",
    b"application/x-bittorrent": "torrent",
    b"application/x-x509-ca-cert": "crt",
    b"application/x-shockwave-flash": "swf",
}

_BY_EXTENSION = dict(chain.from_iterable(((e, kind) for e in names.split()) for kind, names in _EXTENSIONS_OF.items()))

_BY_NAME = {"apple-app-site-association": b"application/json"}

_CHALLENGES = ".well-known/acme-challenge/"  # RFC 8555 section 8.3: files named by a token alone


def media_type(path: str) -> bytes:
    """Give the Content-Type of the file at *path* of a manifest; the extension counts in any case of its letters.

    A name that only begins with a dot has no extension. What is not known is ``application/octet-stream``: with
    ``nosniff`` a browser then offers it for saving, and never runs it.
    """
    if path.startswith(_CHALLENGES):
        return _TEXT
    name = path.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    if stem:
        return _BY_EXTENSION.get(extension.lower(), UNKNOWN)
    return _BY_NAME.get(name, UNKNOWN)
