"""Rows that satisfy a condition, nearest to a vector: `serve.py ROWS ID_COLUMN VECTORS.npy`. DuckDB filters, numpy compares all that is left.

ROWS is a CSV or Parquet file; its rows have the vectors of the same numbers. Takes a free port on loopback and writes it to standard
output once it listens. `POST /vectors/hybrid` with `query_vector`, `k`, and perhaps `where`, an SQL expression, and `columns`, answers
`columns` and `rows`, each with `id`, `distance`, 1 - cosine, and `values`; nearest first, equal distances by id.
"""

import sys
from pathlib import Path

import duckdb
import numpy as np

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parent.parent))
from peer_http import Refused, serve


def unit(vectors):
    vectors = vectors.astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


file, id_column, vectors = sys.argv[1:]
vectors = unit(np.load(vectors))
# Leading zeros of an id count.
reader = f"read_csv(?, types = {{'{id_column}': 'VARCHAR'}})" if file.endswith(".csv") else "read_parquet(?)"
database = duckdb.connect()
database.execute(f"CREATE TABLE items AS SELECT * FROM {reader}", [file])
(count,) = database.execute("SELECT count(*) FROM items").fetchone()
if count != len(vectors):
    sys.exit(f"{count} rows and {len(vectors)} vectors")


def retrieve(request):
    columns = ", ".join(map(quoted, request["columns"])) if "columns" in request else "*"
    condition = f" WHERE ({request['where']})" if "where" in request else ""
    # A table that is written once keeps the order of the file: `rowid` is the number of the row.
    sql = f"SELECT rowid, CAST({quoted(id_column)} AS VARCHAR), {columns} FROM items{condition}"
    try:
        rows = database.execute(sql).fetchall()
    except duckdb.Error as error:
        raise Refused(str(error)) from error
    names = [column[0] for column in database.description[2:]]
    query = unit(np.array(request["query_vector"]))
    if query.shape != vectors.shape[1:]:
        raise Refused(f"the vector has {query.size} numbers, those of the rows {vectors.shape[1]}")
    distances = 1 - vectors[[row[0] for row in rows]] @ query
    nearest = sorted(zip(distances.tolist(), rows), key=lambda found: (found[0], found[1][1]))[: request["k"]]
    found = [
        {"id": row[1], "distance": distance, "values": dict(zip(names, row[2:]))} for distance, row in nearest
    ]
    return {"columns": names, "rows": found}


serve("/vectors/hybrid", retrieve)
