"""Gives our stack, whose gateway is LAKEHOUSE_GATEWAY, and a peer the same vectors. Needs numpy.

`vectors.py load INDEX VECTORS.npy`   makes an index of the rows, each under its number as id, and waits until it is at rest.
`vectors.py embed ROWS.csv TEMPLATE VECTORS.npy`   writes what the stack makes of the text of each row, with columns in braces.
"""

import base64
import csv
import json
import os
import sys
import time
from urllib.request import Request, urlopen

import numpy as np

GATEWAY = os.environ["LAKEHOUSE_GATEWAY"]
ADDED_AT_ONCE = 1000
EMBEDDED_AT_ONCE = 32
TIMEOUT_S = 300
# How long an index must be found at rest to count as built: its graph begins a moment after the last vector.
AT_REST_S = 2
BUILD_TIMEOUT_S = 1800
# On a terminal one line is written over and over; a log is not flooded.
IS_TERMINAL = sys.stderr.isatty()
LINE_INTERVAL_S = 0.2 if IS_TERMINAL else 10


def call(path, body=None):
    body = None if body is None else json.dumps(body).encode()
    request = Request(GATEWAY + path, body, {"content-type": "application/json"})
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def batches(items, size, unit):
    """Slices of `items`, with a line on standard error now and then that says how long the rest will take."""
    started = shown = time.monotonic()
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
        now, done = time.monotonic(), min(start + size, len(items))
        if now - shown >= LINE_INTERVAL_S:
            rate = done / (now - started)
            line = f"  {done}/{len(items)} {unit}  {rate:.1f}/s  ETA {(len(items) - done) / rate:.0f} s"
            print(f"\r{line}\x1b[K" if IS_TERMINAL else line, end="" if IS_TERMINAL else "\n", file=sys.stderr, flush=True)
            shown = now
    if IS_TERMINAL:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def pack(vector):
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def load(index, file):
    vectors = np.load(file, mmap_mode="r")
    call("/v1/vectors/index", {"name": index, "dimension": vectors.shape[1], "distance": "cosine"})
    for start, rows in batches(vectors, ADDED_AT_ONCE, f"vectors of {index} added"):
        items = [{"id": str(start + place), "vector_b64": pack(row)} for place, row in enumerate(rows)]
        call(f"/v1/vectors/index/{index}/add", {"items": items})
    settle(index)


def settle(index):
    print(f"Waiting for the graph of {index}.", file=sys.stderr)
    started = resting = time.monotonic()
    while time.monotonic() - resting < AT_REST_S:
        if call(f"/v1/vectors/index/{index}")["status"] != "ready":
            resting = time.monotonic()
        if time.monotonic() - started > BUILD_TIMEOUT_S:
            sys.exit(f"{index} is still being built after {BUILD_TIMEOUT_S} s")
        time.sleep(0.1)


def embed(rows, template, file):
    with open(rows, newline="") as lines:
        texts = [template.format(**row) for row in csv.DictReader(lines)]
    vectors = []
    for _, some in batches(texts, EMBEDDED_AT_ONCE, "rows embedded"):
        vectors += call("/v1/embed", {"texts": some, "kind": "document"})["vectors"]
    np.save(file, np.array(vectors, "<f4"))


{"load": load, "embed": embed}[sys.argv[1]](*sys.argv[2:])
