"""A sentence encoder through ONNX Runtime, behind the predecessor's embed endpoint: `serve.py MODEL_FOLDER`.

Takes a free port on loopback and writes it to standard output once it listens. `POST /ai/embed` with `texts` and `model`, which must
be the folder's name, answers `embeddings` and `dimensions`: the mean over the tokens of the last hidden states, at unit length.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parent.parent))
from peer_http import Refused, serve

MAX_TOKENS = 256

folder = Path(sys.argv[1])
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation(MAX_TOKENS)
tokenizer.enable_padding()
session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


def vectors_of(texts):
    encodings = tokenizer.encode_batch(texts)
    ids = np.array([encoding.ids for encoding in encodings], np.int64)
    mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (states,) = session.run(["last_hidden_state"], feed)
    sums = (states * mask[:, :, None]).sum(axis=1)
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def embed(request):
    model = request.get("model", folder.name)
    if model != folder.name:
        raise Refused(f"no model {model}; there is {folder.name}", 404)
    vectors = vectors_of(request["texts"])
    return {"embeddings": vectors.tolist(), "dimensions": vectors.shape[1], "model": folder.name}


serve("/ai/embed", embed)
