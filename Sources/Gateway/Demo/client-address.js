// Where the gateway's parts are, from the one address that was given.

/**
 * @typedef {object} Addresses
 * @property {URL} socket of the WebSocket
 * @property {URL} events of the server-sent events
 * @property {URL} topics for publishing
 * @property {URL} probe which answers as long as HTTP works
 */

/**
 * @param {string | URL | undefined} url the gateway's, or that of its `/ws`; http, https, ws or wss, or relative to the page
 * @param {string} module where this client has come from
 * @returns {Addresses}
 */
export function addresses(url, module) {
  const own = /^https?:/.test(module) ? module : undefined;
  const page = /^https?:/.test(globalThis.location?.href ?? "") ? globalThis.location.href : undefined;
  if (url === undefined && own === undefined) throw new TypeError("connect needs the gateway's address: this module wasn't loaded from a gateway.");
  const given = new URL(url ?? new URL(".", own), page ?? own);
  if (!/^(https?|wss?):$/.test(given.protocol)) throw new TypeError(`A gateway's address begins with https, http, wss or ws: ${given.href}`);
  given.hash = "";
  const base = new URL(given);
  base.protocol = given.protocol.replace("ws", "http");
  base.pathname = given.pathname.replace(/\/ws$/, "/").replace(/([^/])$/, "$1/");
  const at = (name, query = "") => Object.assign(new URL(name, base), { search: query });
  const socket = at("ws", given.search);
  socket.protocol = base.protocol.replace("http", "ws");
  return { socket, events: at("sse", given.search), topics: at("topics", given.search), probe: at("client.js") };
}

/** What has worked, by gateway; in the page's session too, as far as there is one. */
const known = new Map();
const storageKey = (address) => `sluice.transport ${address.origin}${address.pathname}`;

/** @param {URL} address @returns {{transport: string, at: number} | undefined} */
export function recall(address) {
  const key = storageKey(address);
  if (known.has(key)) return known.get(key);
  try {
    const found = JSON.parse(globalThis.sessionStorage?.getItem(key) ?? "null");
    return typeof found?.at === "number" ? found : undefined;
  } catch {
    return undefined;
  }
}

/** @param {URL} address @param {"websocket" | "sse"} transport @param {number} at */
export function remember(address, transport, at) {
  const key = storageKey(address);
  known.set(key, { transport, at });
  // A page may be forbidden to store anything, and asking is what throws.
  try { globalThis.sessionStorage?.setItem(key, JSON.stringify({ transport, at })); } catch { /* Then this page's memory must do. */ }
}

/** Forgets what has worked: the network is another one. @param {URL} address */
export function forget(address) {
  const key = storageKey(address);
  known.delete(key);
  try { globalThis.sessionStorage?.removeItem(key); } catch { /* As above. */ }
}
