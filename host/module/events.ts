/**
 * Typed events. Owns listeners and their order; the callers decide what is emitted when.
 */
export class Events<Map extends object> {
  readonly #listeners = new globalThis.Map<keyof Map, Set<(detail: never) => void>>();

  /** @returns a function that stops listening */
  on<K extends keyof Map>(event: K, listener: (detail: Map[K]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    // A wrapper of its own, so that one function registered twice is called twice and removed once.
    const entry = (detail: Map[K]): void => listener(detail);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Calls the listeners in the order they came. A listener that throws fails alone, as an uncaught error. */
  emit<K extends keyof Map>(event: K, detail: Map[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      failAlone(() => (listener as (detail: Map[K]) => void)(detail));
    }
  }

  has(event: keyof Map): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0;
  }
}

/** Runs a function of the program's that nobody waits for: what it throws is an uncaught error, and nothing else. */
export function failAlone(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
