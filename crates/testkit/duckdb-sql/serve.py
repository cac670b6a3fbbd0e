"""DuckDB over files as tables, behind the endpoint of the predecessor: `serve.py SCHEMA.TABLE=FILE...`.

Takes a free port on loopback and writes it to standard output once it listens. `POST /query` with `sql` answers `columns`, each with
`name` and `type`, `rows` and `row_count`: exact numbers as text, dates and times in ISO 8601. Of a CSV file all columns are text.
"""

import datetime
import decimal
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import duckdb

database = duckdb.connect()
for table in sys.argv[1:]:
    name, file = table.split("=", 1)
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
    reader = "read_csv(?, all_varchar = true)" if file.endswith(".csv") else "read_parquet(?)"
    database.execute(f"CREATE TABLE {name} AS SELECT * FROM {reader}", [file])


def plain(value):
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, decimal.Decimal) else value


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/query":
            return self.answer(404, {"error": f"no such path: {self.path}"})
        try:
            rows = database.execute(request["sql"]).fetchall()
        except duckdb.Error as error:
            return self.answer(400, {"error": str(error)})
        columns = [{"name": column[0], "type": str(column[1])} for column in database.description]
        rows = [[plain(value) for value in row] for row in rows]
        self.answer(200, {"columns": columns, "rows": rows, "row_count": len(rows)})

    def answer(self, status, body):
        body = json.dumps(body).encode()
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
