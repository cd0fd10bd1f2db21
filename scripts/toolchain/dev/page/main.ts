/**
 * The dev page: the list of modules, the chosen one, and the line to the dev server.
 */
import { EVENTS, type Message } from "../protocol.ts";
import { Activity } from "./activity.ts";
import { fill, formatBytes, h, plural } from "./dom.ts";
import { describeCall } from "./form.ts";
import { Pane } from "./pane.ts";
import { drawPlot } from "./plot.ts";
import { type Entry, Session } from "./session.ts";
import { stateOf } from "./state.ts";

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page lacks its element ${id}`);
  return found;
}

const list = element("modules");
const main = element("pane");
const summary = element("summary");
const activity = new Activity(element("activity"));
const session = new Session(activity, (entry) => changed(entry));
const panes = new Map<Entry, Pane>();
const rows = new Map<string, Row>();
let connected = true;

/** Modules to draw again with the next frame. */
const dirty = new Set<Entry>();

function changed(entry: Entry): void {
  if (dirty.size === 0) requestAnimationFrame(draw);
  dirty.add(entry);
}

function draw(): void {
  const entries = [...dirty];
  dirty.clear();
  for (const entry of entries) panes.get(entry)?.draw();
  drawList();
  show();
}

// The list.

interface Row {
  readonly element: HTMLElement;
  readonly link: HTMLAnchorElement;
  draw(): void;
}

function makeRow(entry: Entry): Row {
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  const state = h("span", { class: "row-state" });
  const bytes = h("span", { class: "row-bytes" });
  const plot = h("span", { class: "row-plot", "aria-hidden": "true" });
  const link = h(
    "a",
    { href: `#${encodeURIComponent(entry.name)}` },
    ...[dot, h("span", { class: "row-name" }, entry.name), state, bytes, plot],
  );
  return {
    element: h("li", {}, link),
    link,
    draw: () => {
      const view = stateOf(entry);
      dot.className = `dot ${view.kind}`;
      state.className = `row-state ${view.kind}`;
      state.textContent = view.text;
      bytes.textContent = entry.module === undefined ? "" : formatBytes(entry.memory.now);
      plot.replaceChildren(drawPlot(entry.memory, { width: 32, height: 16, label: entry.name, detailed: false }));
    },
  };
}

function drawList(): void {
  const { entries } = session;
  const names = new Set(entries.map(({ name }) => name));
  for (const [name, row] of rows) {
    if (names.has(name)) continue;
    row.element.remove();
    rows.delete(name);
  }
  for (const [index, entry] of entries.entries()) {
    let row = rows.get(entry.name);
    if (row === undefined) {
      rows.set(entry.name, (row = makeRow(entry)));
      list.insertBefore(row.element, list.children[index] ?? null);
    }
    row.draw();
  }
  const live = entries.filter(({ module }) => module?.state === "live").length;
  const bytes = entries.reduce((sum, { memory }) => sum + memory.now, 0);
  const text = connected
    ? `${live} of ${plural(entries.length, "module")} live, ${formatBytes(bytes)}`
    : "The dev server has gone";
  if (summary.textContent !== text) summary.textContent = text;
  summary.classList.toggle("bad", !connected);
}

// The chosen module.

let shown: Entry | undefined;

function chosen(): Entry | undefined {
  const name = decodeURIComponent(location.hash.slice(1));
  return session.get(name) ?? session.entries[0];
}

function show(): void {
  const entry = chosen();
  for (const [name, { link }] of rows) {
    if (name === entry?.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (entry === shown && (entry === undefined || panes.has(entry))) return;
  shown = entry;
  document.title = entry === undefined ? "tenon" : `${entry.name} · tenon`;
  if (entry === undefined) {
    fill(main, h("p", { class: "empty" }, "There are no modules yet: `npx tenon new NAME --wit PATH` makes one"));
    return;
  }
  let pane = panes.get(entry);
  if (pane === undefined) {
    pane = new Pane(entry, session, (of, callable, outcome) => {
      // A trap is told by the host's own event.
      if (outcome.kind !== "trap") activity.add({ module: of.name, kind: "call", ...describeCall(callable, outcome) });
      session.sample();
      changed(of);
    });
    panes.set(entry, pane);
  } else {
    pane.draw();
  }
  fill(main, pane.element);
}

addEventListener("hashchange", show);
setInterval(() => {
  if (document.hidden) return;
  drawList();
  const pane = shown === undefined ? undefined : panes.get(shown);
  pane?.drawMemory();
}, 1000);

// The line to the server.

/** The page's own code as it was when the server was first heard. */
let page: string | undefined;

// A line that is lost is taken up again by itself; the server begins with a greeting then too.
const events = new EventSource(EVENTS);
events.addEventListener("message", ({ data }: MessageEvent<string>) => {
  const message = JSON.parse(data) as Message;
  if (message.kind !== "hello") return session.update(message);
  page ??= message.page;
  if (page !== message.page) location.reload();
  connected = true;
  session.keep(message.names);
  drawList();
  show();
});
events.addEventListener("error", () => {
  connected = false;
  drawList();
});
