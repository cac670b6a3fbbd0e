"""Drives one peer for bench-tpch: a JSON request a line in, a JSON reply a line out.

What is timed is planning and running a statement until its whole result is there as Arrow; what becomes of the result
is not. A view of each table stands for exactly the files of its snapshot.
"""

import importlib.metadata
import json
import os
import sys
import time

import pyarrow as pa


class DuckDb:
    package = "duckdb"

    def open(self, tables, threads, memory_bytes, spill):
        import duckdb

        self.connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": f"{memory_bytes}B",
                "temp_directory": spill,
            }
        )
        # Ours keeps the footers of files it has read, too.
        self.connection.execute("SET parquet_metadata_cache = true")
        for table, files in tables.items():
            self.connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files!r})")

    def run(self, sql):
        return self.connection.sql(sql).to_arrow_table()


class DataFusion:
    package = "datafusion"

    def open(self, tables, threads, memory_bytes, spill):
        import datafusion

        config = datafusion.SessionConfig({"datafusion.execution.target_partitions": str(threads)})
        runtime = datafusion.RuntimeEnvBuilder().with_fair_spill_pool(memory_bytes)
        self.context = datafusion.SessionContext(config, runtime.with_disk_manager_specified(spill))
        for table, files in tables.items():
            # It takes a folder or one file.
            (folder,) = {os.path.dirname(file) for file in files}
            if sorted(os.listdir(folder)) != sorted(map(os.path.basename, files)):
                raise ValueError(f"{folder} has other files than the snapshot")
            self.context.register_parquet(table, folder)

    def run(self, sql):
        frame = self.context.sql(sql)
        return pa.Table.from_batches(frame.collect(), frame.schema())


class Worker:
    def __init__(self, engine):
        self.engine = engine

    def hello(self):
        return {"version": importlib.metadata.version(self.engine.package)}

    def open(self, **arguments):
        self.engine.open(**arguments)
        return {}

    def query(self, sql, result):
        began = time.perf_counter()
        table = self.engine.run(sql)
        wall_s = time.perf_counter() - began
        if result is not None:
            with pa.ipc.new_stream(result, table.schema) as stream:
                stream.write_table(table)
        return {"wall_s": wall_s}


def main(name):
    # Libraries may print: keep the line of replies to ourselves.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or Worker({"duckdb": DuckDb, "datafusion": DataFusion}[name]())
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


main(sys.argv[1])
