/**
 * Directives of the specification's scripts that the specification has overtaken: what each expects was right before a
 * change that its own reference has made since (scripts and reference of 21 August 2026).
 *
 * They fail, as any directive whose expectation is not met; here stands why, and what they give today. A directive that
 * gives something else than its entry says is an ordinary failure.
 */
import type { TrapCode } from "../../../host/errors.ts";

export interface Outdated {
  /** The pull requests of WebAssembly/component-model that changed it. */
  readonly since: string;
  /** The trap that the specification's reference gives now, or that the text is no longer taken. */
  readonly now: TrapCode | "TextRefused";
}

interface Entry extends Outdated {
  readonly file: string;
  readonly lines: readonly number[];
  /** What the directives expect; `undefined` for definitions and calls that return. */
  readonly message?: string;
}

const cannotBlock = "cannot block a synchronous task before returning";

// A call that waits inside a call of a synchronous type traps when nothing is left to run, no longer when it is made.
const lazily = { message: cannotBlock, since: "#656, #696" };

const entries: readonly Entry[] = [
  // The callee runs at once, and executes `unreachable`.
  { ...lazily, file: "async/dont-block-start.wast", lines: [24], now: "unreachable" },
  { ...lazily, file: "async/trap-if-block-and-sync.wast", lines: [287, 289], now: "unreachable" },
  // The handle is looked up before anything can wait for it.
  {
    ...lazily,
    file: "async/trap-if-block-and-sync.wast",
    lines: [315, 317, 319, 321, 323, 325, 327, 329, 331],
    now: "invalid-handle",
  },
  // The option `cancellable` has left the format.
  { file: "async/cancellable.wast", lines: [13, 322], since: "#716", now: "TextRefused" },
];

/** What has overtaken the directive of `file` (relative to the scripts) that starts on `line` and expects `message`. */
export function findOutdated(file: string, line: number, message: string | undefined): Outdated | undefined {
  return entries.find((entry) => file.endsWith(entry.file) && entry.lines.includes(line) && entry.message === message);
}
