#!/usr/bin/env python3
"""Records how many segments three published libraries, none of them ours, count for each message of the UCI SMS Spam
Collection (Almeida, Gómez Hidalgo, Yamakami 2011, CC BY 4.0), and for made-up texts at the edges that real ones seldom
reach; stops if the libraries disagree. Only counts are kept, no message.

    pip install smsutil==1.1.3
    npm install sms-segments-calculator@1.3.0 split-sms@0.1.7
    python3 record.py SMSSpamCollection > segments.txt        # node on the path, node_modules in the current folder
"""

import hashlib
import json
import subprocess
import sys

import smsutil
from smsutil.codecs import is_valid_gsm

NODE = """
const { SegmentedMessage } = require('sms-segments-calculator');
const { split } = require('split-sms');
const messages = JSON.parse(require('fs').readFileSync(0, 'utf8'));
// Without "smart encoding", which would replace characters first.
const twilio = messages.map((message) => new SegmentedMessage(message, 'auto', false).segmentsCount);
console.log(JSON.stringify([twilio, messages.map((message) => split(message).parts.length)]));
"""


def made():
    """Escape pairs and surrogate pairs at every offset; segments.rs of the tests makes the same."""
    for n in range(400):
        yield "a" * n + "€" + "b" * (n // 2)
        yield "я" * n + "😀" * (n // 3 + 1)
        yield "€" * (n + 1)
        yield "€a" * n + "’"


def codes(messages):
    """One character a message."""
    counts = [len(smsutil.split(message).parts) for message in messages]
    node = subprocess.run(["node", "-e", NODE], input=json.dumps(messages), capture_output=True, text=True, check=True)
    for other in json.loads(node.stdout):
        assert other == counts, "the libraries disagree"
    coded = zip(messages, counts, strict=True)
    return "".join(str(n) if is_valid_gsm(message) else chr(ord("a") + n - 1) for message, n in coded)


def show(title, text):
    print(title)
    for start in range(0, len(text), 100):
        print(text[start : start + 100])


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    rows = [row.removesuffix("\r") for row in data.decode("utf-8", errors="replace").split("\n")]
    real = [row.split("\t", 1)[1] for row in rows if "\t" in row]
    print("# Segments of each message, in order: a digit where it fits GSM 7-bit, a letter (a = 1) where it takes UCS-2.")
    print("# By smsutil 1.1.3, sms-segments-calculator 1.3.0 and split-sms 0.1.7, which agree. Written by record.py.")
    show(f"real {hashlib.sha256(data).hexdigest()}", codes(real))
    show("made", codes(list(made())))


if __name__ == "__main__":
    main(sys.argv[1])
