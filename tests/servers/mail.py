"""A mail server for one test: aiosmtpd, which is not ours, with a handler that tells what it was given.

    mail.py plain|starttls|tls CERTIFICATE KEY [USER PASSWORD]

Says `ready PORT` on its output, then one JSON object for each mail that it took, read back by Python's own
`email`. With a user it takes mail only after a login. Recipients whose address begins with `nobody` are refused.
It ends when its input does.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# A client that goes away is what some tests are about.
logging.disable(logging.CRITICAL)

mode, certificate, key, *login = sys.argv[1:]


def say(text):
    print(text, flush=True)


def parts(message):
    leaves = [part for part in message.walk() if not part.is_multipart()]
    for part in leaves:
        content = part.get_content()
        text = content if isinstance(content, str) else content.decode("latin-1")
        yield {
            "type": part.get_content_type(),
            "name": part.get_filename(),
            "text": text.replace("\r\n", "\n"),
        }


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": mode == "tls" or session.ssl is not None,
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "headers": {name: str(value) for name, value in message.items()},
            "parts": list(parts(message)),
        }))
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    fits = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=fits, handled=fits, auth_data=data)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def session():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if mode == "starttls" else None,
            authenticator=authenticate,
            auth_required=bool(login),
            auth_require_tls=mode == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    say(f"ready {server.sockets[0].getsockname()[1]}")
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
