// A double of the gateway's wire, as far as client.js sees it: a log of records, /sse, POST /topics, HEAD /client.js, and a WebSocket that the
// tests speak for. It refuses upgrades, as a proxy that knows no WebSockets does.

import { createServer } from "node:http";

const MODULE = new URL("../../../Sources/Gateway/Demo/client.js", import.meta.url);
export const { connect, Client, SluiceError, backoff, reconnectsAfter } = await import(MODULE);
export const part = (name) => import(new URL(`client-${name}.js`, MODULE));

/** Waits for what must come; the time-out is only for the case of failure. */
export async function until(test, what = String(test)) {
  const end = Date.now() + 10_000;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Pseudo-random numbers that come again with their seed. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class Gateway {
  log = [];
  epoch = "e1";
  /** Requests so far, as "METHOD path". */ requests = [];
  /** Open streams. */ streams = new Set();
  /** Topics that nobody may subscribe to. */ forbidden = new Set();
  /** What answers a request instead, once each: {match, status, code, fields, hangsUp}. */ refusals = [];
  /** The only token that is taken, if any. */ token;
  /** Topics that a stream may have. */ topicsAStream = 100;
  #server;

  async start(port = 0) {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.keepAliveTimeout = 1;
    this.#server.on("upgrade", (request, socket) => {
      this.requests.push(`UPGRADE ${request.url}`);
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    await new Promise((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
    return this;
  }

  async stop() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { response } of this.streams) response.destroy();
    this.streams.clear();
    this.#server.closeAllConnections();
    await closed;
  }

  record(topic, data) {
    const previous = this.log.findLast((record) => record.topic === topic)?.sequence ?? 0;
    const record = { type: "event", topic, sequence: this.log.length + 1, previous, contentType: "application/json", data };
    this.log.push(record);
    for (const stream of this.streams) if (stream.topics.has(topic)) this.#event(stream.response, record);
    return record.sequence;
  }

  /** Ends all streams as a gateway that drains does. */
  end(reason, retry) {
    for (const { response } of this.streams) {
      response.end(`${retry === undefined ? "" : `retry: ${retry}\n`}event: end\ndata: ${JSON.stringify({ type: "end", reason })}\n\n`);
    }
    this.streams.clear();
  }

  /** Breaks all streams off. */
  break() {
    for (const { response } of this.streams) response.destroy();
    this.streams.clear();
  }

  count(match) {
    return this.requests.filter((request) => request.startsWith(match)).length;
  }

  #event(response, record) {
    response.write(`id: ${record.sequence}\ndata: ${JSON.stringify(record)}\n\n`);
  }

  #refuse(response, status, code, fields = {}) {
    response.writeHead(status, { "Content-Type": "application/json", ...fields });
    response.end(JSON.stringify({ error: { code, message: `${code}, says the test` } }));
  }

  #answer(request, response) {
    const name = `${request.method} ${request.url}`, url = new URL(request.url, this.url);
    this.requests.push(name);
    const found = this.refusals.findIndex(({ match }) => name.startsWith(match));
    if (found >= 0) {
      const [{ status, code, fields, hangsUp, body }] = this.refusals.splice(found, 1);
      if (hangsUp) return request.socket.destroy();
      if (body !== undefined) return response.writeHead(status).end(body);
      return this.#refuse(response, status, code, fields);
    }
    if (url.pathname.endsWith("/client.js")) return response.writeHead(200).end();
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) return this.#refuse(response, 401, "TokenExpired");
    if (url.pathname.endsWith("/sse")) return this.#stream(url, response);
    if (request.method === "POST" && url.pathname.endsWith("/topics")) return this.#publish(request, response);
    this.#refuse(response, 404, "NotFound");
  }

  #stream({ searchParams }, response) {
    const names = searchParams.getAll("topic"), after = searchParams.getAll("after");
    if (names.some((name) => this.forbidden.has(name))) return this.#refuse(response, 403, "Forbidden");
    if (names.length > this.topicsAStream) return this.#refuse(response, 429, "TooManySubscriptions");
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const topics = names.map((topic, index) => ({
      topic, sequence: this.log.findLast((record) => record.topic === topic)?.sequence ?? 0, ...(after[index] ? { recovered: true } : {}),
    }));
    response.write(`retry: 20\nevent: subscribed\ndata: ${JSON.stringify({ type: "subscribed", topics, epoch: this.epoch })}\n\n`);
    const from = new Map(names.map((name, index) => [name, after[index] ? Number(after[index]) : this.log.length]));
    for (const record of this.log) if (record.sequence > (from.get(record.topic) ?? Infinity)) this.#event(response, record);
    const stream = { response, topics: new Set(names) };
    this.streams.add(stream);
    response.on("close", () => this.streams.delete(stream));
  }

  async #publish(request, response) {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    const { records } = JSON.parse(text);
    if (records.some(({ topic }) => this.forbidden.has(topic))) return this.#refuse(response, 403, "Forbidden");
    const answer = records.map(({ topic, data }) => ({ sequence: this.record(topic, data) }));
    response.writeHead(202, { "Content-Type": "application/json" }).end(JSON.stringify({ records: answer }));
  }
}
