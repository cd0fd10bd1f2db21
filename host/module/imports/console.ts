/**
 * The console of modules: meets `tenon:module/console` where nobody else does. Lines go to the listeners of the host's
 * `console` event, and to the program's own console where there are none.
 *
 * What a guest says is made harmless first: no character of it moves a cursor or pretends to be another module's line, and
 * what it says in one turn of the event loop is bounded, so that nothing piles up behind a call that does not end.
 */
import { printable, printableLines } from "../../model/printable.ts";
import type { Platform } from "../../platform.ts";
import type { ConsoleEvents, ConsoleLevel } from "../types.ts";

/** What one module may say in one turn of the event loop: texts, and letters in all. */
const MOST_TEXTS = 1_000;
const MOST_LETTERS = 1_000_000;
/** Letters of one text. */
const LONGEST_TEXT = 100_000;
/** Labels that are measured at once. */
const MOST_LABELS = 1_000;

interface Outlet {
  readonly platform: Pick<Platform, "macrotask">;
  readonly events: ConsoleEvents;
}

/** The interface as an import object has it; its texts are the guest's. */
export class GuestConsole {
  readonly #module: string;
  readonly #outlet: Outlet;
  readonly #since = new Map<string, number>();
  #texts = 0;
  #letters = 0;
  #dropped = 0;

  constructor(module: string, outlet: Outlet) {
    this.#module = module;
    this.#outlet = outlet;
  }

  readonly write = (level: ConsoleLevel, text: string): void => {
    if (this.#texts === 0) {
      // The turn ends when the program has had one: a call that goes on holds it open.
      void this.#outlet.platform.macrotask().then(() => this.#endTurn());
    }
    this.#texts++;
    this.#letters += text.length;
    if (this.#texts > MOST_TEXTS || this.#letters > MOST_LETTERS) {
      this.#dropped++;
      return;
    }
    const end = text.endsWith("\n") ? -1 : text.length;
    const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text.slice(0, end);
    this.#tell(level, printableLines(cut));
  };

  readonly time = (label: string): void => {
    if (this.#since.has(label) || this.#since.size === MOST_LABELS) {
      this.write("warn", `There is no room for the label ${label}, or it is measured already`);
    } else this.#since.set(label, performance.now());
  };

  readonly timeLog = (label: string): void => {
    const since = this.#since.get(label);
    if (since === undefined) this.write("warn", `Nothing is measured under the label ${label}`);
    else this.write("log", `${label}: ${(performance.now() - since).toFixed(3)} ms`);
  };

  readonly timeEnd = (label: string): void => {
    this.timeLog(label);
    this.#since.delete(label);
  };

  #endTurn(): void {
    const dropped = this.#dropped;
    this.#texts = this.#letters = this.#dropped = 0;
    if (dropped > 0) this.#tell("warn", `${dropped} more texts were said at once and are not shown`);
  }

  #tell(level: ConsoleLevel, text: string): void {
    const { events } = this.#outlet;
    if (events.has("console")) events.emit("console", { module: this.#module, level, text });
    else console[level](inLines(this.#module, text));
  }
}

/** A text of which every line begins with the module's name. */
function inLines(module: string, text: string): string {
  const prefix = `[${printable(module)}] `;
  return `${prefix}${text.replaceAll("\n", `\n${prefix}`)}`;
}
