/**
 * The view of one module: its head with buttons, notices, a form for every function, memory, objects, WIT.
 *
 * Forms stay as they are while a function's signature does: what a person has entered outlives a live reload.
 */
import { invoke } from "./call.ts";
import type { Callable, Description, Group } from "./describe.ts";
import { fill, formatBytes, h, plural } from "./dom.ts";
import { type Called, type FunctionForm, makeForm } from "./form.ts";
import { notices } from "./notices.ts";
import { showOutcome } from "./outcome.ts";
import { drawPlot } from "./plot.ts";
import type { Entry, Session } from "./session.ts";
import { type ShelfCard, shelfCard } from "./shelf-card.ts";
import { isLocked, stateOf } from "./state.ts";
import { highlightWit } from "./wit.ts";

export class Pane {
  readonly element: HTMLElement;
  readonly #entry: Entry;
  readonly #session: Session;
  readonly #called: Called;
  readonly #state = h("span", { class: "state" });
  readonly #facts = h("dl", { class: "facts line" });
  readonly #reload: HTMLButtonElement;
  readonly #unload: HTMLButtonElement;
  readonly #notices = h("div", { class: "notices" });
  readonly #functions = h("div", { class: "functions" });
  readonly #plot = h("div", { class: "plot-frame" });
  readonly #memoryNow = h("p", { class: "memory-now" });
  readonly #wit = h("div");
  readonly #shelf: ShelfCard;
  readonly #forms = new Map<string, FunctionForm>();
  #description: Description | undefined;
  #noticeKey: readonly unknown[] = [];

