// The picture of a record's way: its steps in a row, the record moving through them, and the time that each took.

import { figures, steps } from "./demo-measures.js";

const queueStep = steps.findIndex(({ name }) => name === "queue");
const lastStep = steps.length - 1;
/** How long the whole way takes on the screen, milliseconds. */
const showTime = 1800;

/** @typedef {import("./demo-measures.js").Way} Way */
/** @typedef {{sequence: number, topic: string, way?: Way, isHeard?: boolean}} Shown a record in the picture; `isHeard`: a pane here subscribes */

/** The picture, with one record in it. */
export class Path {
  #items = new Map([...document.querySelectorAll("#way li")].map((item) => [item.dataset.step, item]));
  #notes = new Map([...this.#items].map(([name, item]) => [name, this.#part(name, "[data-role=note]").textContent]));
  #area = document.getElementById("way");
  #drop = document.getElementById("drop");
  #story = document.getElementById("story");
  #total = document.getElementById("total");
  /** @type {Shown | undefined} */ #shown;
  /** What comes when the record in the picture is through. @type {Shown | undefined} */ #next;
  #reached = -1;
  #isMoving = false;
  /** The record in the picture was seen to move. */ #hasMoved = false;
  #isStopped = false;
  /** @type {(way: Way) => void} */ #onWay;

  /** @param {(way: Way) => void} onWay told the way of the record in the picture */
  constructor(onWay) {
    this.#onWay = onWay;
    this.#tell("Publish something, or choose an event below, and see its way.");
  }

  /** A record has been published or has come since the page was opened, or was chosen: no older one takes its place by itself. */
  hasNews = false;

  /** The record in the picture. */
  get sequence() {
    return this.#shown?.sequence;
  }

  /** Its way, when it is known. */
  get way() {
    return this.#shown?.way;
  }

