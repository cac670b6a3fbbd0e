"""Chats and embeds as programs do that know OpenAI and Ollama only: `clients.py GATEWAY PROVIDER`."""

import base64
import math
import sys
import urllib.request
from array import array

import ollama
import openai

GATEWAY, PROVIDER = sys.argv[1:]
TEXT, ARGUMENTS = "Grüße, 世界", '{"city":"Köln"}'
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
ASKED = [{"role": "user", "content": "How is the weather?"}]
ENDLESS = [{"role": "user", "content": "Never stop."}]
MODEL, DIMENSION = "all-MiniLM-L6-v2", 384
TEXTS = ["forklift operator, night shift", "Gabelstaplerfahrer 世界"]


def check(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def check_departure():
    """The provider has been told that its caller left, though this program goes on."""
    urllib.request.urlopen(PROVIDER + "/departure", timeout=20).read()


def openai_chat(client):
    chat = client.chat.completions
    check([model.id for model in client.models.list()], ["m"])
    answer = chat.create(model="m", messages=ASKED)
    check((answer.choices[0].message.content, answer.choices[0].finish_reason), (TEXT, "stop"))
    check((answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens), (25, 9, 34))

    text, usage, pieces = "", None, 0
    for chunk in chat.create(model="m", messages=ASKED, stream=True, stream_options={"include_usage": True}):
        piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
        text, pieces = text + piece, pieces + bool(piece)
        usage = chunk.usage or usage
    check((text, usage.total_tokens, pieces), (TEXT, 34, 2))

    try:
        chat.create(model="m", messages=ASKED, max_tokens="many")
    except openai.BadRequestError as error:
        assert "max_tokens" in str(error), error
    else:
        raise AssertionError("a text was taken for a number")


def openai_tools(client):
    chat = client.chat.completions
    choice = chat.create(model="m", messages=ASKED, tools=TOOLS).choices[0]
    call = choice.message.tool_calls[0]
    check((choice.finish_reason, call.function.name, call.function.arguments), ("tool_calls", "get_weather", ARGUMENTS))
    result = {"role": "tool", "tool_call_id": call.id, "content": "5 °C"}
    answer = chat.create(model="m", messages=[*ASKED, choice.message, result], tools=TOOLS)
    check(answer.choices[0].message.content, TEXT)

    with chat.stream(model="m", messages=ASKED, tools=TOOLS) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    check(message.tool_calls[0].function.arguments, ARGUMENTS)


def openai_leaves(client):
    stream = client.chat.completions.create(model="m", messages=ENDLESS, stream=True)
    words = (chunk.choices[0].delta.content for chunk in stream)
    check(next(filter(None, words)), "Grüße")
    stream.close()
    check_departure()


def openai_embeddings(client):
    def embed(**options):
        answer = client.embeddings.create(model=MODEL, input=TEXTS, **options)
        check([entry.index for entry in answer.data], [0, 1])
        assert answer.usage.prompt_tokens > 0, answer.usage
        return [entry.embedding for entry in answer.data]

    # Asks for base64 by itself, and decodes it.
    vectors = embed()
    for vector in vectors:
        check(len(vector), DIMENSION)
        assert abs(math.hypot(*vector) - 1) < 1e-5, math.hypot(*vector)
    check([array("f", base64.b64decode(packed)).tolist() for packed in embed(encoding_format="base64")], vectors)
    check([array("f", numbers).tolist() for numbers in embed(encoding_format="float")], vectors)
    return vectors


def ollama_chat(client):
    check([model.model for model in client.list().models], ["m"])
    answer = client.chat(model="m", messages=ASKED)
    check((answer.message.content, answer.prompt_eval_count, answer.eval_count), (TEXT, 25, 9))
    parts = list(client.chat(model="m", messages=ASKED, stream=True))
    check("".join(part.message.content for part in parts), TEXT)
    check((parts[-1].done, parts[-1].done_reason, parts[-1].eval_count), (True, "stop", 9))

    try:
        client.chat(model="m", messages=[])
    except ollama.ResponseError as error:
        assert error.status_code == 400 and error.error.startswith("the list of messages is empty"), error
    else:
        raise AssertionError("a conversation without messages was answered")


def ollama_tools(client):
    said = client.chat(model="m", messages=ASKED, tools=TOOLS).message
    check(said.tool_calls[0].function.arguments, {"city": "Köln"})
    result = {"role": "tool", "tool_name": "get_weather", "content": "5 °C"}
    check(client.chat(model="m", messages=[*ASKED, said, result], tools=TOOLS).message.content, TEXT)
    streamed = list(client.chat(model="m", messages=ASKED, tools=TOOLS, stream=True))
    calls = [call for part in streamed for call in part.message.tool_calls or []]
    check([call.function.name for call in calls], ["get_weather"])


def ollama_leaves(client):
    stream = client.chat(model="m", messages=ENDLESS, stream=True)
    check(next(stream).message.content, "Grüße")
    stream.close()
    check_departure()


def ollama_embeddings(client, expected):
    vectors = client.embed(model=MODEL, input=TEXTS).embeddings
    check([array("f", numbers).tolist() for numbers in vectors], expected)
    check(len(client.embed(model=MODEL, input=TEXTS[0]).embeddings), 1)

    try:
        client.embed(model=MODEL, input="word " * 1000, truncate=False)
    except ollama.ResponseError as error:
        assert error.status_code == 400 and "exceeds the context length" in error.error, error
    else:
        raise AssertionError("a text that is too long was embedded")


of_openai = openai.OpenAI(base_url=GATEWAY + "/v1", api_key="none", max_retries=0)
openai_chat(of_openai)
openai_tools(of_openai)
openai_leaves(of_openai)
embedded = openai_embeddings(of_openai)
of_ollama = ollama.Client(host=GATEWAY)
ollama_chat(of_ollama)
ollama_tools(of_ollama)
ollama_leaves(of_ollama)
ollama_embeddings(of_ollama, embedded)
print("understood")
