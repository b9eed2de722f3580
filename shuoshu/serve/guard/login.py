"""How a browser shows its key: a form, or a link with `?key=`; either is exchanged for a cookie no script can read."""

from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, RedirectResponse, Response

from shuoshu.serve.guard.keys import Keys

STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.6 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 1rem }
form { display: grid; gap: .8rem; width: min(22rem, 100%) }
input, button { font: inherit; padding: .6rem .8rem; border: 1px solid #8888; border-radius: .5rem }
button { background: #8a3324; color: #fff; cursor: pointer }
p { margin: 0; color: light-dark(#b3261e, #ff8f84) }
"""
FORM = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>说书 Shuoshu</title>
<style>{style}</style></head>
<body><form method="post" action="login"><h1>说书 Shuoshu</h1>
<label for="key">请输入密钥 The key of this server</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
{wrong}<button>进入 Enter</button></form></body></html>
"""
WRONG = '<p role="alert">密钥不对 That is not the key.</p>'


def show_form(wrong: bool = False) -> Response:
    """The form; after a wrong key with status 403."""
    html = FORM.format(style=STYLE, wrong=WRONG if wrong else "")
    return HTMLResponse(html, 403 if wrong else 200, {"Cache-Control": "no-store"})


def take_form(body: bytes, keys: Keys, secure: bool) -> Response:
    """What the form sends: the cookie and the way to the page for a right key, the form again for a wrong one."""
    return let_in(parse_qs(body.decode("utf-8", "replace")).get("key", [""])[0].strip(), keys, secure)


def let_in(key: str, keys: Keys, secure: bool) -> Response:
    """The way to the page, without the key in the address; or the form."""
    if not keys.knows(key):
        return show_form(wrong=True)
    return RedirectResponse("/", 303, {"Set-Cookie": keys.cookie(key, secure), "Cache-Control": "no-store"})