  constructor(entry: Entry, session: Session, called: Called) {
    this.#entry = entry;
    this.#session = session;
    this.#called = called;
    this.#shelf = shelfCard(entry);
    this.#reload = h("button", { type: "button", onclick: () => void session.reload(entry) }, "Reload");
    this.#unload = h("button", { type: "button", onclick: () => this.#toggle() }, "Unload");
    this.element = h(
      "article",
      { class: "pane", "aria-labelledby": "pane-title" },
      h(
        "header",
        { class: "pane-head" },
        h("div", {}, h("h1", { id: "pane-title" }, entry.name), this.#state),
        h("div", { class: "actions" }, this.#reload, this.#unload),
        this.#facts,
      ),
      this.#notices,
      h(
        "div",
        { class: "columns" },
        h("section", { class: "main-column", "aria-label": "Functions" }, this.#functions),
        h(
          "aside",
          { class: "side-column", "aria-label": "About the module" },
          h("section", { class: "card" }, h("h2", {}, "Memory"), this.#memoryNow, this.#plot),
          this.#shelf.element,
          this.#wit,
        ),
      ),
    );
    this.draw();
  }

  /** Brings everything up to date. */
  draw(): void {
    const { module, description, resting, problem } = this.#entry;
    const state = stateOf(this.#entry);
    this.#state.className = `state ${state.kind}`;
    setText(this.#state, state.text);
    this.#reload.disabled = module === undefined;
    setText(this.#unload, module === undefined ? "Load again" : "Unload");
    this.#unload.disabled = module === undefined && !resting && problem === undefined;
    if (description !== this.#description) this.#describe(description);
    this.#drawNotices();
    this.drawMemory();
  }

  /** Brings the figures up to date that change by themselves. */
  drawMemory(): void {
    const { memory, module, offered, name } = this.#entry;
    const info = module?.info();
    const facts: [string, string][] = [
      ...(info?.version === undefined ? [] : [["Version", info.version] as [string, string]]),
      ["Hash", (module?.hash ?? offered?.hash ?? "").slice(0, 12) || "none"],
      ["Size", offered === undefined ? "none" : formatBytes(offered.byteLength)],
      ["Calls", String(info?.calls ?? 0)],
      ["Reloads", String(info?.reloads ?? 0)],
      ["Traps", String(info?.traps ?? 0)],
      ...(info === undefined || info.uses.length === 0 ? [] : [["Uses", info.uses.join(", ")] as [string, string]]),
      ...(info === undefined || info.usedBy.length === 0
        ? []
        : [["Used by", info.usedBy.join(", ")] as [string, string]]),
    ];
    const text = facts.flat().join("\0");
    if (this.#facts.dataset["shown"] !== text) {
      this.#facts.dataset["shown"] = text;
      fill(
        this.#facts,
        facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
      );
    }
    setText(this.#memoryNow, `${formatBytes(memory.now)} now, ${formatBytes(memory.most)} at most in the last minute`);
    this.#plot.replaceChildren(
      drawPlot(memory, { width: 300, height: 96, label: `Memory of ${name}`, detailed: true }),
    );
  }

  #toggle(): void {
    if (this.#entry.module === undefined) void this.#session.load(this.#entry);
    else void this.#session.unload(this.#entry);
  }

  #drawNotices(): void {
    const { issues, problem, journey, receipt, collected, module } = this.#entry;
    const key = [
      issues.length === 0 ? undefined : issues,
      problem,
      journey,
      receipt,
      collected,
      isLocked(module),
      module?.hash,
    ];
    if (key.length === this.#noticeKey.length && key.every((value, index) => value === this.#noticeKey[index])) return;
    // Another version serves: objects of the one before are marked.
    if (key.at(-1) !== this.#noticeKey.at(-1)) this.#shelf.draw();
    this.#noticeKey = key;
    fill(this.#notices, notices(this.#entry, this.#session));
  }

  #describe(description: Description | undefined): void {
    this.#description = description;
    if (description === undefined) return;
    const wanted = new Set<string>();
    const groups = sortBy(description.groups, isLifeCycle).map((group) => {
      const element = this.#group(group, description, wanted);
      if (!isLifeCycle(group)) return element;
      return h(
        "details",
        { class: "life" },
        h("summary", {}, h("code", {}, group.id), ", which the host calls by itself"),
        element,
      );
    });
    for (const key of this.#forms.keys()) if (!wanted.has(key)) this.#forms.delete(key);
    fill(
      this.#functions,
      groups.length > 0 ? groups : h("p", { class: "empty" }, "This component exports no function."),
    );
    const count = description.groups.reduce((sum, { callables }) => sum + callables.length, 0);
    fill(
      this.#wit,
      h(
        "details",
        { class: "card", open: matchMedia("(min-width: 70rem)").matches },
        h("summary", {}, h("h2", {}, "WIT"), h("span", { class: "count" }, plural(count, "function"))),
        highlightWit(description.wit),
      ),
    );
  }

  #group({ id, callables }: Group, description: Description, wanted: Set<string>): HTMLElement {
    const forms = callables.map((callable) => {
      const key = `${id} ${callable.resource ?? ""} ${callable.label} ${callable.signature}`;
      wanted.add(key);
      let form = this.#forms.get(key);
      if (form === undefined) this.#forms.set(key, (form = makeForm(this.#entry, callable, description, this.#called)));
      return form.live === undefined ? form.element : [form.element, form.live];
    });
    return h(
      "section",
      { class: "group" },
      h("h2", {}, id === "" ? "World" : h("code", {}, id)),
      h("div", { class: "sheet" }, id.startsWith("demo:faulty/faults") && this.#faults(callables), forms),
    );
  }

  /** One button for each way to fault; a module that is locked gets a fresh instance first. */
  #faults(callables: readonly Callable[]): HTMLElement {
    const result = h("div", { class: "result", "aria-live": "polite" });
    const act = async (callable: Callable): Promise<void> => {
      const entry = this.#entry;
      if (isLocked(entry.module)) await this.#session.reload(entry);
      if (entry.module === undefined) return;
      const outcome = await invoke(entry.module, callable, undefined, faultArguments(callable));
      result.replaceChildren(showOutcome(outcome, entry.shelf.nameOf));
      this.#called(entry, callable, outcome);
    };
    const buttons = callables
      .filter(({ label }) => label !== "ok")
      .map((callable) =>
        h("button", { type: "button", class: "small fault", onclick: () => void act(callable) }, callable.label),
      );
    return h(
      "div",
      { class: "faults" },
      h("h3", {}, "Trap on purpose"),
      h(
        "p",
        { class: "doc" },
        "Each of these faults locks this module and nothing else; the next one gets a fresh instance.",
      ),
      h("p", { class: "buttons" }, buttons),
      result,
    );
  }
}

/** What the host calls when it reloads and unloads; a person seldom does. */
function isLifeCycle({ id }: Group): boolean {
  return id.startsWith("tenon:module/");
}

/** Those for which it holds come last. */
function sortBy<T>(items: readonly T[], last: (item: T) => boolean): T[] {
  return [...items.filter((item) => !last(item)), ...items.filter(last)];
}

/** Arguments that bring each fault about. */
function faultArguments({ label, params }: Callable): unknown[] {
  const known: Record<string, unknown[]> = {
    "integer-divide-by-zero": [1],
    "integer-overflow": [-1],
    "invalid-conversion-to-integer": [1e30],
    "stack-overflow": [0],
    "abort-with-message": ["The page asked for it"],
  };
  return known[label] ?? params.map(() => 0);
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
