"""moto's S3 and IAM on loopback: `serve.py FOLDER PORT`, port 0 takes a free one.

Writes `PORT TLS_PORT` to standard output once it listens; the certificate of the second is FOLDER/localhost.crt.
Each port serves one request at a time: moto checks the condition of a put and stores in two steps, S3 does both in one.
"""

import sys
from pathlib import Path
from threading import Thread

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server, make_ssl_devcert

folder, port = Path(sys.argv[1]), int(sys.argv[2])
application = DomainDispatcherApplication(create_backend_app)
certificate = make_ssl_devcert(str(folder / "localhost"), host="localhost")
tls = make_server("127.0.0.1", 0, application, request_handler=MotoRequestHandler, ssl_context=certificate)
plain = make_server("127.0.0.1", port, application, request_handler=MotoRequestHandler)
Thread(target=tls.serve_forever, daemon=True).start()
print(plain.port, tls.port, flush=True)
plain.serve_forever()
