"""Adds TLS, users and roles to an Elasticsearch that has none; for scripts/e2e.sh --tls.

Reads the settings of compose.tls.yml and imitates the security features that Pulso meets: certificates, wrong
or missing passwords, users and roles created over HTTP, and privileges by index name. Not for production: it
has no limits and stores passwords in clear text.
"""

import base64
import fnmatch
import gzip
import http.client
import json
import os
import re
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = "/usr/share/elasticsearch/config/"
BACKEND = ("127.0.0.1", int(os.environ["http.port"]))
# The cluster privilege that a request needs, by the first part of its path; for requests that name no index.
CLUSTER = {
    "": "monitor",
    "_cat": "monitor",
    "_cluster": "monitor",
    "_nodes": "monitor",
    "_index_template": "manage_index_templates",
}
# These requests name their indices in the body, or carry an id that only an authorized reader has.
NAMED_INSIDE = ("_bulk", "_mget", "_search", "_pit", "_aliases")
NAMES = re.compile(rb'"(?:_index|index|alias)"\s*:\s*"([^"]+)"')

# Users and roles survive a restart, as real ones do.
KEPT = "/usr/share/elasticsearch/data/proxy.json"
USERS, ROLES = {}, {}
if os.path.exists(KEPT):
    with open(KEPT) as file:
        USERS, ROLES = json.load(file)
with open(os.environ["ELASTIC_PASSWORD_FILE"]) as file:
    USERS["elastic"] = {"password": file.read().strip(), "roles": ["superuser"]}
# The real user has fewer rights, but enough for everything Kibana does. Until it has a password, nobody can
# log in as it.
USERS.setdefault("kibana_system", {"password": None, "roles": ["superuser"]})


class Refused(Exception):
    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status
        self.reason = reason


def user_of(header, path):
    """Authenticates the request and returns the name of its user."""
    if not header:
        raise Refused(401, f"missing authentication credentials for REST request [{path}]")
    name, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    if USERS.get(name, {}).get("password") != password:
        raise Refused(401, f"unable to authenticate user [{name}] for REST request [{path}]")
    return name


def authorize(name, method, path, body):
    """Refuses the request unless a role of the user allows it."""
    roles = USERS[name]["roles"]
    if "superuser" in roles:
        return
    first = path.split("?")[0].split("/")[1]
    cluster = {right for role in roles for right in ROLES[role].get("cluster", [])}
    patterns = [
        pattern
        for role in roles
        for rule in ROLES[role].get("indices", [])
        if "all" in rule["privileges"]
        for pattern in rule["names"]
    ]
    if first in NAMED_INSIDE:
        names = [found.decode() for found in NAMES.findall(body)]
    elif first in CLUSTER:
        names = []
        if CLUSTER[first] not in cluster:
            raise Refused(403, f"action [{method} {path}] is unauthorized for user [{name}]")
    else:
        names = first.split(",")
    for index in names:
        if not any(fnmatch.fnmatchcase(index, pattern) for pattern in patterns):
            reason = f"action [{method}] is unauthorized for user [{name}] on indices [{index}]"
            raise Refused(403, reason)


def secure(method, path, body):
    """Implements the part of the security API that compose.tls.yml uses."""
    kind, name, *rest = path.removeprefix("/_security/").split("/")
    if (method, kind, rest) == ("PUT", "role", []):
        ROLES[name] = json.loads(body)
    elif (method, kind, rest) == ("PUT", "user", []):
        user = json.loads(body)
        USERS[name] = {"password": user["password"], "roles": user["roles"]}
    elif (method, kind, rest) == ("POST", "user", ["_password"]) and name in USERS:
        USERS[name]["password"] = json.loads(body)["password"]
    else:
        raise Refused(400, f"no handler found for uri [{path}] and method [{method}]")
    with open(KEPT, "w") as file:
        json.dump((USERS, ROLES), file)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Send small answers at once.
    disable_nagle_algorithm = True

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for key, value in headers:
            if key.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(key, value)
        if self.command != "HEAD":
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self, body):
        backend = http.client.HTTPConnection(*BACKEND, timeout=120)
        headers = {key: value for key, value in self.headers.items() if key.lower() != "authorization"}
        backend.request(self.command, self.path, body, headers)
        response = backend.getresponse()
        self.answer(response.status, response.getheaders(), response.read())
        backend.close()

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            # While the server is starting, answer 503 rather than ask for a password.
            socket.create_connection(BACKEND).close()
            name = user_of(self.headers.get("authorization"), self.path)
            plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            authorize(name, self.command, self.path, plain)
            if self.path.startswith("/_security/"):
                secure(self.command, self.path, body)
                self.answer(200, [], b"{}")
            else:
                self.forward(body)
        except (Refused, ConnectionError) as error:
            status = getattr(error, "status", 503)
            cause = {"type": "security_exception", "reason": str(error)}
            failure = {"error": {"root_cause": [cause], **cause}, "status": status}
            self.answer(status, [("content-type", "application/json")], json.dumps(failure).encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def finish_request(self, request, client_address):
        # Handshake in the connection's own thread, so that a slow client holds up nobody else.
        with TLS.wrap_socket(request, server_side=True) as encrypted:
            super().finish_request(encrypted, client_address)

    def handle_error(self, request, client_address):
        print(f"proxy: {client_address[0]}: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)


TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TLS.load_cert_chain(
    CONFIG + os.environ["xpack.security.http.ssl.certificate"],
    CONFIG + os.environ["xpack.security.http.ssl.key"],
)
Server(("0.0.0.0", 9200), Handler).serve_forever()
