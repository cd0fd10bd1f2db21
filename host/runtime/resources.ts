/**
 * The resources of an instance, counted and closed: what each side holds of the other. Loaded with the words for faults, with
 * the first component and not with the page.
 */
import { disposeHostObject } from "../abi/host-objects.ts";
import type { AbiRuntime } from "../abi/runtime.ts";
import type { KeptPlan } from "../plan/plan.ts";
import { wordsOf } from "../words.ts";
import type { InstanceResources } from "./engine.ts";
import { scrub } from "./trap.ts";

type Held = Pick<AbiRuntime, "components" | "objects" | "owners">;

/** What became of the resources of an instance that ended. */
export interface Closed {
  readonly disposed: number;
  readonly cut: number;
  readonly errors: Error[];
}

/** Live wrappers and guest-held host objects, by resource name. */
export function liveResources({ components, owners }: Held, plan: KeptPlan): InstanceResources {
  const heldByHost = new Map<string, number>();
  const heldByGuest = new Map<string, number>();
  const owned = new Map<number, number>();
  for (const { handles } of components) handles.countOwned(owned);
  plan.resources.forEach(({ name, origin }, index) => {
    if (origin.kind === "guest") add(heldByHost, name, owners[index]!.live);
    else add(heldByGuest, name, owned.get(index) ?? 0);
  });
  return { heldByHost, heldByGuest };
}

/** Disposes of what the guest leaked, and cuts the wrappers that the host still holds. */
export function closeResources({ components, objects: all, owners }: Held): Closed {
  const errors: Error[] = [];
  let disposed = 0;
  for (const { handles } of components) handles.clear();
  for (const objects of all) {
    for (const object of objects?.clear() ?? []) {
      disposed++;
      try {
        disposeHostObject(object);
      } catch (error) {
        errors.push(errorOf(error));
      }
    }
  }
  let cut = 0;
  for (const owner of owners) {
    if (owner === undefined) continue;
    cut += owner.live;
    owner.drop = undefined;
  }
  return { disposed, cut, errors };
}

/** What was thrown, as an error. */
function errorOf(thrown: unknown): Error {
  scrub(thrown);
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // A proxy that throws when it is looked at.
  }
  return new Error(wordsOf(thrown));
}

function add(counts: Map<string, number>, name: string, count: number): void {
  if (count > 0) counts.set(name, (counts.get(name) ?? 0) + count);
}
