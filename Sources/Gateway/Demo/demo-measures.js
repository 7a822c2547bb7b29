// What the gateway has measured: the stages of single records, and which processes are there.

/** The gateway's address with the path prefix of a proxy, if there is one. */
export const base = new URL(".", import.meta.url);

/**
 * The steps of the picture, each with the stages that are its time. Two are moments: the gateway has accepted the record, and a publisher has it in
 * its hands.
 */
export const steps = [
  { name: "publish", stages: [] },
  { name: "commit", stages: ["commit"] },
  { name: "queue", stages: ["receive"] },
  { name: "publisher", stages: [] },
  { name: "resolve", stages: ["resolve"] },
  { name: "fan-out", stages: ["send", "link"] },
  { name: "browser", stages: ["write"] },
];

/** The steps that take time. */
export const timed = steps.filter(({ stages }) => stages.length > 0);

/** @typedef {{sequence: number, total: number, parts: Map<string, number | undefined>, isWhole: boolean}} Way microseconds of a record's steps */

/** @param {number} sequence @param {Record<string, number>} stages @returns {Way} */
function way(sequence, stages) {
  const parts = new Map(timed.map(({ name, stages: own }) => [name, own.every((stage) => stage in stages) ? own.reduce((sum, stage) => sum + stages[stage], 0) : undefined]));
  // Another gateway's record: only its publisher knows when it was committed, so that commit and queue are one figure.
  if (parts.get("commit") === undefined && "hop" in stages) parts.set("queue", stages.hop);
  return { sequence, total: stages.total, parts, isWhole: [...parts.values()].every((part) => part !== undefined) };
}

/** A duration as one says it: "1.9 ms". */
export function duration(microseconds) {
  const milliseconds = microseconds / 1000;
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/**
 * A way's figures, all with the same unit and decimals. The moments are rounded, not what lies between them: so the parts add up to the total.
 * @param {Way} way @returns {{total: string, parts: Map<string, string>, moments: Map<string, string>}} of each step its time, and when it was over
 */
export function figures({ total, parts }) {
  const [unit, scale, decimals] = total < 1_000_000 ? ["ms", 1000, 2] : ["s", 1_000_000, 3];
  const round = (value) => Math.round((value / scale) * 10 ** decimals);
  const say = (value) => `${(value / 10 ** decimals).toFixed(decimals)} ${unit}`;
  let moment = 0;
  const times = new Map(), moments = new Map();
  for (const { name } of steps) {
    const part = parts.get(name);
    if (part !== undefined) times.set(name, say(round(moment + part) - round(moment)));
    moment += part ?? 0;
    moments.set(name, say(round(moment)));
  }
  return { total: say(round(moment)), parts: times, moments };
}

/** Asks the gateway for the ways of records: newest first, a few at a time, and nothing twice. */
export class Ways {
  /** @type {Map<number, Promise<Way | undefined>>} */ #asked = new Map();
  /** @type {{sequence: number, isNew: boolean, resolve: (way: Way | undefined) => void}[]} */ #waiting = [];
  #running = 0;
  /** Records up to here have left the gateway's memory. */ #forgotten = 0;
  /** The ways of the last records that are known whole. @type {Way[]} */ recent = [];

  /** @param {number} sequence @param {boolean} isNew it has just come @returns {Promise<Way | undefined>} undefined: the gateway has no times of it */
  of(sequence, isNew) {
    if (sequence <= this.#forgotten) return Promise.resolve(undefined);
    let asked = this.#asked.get(sequence);
    if (!asked) {
      asked = new Promise((resolve) => this.#waiting.push({ sequence, isNew, resolve }));
      this.#asked.set(sequence, asked);
      // More can't be of interest: what came first is answered with nothing.
      if (this.#waiting.length > 60) this.#waiting.sort((a, b) => a.sequence - b.sequence).shift().resolve(undefined);
      if (this.#asked.size > 1000) this.#asked.delete(this.#asked.keys().next().value);
      this.#work();
    }
    return asked;
  }

  /** The log is another one: its numbers begin anew. */
  reset() {
    this.#forgotten = 0;
    this.#asked.clear();
  }

  /** The record in the middle, and the slowest one. */
  get typical() {
    const sorted = [...this.recent].sort((a, b) => a.total - b.total);
    return { median: sorted[(sorted.length - 1) >> 1], slowest: sorted.at(-1) };
  }

  async #work() {
    if (this.#running >= 3) return;
    this.#running++;
    while (this.#waiting.length > 0) {
      this.#waiting.sort((a, b) => a.sequence - b.sequence);
      const { sequence, isNew, resolve } = this.#waiting.pop();
      const found = sequence > this.#forgotten ? await this.#ask(sequence, isNew) : undefined;
      if (found?.isWhole) {
        this.recent.push(found);
        if (this.recent.length > 200) this.recent.shift();
      }
      resolve(found);
    }
    this.#running--;
  }

  async #ask(sequence, isNew) {
    // The times are noted just after the sockets are written: an event may be here before them.
    for (const wait of isNew ? [0, 40, 200] : [0]) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        const response = await fetch(new URL(`latency/records/${sequence}`, base));
        const { stages } = response.ok ? await response.json() : { stages: {} };
        if ("total" in stages) return way(sequence, stages);
        if (response.status === 404 && !isNew) this.#forgotten = Math.max(this.#forgotten, sequence);
      } catch {
        return undefined;
      }
    }
    return undefined;
  }
}

/** @typedef {{gateway: "open" | "closed", publishers: number | undefined, queue: string | undefined}} Processes */

/** Which processes are there. @returns {Promise<Processes>} publishers: undefined where the gateway doesn't show its metrics */
export async function processes() {
  try {
    const response = await fetch(new URL("metrics", base), { signal: AbortSignal.timeout(4000) });
    // A proxy in front of it may answer for a gateway that is gone, or keep its metrics to itself.
    if (response.status >= 500) return { gateway: "closed" };
    const text = response.ok ? await response.text() : "";
    const links = /^sluice_gateway_links_connected (\d+)/m.exec(text), queue = /^sluice_stage_seconds_count\{[^}]*queue="([^"]*)"/m.exec(text);
    return { gateway: "open", publishers: links ? Number(links[1]) : undefined, queue: queue?.[1] };
  } catch {
    return { gateway: "closed" };
  }
}

/** @typedef {{name: string, count: number, p50?: number, p99?: number, max?: number}} Window microseconds from accepted to the last socket */

/** What the gateway has measured of late, and since it started. @returns {Promise<Window[]>} none where it can't be asked */
export async function windows() {
  try {
    const response = await fetch(new URL("latency", base), { signal: AbortSignal.timeout(4000) });
    if (!response.ok) return [];
    const { stages, windows } = await response.json();
    const row = (name, stages) => ({ name, count: 0, ...stages.find(({ stage }) => stage === "total") });
    const names = { 10: "10 seconds", 60: "minute", 300: "5 minutes" };
    return [...windows.map(({ seconds, stages }) => row(names[seconds] ?? `${seconds} s`, stages)), row("since its start", stages)];
  } catch {
    return [];
  }
}
