import assert from "node:assert/strict";
import test from "node:test";

import { part, random } from "./gateway.mjs";

const { EventStream } = await part("event-stream");
const whole = (text) => new EventStream().feed(text);

test("an event ends with an empty line, and its data lines are joined", () => {
  assert.deepEqual(whole("data: a\ndata:b\ndata\n\n"), [{ event: "message", data: "a\nb\n", id: undefined }]);
  assert.deepEqual(whole("data: a\n"), []);
  assert.deepEqual(whole("event: x\n\n"), []);
});

test("ids stay, names don't, comments and unknown fields are passed over", () => {
  assert.deepEqual(whole(": hello\nid: 7\nevent: end\ndata: 1\nfoo: bar\n\n:\n\ndata: 2\n\nid\ndata: 3\n\nid: a\0b\ndata: 4\n\n"), [
    { event: "end", data: "1", id: "7" }, { event: "message", data: "2", id: "7" }, { event: "message", data: "3", id: "" },
    { event: "message", data: "4", id: "" },
  ]);
});

test("only digits are a time to wait", () => {
  assert.deepEqual(whole("retry: 250\nretry: 1s\nretry:\n\n"), [{ retry: 250 }]);
});

test("a byte order mark in front and one blank behind a colon aren't content", () => {
  assert.deepEqual(whole("\uFEFFdata:  a\n\n"), [{ event: "message", data: " a", id: undefined }]);
});

test("wherever the text is cut, and whatever ends its lines, the events are the same", () => {
  const lines = ["\uFEFFid: 1", "data: {\"a\":1}", "", ": comment", "", "event: end", "data: x:y", "data", "retry: 5", "", "data: é\u2028", "", "data: not whole"];
  const expected = whole(lines.join("\n"));
  assert.equal(expected.length, 4);
  const seed = Number(process.env.SLUICE_SEED ?? Math.floor(Math.random() * 2 ** 32)), next = random(seed);
  for (let round = 0; round < 2_000; round++) {
    // One kind of end throughout: a return and a feed of two ends would be one.
    const text = lines.join(["\n", "\r", "\r\n"][round % 3]);
    const stream = new EventStream(), events = [];
    for (let at = 0; at < text.length;) {
      const end = at + 1 + Math.floor(next() * 7);
      events.push(...stream.feed(text.slice(at, end)));
      at = end;
    }
    assert.deepEqual(events, expected, `SLUICE_SEED=${seed}, round ${round}`);
  }
});

test("a large line comes in many pieces at a cost that grows with its length", () => {
  const stream = new EventStream(), piece = "x".repeat(1024);
  stream.feed("data: ");
  for (let count = 0; count < 8192; count++) stream.feed(piece);
  assert.equal(stream.feed("\n\n")[0].data.length, 8 * 1024 * 1024);
});
