/** Which instances could answer requests: what `toFetchHandler` finds the state of a module by. And what is no answer. */
import { TenonError } from "../../errors.ts";
import type { WasiState } from "../state.ts";

const states = new Map<string, Set<WasiState>>();

const keyOf = (module: string, hash: string): string => `${hash} ${module}`;

export const serving = {
  add(state: WasiState): void {
    const { hash } = state;
    if (hash === undefined) return;
    const key = keyOf(state.module, hash);
    const known = states.get(key) ?? new Set();
    states.set(key, known.add(state));
    state.defer(() => {
      known.delete(state);
      if (known.size === 0) states.delete(key);
    });
  },

  /** Of several that cannot be told apart, one that cannot wait where there is one: that serves them all. */
  find(module: string, hash: string): WasiState | undefined {
    const known = [...(states.get(keyOf(module, hash)) ?? [])];
    return known.find(({ waiting }) => !waiting.waits) ?? known.at(-1);
  },
};

/** Statuses whose responses have no body. */
export const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** @param handler the interface that was called */
export function noResponse(module: string, handler: string, how: string): TenonError {
  return new TenonError("response", `Module ${module} ended its call of ${handler} ${how}`);
}
