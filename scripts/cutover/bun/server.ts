// The web front end: a page at `/`, and at `/_go/*` the gateway, while GO_LAKEHOUSE_URL says where that is.
//
// HOST and PORT say where it listens (127.0.0.1:3000). It is written on node:http, which Bun has built in, and not on
// Bun.serve, which takes the content-length from an answer that is streamed: oven-sh/bun#10507.

import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

const PREFIX = "/_go";
// Headers that speak of one connection and not of the message: RFC 9110 section 7.6.1. `expect` is answered here;
// `transfer-encoding` stays, so that a body is framed as it came.
const HOP_BY_HOP = new Set([
  "connection", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
  "trailer", "upgrade",
]);

const page = await Bun.file(new URL("index.html", import.meta.url)).bytes();
const gateway = gatewayOf(process.env.GO_LAKEHOUSE_URL);
const agent = new Agent({ keepAlive: true });

function gatewayOf(setting: string | undefined): URL | undefined {
  if (!setting) return undefined;
  const url = URL.parse(setting);
  if (url?.protocol === "http:") return url;
  console.error(`GO_LAKEHOUSE_URL is ${setting}; give the gateway's URL, such as http://127.0.0.1:4110, or unset it.`);
  process.exit(2);
}

function endToEnd(message: IncomingMessage): Record<string, string[]> {
  const named = message.headers.connection?.toLowerCase().split(",").map((name) => name.trim()) ?? [];
  const isKept = ([name]: [string, unknown]) => !HOP_BY_HOP.has(name) && !named.includes(name);
  return Object.fromEntries(Object.entries(message.headersDistinct).filter(isKept)) as Record<string, string[]>;
}

function fail(incoming: IncomingMessage, outgoing: ServerResponse, status: number, code: string, title: string, detail: string) {
  const request_id = incoming.headers["x-request-id"] ?? Bun.randomUUIDv7();
  outgoing.writeHead(status, { "content-type": "application/problem+json", "x-request-id": request_id });
  outgoing.end(JSON.stringify({ type: `/problems/${code}`, title, status, code, detail, request_id }));
}

function pass(gateway: URL, incoming: IncomingMessage, outgoing: ServerResponse) {
  const path = gateway.pathname.replace(/\/$/, "") + incoming.url!.slice(PREFIX.length);
  const { hostname, port } = gateway;
  const upstream = request({ agent, hostname, port, path, method: incoming.method, headers: endToEnd(incoming) });
  upstream.on("response", (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.statusMessage, endToEnd(answer));
    outgoing.flushHeaders();
    pipeline(answer, outgoing, () => {});
  });
  upstream.on("error", (error) => {
    if (outgoing.headersSent) return outgoing.destroy();
    const detail = `The gateway at ${gateway.origin} gave no answer: ${error.message}. See that it runs (lakectl status) and that GO_LAKEHOUSE_URL is right.`;
    fail(incoming, outgoing, 502, "upstream_failed", "The gateway gave no answer", detail);
  });
  outgoing.on("close", () => outgoing.writableFinished || upstream.destroy());
  incoming.pipe(upstream);
}

const server = createServer((incoming, outgoing) => {
  const path = incoming.url!.split("?", 1)[0];
  if (gateway && path.startsWith(`${PREFIX}/`)) {
    pass(gateway, incoming, outgoing);
  } else if (path === "/") {
    outgoing.setHeader("content-type", "text/html; charset=utf-8").end(page);
  } else {
    const detail = `There is no ${path} here; ${PREFIX}/* is passed on to the gateway only while GO_LAKEHOUSE_URL is set.`;
    fail(incoming, outgoing, 404, "not_found", "Not found", detail);
  }
});
// An upload takes as long as it takes: the gateway has the deadlines.
server.requestTimeout = 0;
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address() as AddressInfo;
  console.log(`http://${address}:${port}`);
});
