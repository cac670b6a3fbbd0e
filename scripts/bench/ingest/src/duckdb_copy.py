"""DuckDB as a process that is told what to do, a line of JSON each, and answers with one.

{"threads": 2}                          -> {"version": "1.5.5"}
{"copy": "a.csv", "to": "a.parquet"}    -> {"seconds": 1.5, "rows": 100, "bytes": 1000}    on disk, synced
{"export": "a.parquet", "to": "a.csv"}  -> {"rows": 100}
"""

import json
import os
import sys
import time

import duckdb


def copy(db, source, target):
    began = time.perf_counter()
    # The same codec and level that ingestd writes.
    db.execute(
        f"COPY (SELECT * FROM read_csv('{source}')) TO '{target}' "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    seconds = time.perf_counter() - began
    rows = db.execute(f"SELECT count(*) FROM '{target}'").fetchone()[0]
    return {"seconds": seconds, "rows": rows, "bytes": os.path.getsize(target)}


def main():
    db = duckdb.connect()
    # It would be written among the answers.
    db.execute("SET enable_progress_bar = false")
    for line in sys.stdin:
        task = json.loads(line)
        if "threads" in task:
            db.execute(f"SET threads = {task['threads']}")
            answer = {"version": duckdb.__version__}
        elif "copy" in task:
            answer = copy(db, task["copy"], task["to"])
        else:
            rows = db.execute(f"COPY (SELECT * FROM '{task['export']}') TO '{task['to']}' (HEADER)").fetchone()[0]
            answer = {"rows": rows}
        print(json.dumps(answer), flush=True)


main()
