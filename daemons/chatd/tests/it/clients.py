"""Chats with chatd as programs do that know OpenAI and Ollama only; each check says what it expects."""

import sys

import ollama
import openai

BASE = sys.argv[1]
TEXT, ARGUMENTS = "Grüße, 世界", '{"city":"Köln"}'
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
ASKED = [{"role": "user", "content": "How is the weather?"}]


def check(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def openai_client():
    chat = openai.OpenAI(base_url=BASE + "/v1", api_key="none", max_retries=0).chat.completions
    answer = chat.create(model="m", messages=ASKED)
    check((answer.choices[0].message.content, answer.usage.total_tokens), (TEXT, 34))

    text, usage = "", None
    for chunk in chat.create(model="m", messages=ASKED, stream=True, stream_options={"include_usage": True}):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    check((text, usage.total_tokens), (TEXT, 34))

    choice = chat.create(model="m", messages=ASKED, tools=TOOLS).choices[0]
    call = choice.message.tool_calls[0]
    check((choice.finish_reason, call.function.arguments), ("tool_calls", ARGUMENTS))
    result = {"role": "tool", "tool_call_id": call.id, "content": "5 °C"}
    answer = chat.create(model="m", messages=[*ASKED, choice.message, result], tools=TOOLS)
    check(answer.choices[0].message.content, TEXT)

    with chat.stream(model="m", messages=ASKED, tools=TOOLS) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    check(message.tool_calls[0].function.arguments, ARGUMENTS)

    try:
        chat.create(model="m", messages=ASKED, max_tokens="many")
    except openai.BadRequestError as error:
        assert "max_tokens" in str(error), error
    else:
        raise AssertionError("a text was taken for a number")


def ollama_client():
    client = ollama.Client(host=BASE)
    answer = client.chat(model="m", messages=ASKED)
    check((answer.message.content, answer.prompt_eval_count, answer.eval_count), (TEXT, 25, 9))
    check("".join(part.message.content for part in client.chat(model="m", messages=ASKED, stream=True)), TEXT)

    said = client.chat(model="m", messages=ASKED, tools=TOOLS).message
    check(said.tool_calls[0].function.arguments, {"city": "Köln"})
    result = {"role": "tool", "tool_name": "get_weather", "content": "5 °C"}
    check(client.chat(model="m", messages=[*ASKED, said, result], tools=TOOLS).message.content, TEXT)
    streamed = list(client.chat(model="m", messages=ASKED, tools=TOOLS, stream=True))
    calls = [call for part in streamed for call in part.message.tool_calls or []]
    check([call.function.name for call in calls], ["get_weather"])
    check([model.model for model in client.list().models], ["m"])

    try:
        client.chat(model="m", messages=[])
    except ollama.ResponseError as error:
        assert error.status_code == 400 and error.error.startswith("the list of messages is empty"), error
    else:
        raise AssertionError("a conversation without messages was answered")


openai_client()
ollama_client()
print("both understood")
