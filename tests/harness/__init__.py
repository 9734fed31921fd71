"""What tests of several packages share: browsers and sites in process, and recording stores."""

from harness.browsers import ASGIBrowser, Response, WSGIBrowser
from harness.sites import SECRET, SITES, ASGISite, Site, WSGISite, attributes, settle
from harness.stores import AsyncRecordingStore, RecordingStore

__all__ = [
    "SECRET",
    "SITES",
    "ASGIBrowser",
    "ASGISite",
    "AsyncRecordingStore",
    "RecordingStore",
    "Response",
    "Site",
    "WSGIBrowser",
    "WSGISite",
    "attributes",
    "settle",
]
