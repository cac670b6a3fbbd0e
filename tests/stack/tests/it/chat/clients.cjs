// Chats and embeds as programs for Node and Bun do that know OpenAI only: `clients.cjs GATEWAY PROVIDER`.

const assert = require("node:assert/strict");
const OpenAI = require("openai");

const [GATEWAY, PROVIDER] = process.argv.slice(2);
const TEXT = "Grüße, 世界";
const ARGUMENTS = '{"city":"Köln"}';
const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object" } } }];
const ASKED = [{ role: "user", content: "How is the weather?" }];
const ENDLESS = [{ role: "user", content: "Never stop." }];
const DIMENSION = 384;

const client = new OpenAI({ baseURL: GATEWAY + "/v1", apiKey: "none", maxRetries: 0 });
const ask = (request) => client.chat.completions.create({ model: "m", messages: ASKED, ...request });

async function chats() {
  const listed = await client.models.list();
  assert.deepEqual(listed.data.map((model) => model.id), ["m"]);
  const answer = await ask({});
  assert.equal(answer.choices[0].message.content, TEXT);
  assert.equal(answer.usage.total_tokens, 34);

  let [text, usage] = ["", null];
  for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, TEXT);
  assert.equal(usage.total_tokens, 34);

  await assert.rejects(ask({ max_tokens: "many" }), (error) => {
    return error instanceof OpenAI.BadRequestError && error.message.includes("max_tokens");
  });
}

async function callsTools() {
  const { finish_reason, message } = (await ask({ tools })).choices[0];
  assert.equal(finish_reason, "tool_calls");
  const [call] = message.tool_calls;
  assert.deepEqual([call.function.name, call.function.arguments], ["get_weather", ARGUMENTS]);
  const result = { role: "tool", tool_call_id: call.id, content: "5 °C" };
  const answer = await ask({ messages: [...ASKED, message, result], tools });
  assert.equal(answer.choices[0].message.content, TEXT);

  const streamed = client.chat.completions.stream({ model: "m", messages: ASKED, tools });
  const last = await streamed.finalMessage();
  assert.equal(last.tool_calls[0].function.arguments, ARGUMENTS);
}

async function leaves() {
  const stream = await ask({ messages: ENDLESS, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content === "Grüße") stream.controller.abort();
  }
  // The provider has been told, though this program goes on.
  const departure = await fetch(PROVIDER + "/departure", { signal: AbortSignal.timeout(20_000) });
  assert.ok(departure.ok);
}

async function embeds() {
  const input = ["forklift operator, night shift", "Gabelstaplerfahrer 世界"];
  const embed = async (options) => {
    const answer = await client.embeddings.create({ model: "all-MiniLM-L6-v2", input, ...options });
    return answer.data.map((entry) => entry.embedding);
  };
  // Asks for base64 by itself, and decodes it.
  const vectors = await embed({});
  for (const vector of vectors) {
    assert.equal(vector.length, DIMENSION);
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5, `${Math.hypot(...vector)}`);
  }
  const floats = await embed({ encoding_format: "float" });
  assert.deepEqual(floats.map((numbers) => Array.from(Float32Array.from(numbers))), vectors);
}

async function main() {
  await chats();
  await callsTools();
  await leaves();
  await embeds();
  console.log("understood");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
