"""What peers serve with: one path, on a free port of loopback, that takes a JSON object and answers one."""

import datetime
import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Refused(Exception):
    """A request that cannot be answered, and why."""

    def __init__(self, reason, status=400):
        super().__init__(reason)
        self.status = status


def plain(value):
    """What JSON has no form for: dates and times in ISO 8601, exact numbers as text."""
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else str(value)


def serve(path, answer):
    """Answers each POST to `path` with what `answer` makes of its body. Writes the port to standard output once it listens."""

    class Handler(BaseHTTPRequestHandler):
        # Header and body leave in one piece.
        wbufsize = -1

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                if self.path != path:
                    raise Refused(f"no such path: {self.path}", 404)
                self.respond(200, answer(request))
            except Refused as refused:
                self.respond(refused.status, {"error": str(refused)})

        def respond(self, status, body):
            body = json.dumps(body, default=plain).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
