import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import * as module from "../../../Sources/Gateway/Demo/client.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const run = promisify(execFile);
const hasCompiler = await run("tsc", ["--version"]).then(() => true, () => false);

test("the types name what the module exports, and what a client has", async () => {
  const types = await readFile(here("../../../Sources/Gateway/Demo/client.d.ts"), "utf8");
  const exported = new Set([...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name));
  assert.deepEqual([...exported].sort(), Object.keys(module).sort());
  const body = types.match(/^export class Client \{\n([^]*?)^\}/m)[1];
  const members = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)[(<:]/gm)].map(([, name]) => name));
  const client = module.connect("http://127.0.0.1:9/", { transport: "sse", fetch: () => new Promise(() => {}) });
  const actual = new Set([...Object.getOwnPropertyNames(module.Client.prototype), ...Object.keys(client)]);
  client.close();
  assert.deepEqual([...members].sort(), [...actual].sort());
});

test("what users write compiles, and what is wrong doesn't", { skip: hasCompiler ? false : "tsc isn't installed" }, async () => {
  const flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node", "--lib", "es2022,dom"];
  await run("tsc", [...flags, here("types.ts")]).catch(({ stdout }) => assert.fail(stdout));
});
