"""Drives one peer library for bench-vectors: a JSON request a line in, a JSON reply a line out.

What is timed is the library's own call and nothing else: vectors are read, widened and normalised before, answers are
turned into lists after. All compare inner products of unit vectors, so none pays for normalising a query.
"""

import importlib.metadata
import json
import os
import sys
import time

import numpy as np


class Hnswlib:
    def __init__(self):
        import hnswlib

        self.library, self.version = hnswlib, importlib.metadata.version("hnswlib")

    def build(self, base, links, breadth, threads):
        self.index = self.library.Index("ip", base.shape[1])
        self.index.init_index(len(base), M=links, ef_construction=breadth)
        self.index.add_items(base, num_threads=threads)

    def search(self, queries, k, ef):
        self.index.set_ef(ef)
        return lambda: self.index.knn_query(queries, k=k, num_threads=1)[0]

    def save(self, path):
        self.index.save_index(path)

    def open(self, path, dimension):
        self.index = self.library.Index("ip", dimension)
        self.index.load_index(path)


class Usearch:
    def __init__(self):
        from usearch import index

        self.library, self.version = index, importlib.metadata.version("usearch")

    def new(self, dimension, links=None, breadth=None):
        return self.library.Index(
            ndim=dimension, metric="ip", dtype="f32", connectivity=links, expansion_add=breadth
        )

    def build(self, base, links, breadth, threads):
        self.index = self.new(base.shape[1], links, breadth)
        self.index.add(np.arange(len(base)), base, threads=threads)

    def search(self, queries, k, ef):
        self.index.expansion_search = ef
        return lambda: self.index.search(queries, k, threads=1).keys

    def save(self, path):
        self.index.save(path)

    def open(self, path, dimension):
        self.index = self.new(dimension)
        self.index.load(path)


class Faiss:
    def __init__(self):
        import faiss

        self.library, self.version = faiss, importlib.metadata.version("faiss-cpu")

    def build(self, base, links, breadth, threads):
        self.index = self.library.IndexHNSWFlat(base.shape[1], links, self.library.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = breadth
        self.library.omp_set_num_threads(threads)
        self.index.add(base)

    def search(self, queries, k, ef):
        self.library.omp_set_num_threads(1)
        self.index.hnsw.efSearch = ef
        return lambda: self.index.search(queries, k)[1]

    def save(self, path):
        self.library.write_index(self.index, path)

    def open(self, path, dimension):
        self.index = self.library.read_index(path)


def unit_rows(path, rows):
    """The first rows of a file of f16 vectors, as f32 of length 1."""
    vectors = np.load(path, mmap_mode="r")[:rows].astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def timed(call):
    """Seconds on the clock and of CPU (of all threads), and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}, result


class Worker:
    def __init__(self, engine):
        self.engine = engine

    def hello(self):
        return {"version": self.engine.version}

    def load(self, base, queries, rows, query_rows):
        self.base, self.queries = unit_rows(base, rows), unit_rows(queries, query_rows)
        return {}

    def build(self, folder, links, breadth, threads):
        took, _ = timed(lambda: self.engine.build(self.base, links, breadth, threads))
        return {"load": {"wall_s": 0.0, "cpu_s": 0.0}, "build": took}

    def search(self, k, ef, first, count, ids):
        queries = self.queries[first : first + count]
        took, found = timed(self.engine.search(queries, k, ef))
        return {"took": took, "ids": found.tolist() if ids else []}

    def save(self, folder):
        self.engine.save(os.path.join(folder, "index.bin"))
        return {}

    def open(self, folder):
        path = os.path.join(folder, "index.bin")
        self.engine.open(path, self.queries.shape[1])
        return {}


def main(name):
    # Libraries may print: keep the line of replies to ourselves.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or Worker({"hnswlib": Hnswlib, "usearch": Usearch, "faiss": Faiss}[name]())
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


main(sys.argv[1])
