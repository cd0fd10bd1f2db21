/** Calls that a signal ends: one listener a signal, however many calls it is for. */
import type { Call } from "./call.ts";

export class Aborts {
  readonly #stop: (call: Call) => void;
  readonly #watched = new Map<AbortSignal, { readonly calls: Set<Call>; readonly fired: () => void }>();

  constructor(stop: (call: Call) => void) {
    this.#stop = stop;
  }

  add(call: Call, signal: AbortSignal): void {
    let watched = this.#watched.get(signal);
    if (watched === undefined) {
      const calls = new Set<Call>();
      const fired = (): void => {
        for (const each of [...calls]) this.#stop(each);
      };
      signal.addEventListener("abort", fired);
      watched = { calls, fired };
      this.#watched.set(signal, watched);
    }
    watched.calls.add(call);
  }

  /** The call has ended. */
  remove(call: Call): void {
    const { signal } = call.limits ?? {};
    if (signal === undefined) return;
    const watched = this.#watched.get(signal);
    if (watched === undefined || !watched.calls.delete(call) || watched.calls.size > 0) return;
    signal.removeEventListener("abort", watched.fired);
    this.#watched.delete(signal);
  }
}
