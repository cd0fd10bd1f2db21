/**
 * Work, counted instead of timed: how often blocks of the host's code ran, by the engine's own count.
 *
 * A count is the same however busy the machine is. Counting makes all code slower, so it begins with `start` and ends with
 * `stop`. Node only: a page has no such count.
 */
import { Session } from "node:inspector/promises";

/** No component, however small, is refused before so much work; and so much more is allowed for each of its bytes. */
export const WORK_AT_LEAST = 60e6;
export const WORK_PER_BYTE = 300;

export class WorkCounter {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** How often blocks of the host ran since this was last asked. */
  async blocksRun(): Promise<number> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    let count = 0;
    for (const { url, functions } of result) {
      if (!url.includes("/host/")) continue;
      for (const { ranges } of functions) for (const range of ranges) count += range.count;
    }
    return count;
  }
}
