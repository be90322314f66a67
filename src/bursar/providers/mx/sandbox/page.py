"""What does a person see who opens the address of a widget?"""

import json
from html import escape

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Connect (simulated)</title></head>
<body><h1>Connect a bank (simulated)</h1>{message}{content}</body></html>
"""
_FORM = """<form method="post">
<p><label>Institution <input name="institution" value="mxbank"></label></p>
<p><label>User name <input name="username" value="user_good"></label></p>
<p><label>Password <input name="password" type="password"></label></p>
<p><button>Sign in</button></p></form>
"""


def render_page(user_guid: str, *, member_guid: str | None = None, message: str = "") -> bytes:
    """The form, or, once somebody has signed in, the event that the page around it waits for."""
    content = "" if message else _FORM
    if member_guid is not None:
        event = {
            "mx": True,
            "type": "mx/connect/memberConnected",
            "metadata": {"user_guid": user_guid, "member_guid": member_guid},
        }
        content = (
            f"<p>Connected. The member is <code>{escape(member_guid)}</code>.</p>"
            f"<script>window.parent.postMessage({json.dumps(event)}, '*')</script>"
        )
    note = f"<p role='alert'>{escape(message)}</p>" if message else ""
    return _PAGE.format(message=note, content=content).encode()
