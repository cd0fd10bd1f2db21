/**
 * Parts of the host that are loaded when they are first needed, so that a page starts with less: the compiler, which is
 * never needed where modules are bound ahead of time, the words for faults, the proof of freeing, and the inspector.
 */
import { UsageError } from "../errors.ts";

/**
 * A part of the host that is loaded when it is first needed, and once. After a failure the next call tries again.
 *
 * @param load must call `import()` itself: bundlers follow only what they see
 */
export function lazy<T>(name: string, load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () =>
    (loading ??= load().catch((cause: unknown) => {
      loading = undefined;
      throw new UsageError(`Could not load the ${name} of the host: ${String(cause)}`, { cause });
    }));
}

export const compiler: () => Promise<typeof import("./compiler.ts")> = lazy("compiler", () => import("./compiler.ts"));

/** What is said of a fault. */
export type Faults = typeof import("./faults.ts");

export const faults: () => Promise<Faults> = lazy("words for faults", () => import("./faults.ts"));

/** Whether memory was freed. */
export const proof: () => Promise<typeof import("./proof.ts")> = lazy("proof of freeing", () => import("./proof.ts"));

export const inspector: () => Promise<typeof import("./inspect.ts")> = lazy("inspector", () => import("./inspect.ts"));
