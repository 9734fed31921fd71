"""What tests of several packages share: browsers that drive an application in process, and recording stores."""

from harness.browsers import ASGIBrowser, Response, WSGIBrowser
from harness.stores import AsyncRecordingStore, RecordingStore

__all__ = ["ASGIBrowser", "AsyncRecordingStore", "RecordingStore", "Response", "WSGIBrowser"]
