/**
 * The list of what happens: what modules log, calls, loads, reloads, traps, unloads. Newest first, and not without end.
 */
import { h } from "./dom.ts";

export interface ActivityEntry {
  readonly module: string;
  readonly kind: "log" | "call" | "event" | "fault";
  /** A word or two: `info`, `reloaded`, `trap`. */
  readonly label: string;
  readonly text: string;
  readonly fields?: readonly (readonly [string, string])[] | undefined;
}

const MOST_ENTRIES = 200;

export class Activity {
  readonly #list: HTMLElement;

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  add({ module, kind, label, text, fields = [] }: ActivityEntry): void {
    const now = new Date();
    const pairs = fields.map(([name, value]) => h("span", { class: "pair" }, `${name}=`, h("b", {}, value)));
    const entry = h(
      "li",
      { class: `entry ${kind} ${label}` },
      h("span", { class: "entry-head" }, h("b", {}, module), h("span", { class: "entry-label" }, label)),
      h("time", { datetime: now.toISOString() }, now.toTimeString().slice(0, 8)),
      h("span", { class: "entry-text" }, text, pairs.length > 0 && " ", pairs),
    );
    this.#list.prepend(entry);
    while (this.#list.childElementCount > MOST_ENTRIES) this.#list.lastElementChild?.remove();
  }
}
