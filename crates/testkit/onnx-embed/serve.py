"""A sentence encoder through ONNX Runtime, behind the predecessor's embed endpoint: `serve.py MODEL_FOLDER`.

Takes a free port on loopback and writes it to standard output once it listens. `POST /ai/embed` with `texts` and `model`, which must
be the folder's name, answers `embeddings` and `dimensions`: the mean over the tokens of the last hidden states, at unit length.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS = 256

folder = Path(sys.argv[1])
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation(MAX_TOKENS)
tokenizer.enable_padding()
session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


def embed(texts):
    encodings = tokenizer.encode_batch(texts)
    ids = np.array([encoding.ids for encoding in encodings], np.int64)
    mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (states,) = session.run(["last_hidden_state"], feed)
    sums = (states * mask[:, :, None]).sum(axis=1)
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/ai/embed":
            return self.answer(404, {"error": f"no such path: {self.path}"})
        if request.get("model", folder.name) != folder.name:
            return self.answer(404, {"error": f"no model {request['model']}; there is {folder.name}"})
        vectors = embed(request["texts"])
        self.answer(200, {"embeddings": vectors.tolist(), "dimensions": vectors.shape[1], "model": folder.name})

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