  /** A record published here has its answer: it goes as far as the queue, and on when its times are known. @param {Shown} record */
  committed(record) {
    this.hasNews = true;
    if (this.#knows(record.sequence)) return;
    // One that waits stays in the picture until it is through.
    const isFree = !this.#shown || !this.#shown.isHeard || (this.#shown.way && !this.#isMoving);
    if (isFree) this.#begin(record);
    else this.#next = record;
  }

  /** A record's times have come: it goes, or goes on, to its end. @param {Shown} record */
  delivered(record) {
    if (record.sequence === this.#shown?.sequence) {
      this.#shown.way ??= record.way;
      this.#onWay(this.#shown.way);
      this.#move();
    } else if (record.sequence === this.#next?.sequence) {
      this.#next.way = record.way;
    } else if (record.sequence > Math.max(this.#shown?.sequence ?? 0, this.#next?.sequence ?? 0)) {
      this.committed(record);
    }
  }

  /** Shows a record as it went, without movement. @param {Shown} record */
  show(record) {
    this.#begin(record);
    this.#hasMoved = false;
    this.#arrive(lastStep);
  }

  /** Shows what is down as down. @param {import("./demo-measures.js").Processes} processes @param {number} waiting records that wait */
  processes({ gateway, publishers }, waiting) {
    const isGone = gateway === "closed", isStopped = !isGone && publishers === 0;
    this.#isStopped = isStopped;
    for (const name of ["publish", "commit", "fan-out"]) this.#down(name, isGone, "gateway gone");
    for (const name of ["publisher", "resolve"]) this.#down(name, isStopped, "stopped");
    const note = this.#part("queue", "[data-role=note]");
    note.textContent = waiting > 0 ? `${waiting} ${waiting === 1 ? "waits" : "wait"} for a publisher` : this.#notes.get("queue");
    this.#items.get("queue").classList.toggle("waits", waiting > 0);
    if (this.#shown && !this.#shown.way) this.#describe();
  }

  #knows(sequence) {
    return sequence === this.#shown?.sequence || sequence === this.#next?.sequence;
  }

  #begin(record) {
    this.#shown = record;
    this.#next = undefined;
    this.#reached = -1;
    this.#hasMoved = false;
    for (const name of this.#items.keys()) {
      this.#items.get(name).classList.remove("reached");
      this.#part(name, ".time").textContent = "";
    }
    this.#total.replaceChildren();
    if (record.way) this.#onWay(record.way);
    this.#move();
  }

  /** Moves the record on as far as is known. */
  async #move() {
    if (this.#isMoving) return;
    this.#isMoving = true;
    this.#arrive(Math.max(this.#reached, 0));
    for (;;) {
      const record = this.#shown, end = record.way ? lastStep : queueStep;
      if (this.#reached >= end) break;
      await this.#fly(this.#reached, record.way);
      // Another one may have been chosen meanwhile.
      if (record === this.#shown) this.#arrive(this.#reached + 1);
      else if (this.#reached < 0) this.#arrive(0);
    }
    this.#isMoving = false;
    if (this.#next && this.#shown.way) this.#begin(this.#next);
  }

  /** The record has come to a step: this one and all before it are lit, with their times. */
  #arrive(step) {
    this.#reached = Math.min(step, this.#shown.way ? lastStep : queueStep);
    const { way } = this.#shown, said = way && figures(way);
    for (const [index, { name, stages }] of steps.entries()) {
      this.#items.get(name).classList.toggle("reached", index <= this.#reached);
      const text = index > this.#reached || !said ? "" : stages.length > 0 ? said.parts.get(name) ?? "–" : `at ${said.moments.get(name)}`;
      this.#part(name, ".time").textContent = text;
    }
    if (said && this.#reached === lastStep) {
      const strong = document.createElement("strong");
      strong.textContent = said.total;
      this.#total.replaceChildren(strong, " to the last socket");
    }
    this.#describe();
  }

  #describe() {
    const { sequence, topic, way, isHeard } = this.#shown;
    const record = `Record #${sequence} on ${topic}`;
    const isSlower = this.#hasMoved && way && way.total < showTime * 100;
    if (way) return this.#tell(isSlower ? `${record}, shown ${slower(way.total)} times slower than it went.` : `${record}.`);
    if (this.#reached < queueStep) return this.#tell(`${record}.`);
    if (!isHeard) return this.#tell(`${record} is committed. Nobody here subscribes to this topic.`);
    this.#tell(this.#isStopped ? `${record} is committed, and waits in the queue until a publisher runs.` : `${record} is committed.`);
  }

  /** The drop flies from a step to the next one. */
  async #fly(from, way) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden;
    if (still || from < 0 || from >= lastStep) return;
    const [start, end] = [this.#place(from), this.#place(from + 1)];
    const duration = share(from + 1, way) * showTime;
    this.#drop.hidden = false;
    this.#hasMoved = true;
    const flight = this.#drop.animate([{ transform: start }, { transform: end }], { duration, easing: "ease-in-out", fill: "forwards" });
    // A page that nobody sees gets no frames, and its animations no end.
    await Promise.race([flight.finished.catch(() => {}), new Promise((resolve) => setTimeout(resolve, duration + 100))]);
    this.#drop.hidden = true;
    flight.cancel();
  }

  #place(step) {
    const area = this.#area.getBoundingClientRect(), dot = this.#items.get(steps[step].name).querySelector("i").getBoundingClientRect();
    return `translate(${dot.left + dot.width / 2 - area.left}px, ${dot.top + dot.height / 2 - area.top}px)`;
  }

  #down(name, isDown, text) {
    this.#items.get(name).classList.toggle("down", isDown);
    this.#part(name, "[data-role=note]").textContent = isDown ? text : this.#notes.get(name);
  }

  #part(name, selector) {
    return this.#items.get(name).querySelector(selector);
  }

  #tell(text) {
    if (this.#story.textContent !== text) this.#story.textContent = text;
  }
}

/** A leg's share of the time on the screen: the longer the stage the longer, but none so short that it isn't seen. */
function share(step, way) {
  if (!way || way.total <= 0) return 1 / lastStep;
  const weight = ({ name }) => 0.25 + Math.sqrt((way.parts.get(name) ?? 0) / way.total);
  const all = steps.slice(1).reduce((sum, one) => sum + weight(one), 0);
  return weight(steps[step]) / all;
}

/** How many times slower the picture is, in two digits that count. */
function slower(microseconds) {
  const factor = (showTime * 1000) / Math.max(microseconds, 1);
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(factor)) - 1);
  return (Math.round(factor / digits) * digits).toLocaleString("en");
}
