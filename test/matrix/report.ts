/** What a runtime tells of itself after `program.ts`: data, for whoever started it. */

export interface Step {
  readonly name: string;
  /** Why the step failed; absent when it held. */
  readonly error?: string;
}

export interface Report {
  readonly steps: readonly Step[];
  /** What differs between runtimes. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}
