"""Exact search of faiss, behind the endpoint of ours: `serve.py NAME=VECTORS.npy...`.

Takes a free port on loopback and writes it to standard output once it listens. `POST /vectors/search` with `index`, `k`, and either
`vector` or `vector_b64`, base64 of little-endian f32, answers `results`, each with `id`, the number of the row as text, and
`distance`, 1 - cosine.
"""

import base64
import sys
from pathlib import Path

import faiss
import numpy as np

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parent.parent))
from peer_http import Refused, serve


def unit(vectors):
    vectors = vectors.astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def index(file):
    vectors = unit(np.load(file))
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


indexes = {name: index(file) for name, file in (argument.split("=", 1) for argument in sys.argv[1:])}


def search(request):
    name, packed = request["index"], request.get("vector_b64")
    if name not in indexes:
        raise Refused(f"no index {name}; there are {', '.join(indexes)}", 404)
    vector = np.frombuffer(base64.b64decode(packed), "<f4") if packed else np.array(request["vector"])
    if len(vector) != indexes[name].d:
        raise Refused(f"the vector has {len(vector)} numbers, the index {indexes[name].d}")
    similarities, rows = indexes[name].search(unit(vector[None]), request["k"])
    found = zip(rows[0].tolist(), similarities[0].tolist())
    # Where there are fewer than asked for, the rest is -1.
    return {"results": [{"id": str(row), "distance": 1 - similarity} for row, similarity in found if row >= 0]}


serve("/vectors/search", search)
