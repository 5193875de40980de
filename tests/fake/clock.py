"""Times as the two services write them."""

from __future__ import annotations

import datetime
import time


def milliseconds() -> str:
    """Now in milliseconds since 1970, as text: a 64-bit integer in Google's JSON."""
    return str(int(time.time() * 1000))


def rfc3339() -> str:
    """Now in UTC with milliseconds."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
