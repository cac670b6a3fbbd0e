"""DuckDB over files as tables, behind the endpoint of the predecessor: `serve.py SCHEMA.TABLE=FILE...`.

Takes a free port on loopback and writes it to standard output once it listens. `POST /query` with `sql` answers `columns`, each with
`name` and `type`, `rows` and `row_count`: exact numbers as text, dates and times in ISO 8601. Of a CSV file all columns are text.
"""

import sys
from pathlib import Path

import duckdb

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parent.parent))
from peer_http import Refused, serve

database = duckdb.connect()
for table in sys.argv[1:]:
    name, file = table.split("=", 1)
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
    reader = "read_csv(?, all_varchar = true)" if file.endswith(".csv") else "read_parquet(?)"
    database.execute(f"CREATE TABLE {name} AS SELECT * FROM {reader}", [file])


def query(request):
    try:
        rows = database.execute(request["sql"]).fetchall()
    except duckdb.Error as error:
        raise Refused(str(error)) from error
    columns = [{"name": column[0], "type": str(column[1])} for column in database.description]
    return {"columns": columns, "rows": rows, "row_count": len(rows)}


serve("/query", query)
