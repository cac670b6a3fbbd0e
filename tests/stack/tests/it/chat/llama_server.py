"""Chats with a real model through the gateway: `llama_server.py GATEWAY MODEL`."""

import sys

import openai

GATEWAY, MODEL = sys.argv[1:]
ASKED = [{"role": "user", "content": "Name three tools that a carpenter uses."}]
# More than it writes while this program takes one token and leaves.
LONG = [{"role": "user", "content": "Write a long story about a lighthouse."}]

client = openai.OpenAI(base_url=GATEWAY + "/v1", api_key="none", max_retries=0)


def ask(messages=ASKED, **options):
    return client.chat.completions.create(model=MODEL, messages=messages, temperature=0, **options)


def check(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def streamed(**options):
    text, reason, usage = "", None, None
    for chunk in ask(stream=True, stream_options={"include_usage": True}, **options):
        for choice in chunk.choices:
            text, reason = text + (choice.delta.content or ""), choice.finish_reason or reason
        usage = chunk.usage or usage
    return text, reason, usage


check([model.id for model in client.models.list()], [MODEL])

whole = ask(max_tokens=24)
assert whole.choices[0].message.content.strip() and whole.usage.prompt_tokens > 10, whole
check((whole.choices[0].finish_reason, whole.usage.completion_tokens), ("length", 24))

# It reads the prompt in one piece the first time only, and rounds otherwise then.
text = ask(max_tokens=24).choices[0].message.content
check(ask(max_tokens=24).choices[0].message.content, text)
same, reason, usage = streamed(max_tokens=24)
check((same, reason), (text, "length"))
# This server counts no streamed tokens: chatd estimates them, and says so.
assert usage.prompt_tokens > 0 and usage.completion_tokens > 0 and usage.estimated, usage

# Its own end.
finished = ask(messages=[{"role": "user", "content": "Say hello."}], max_tokens=400)
check(finished.choices[0].finish_reason, "stop")
assert finished.usage.completion_tokens < 400, finished.usage

stream = ask(messages=LONG, stream=True)
assert next(filter(None, (chunk.choices[0].delta.content for chunk in stream)))
stream.close()
# It answers one at a time.
assert ask(max_tokens=24).choices[0].message.content.strip()
print("understood")
