/**
 * A module's state in a word, for the list and the head.
 */
import type { Entry } from "./session.ts";

export interface StateView {
  readonly kind: "live" | "busy" | "trapped" | "off" | "bad";
  readonly text: string;
}

/** Whether calls are refused until there is a fresh instance. */
export function isLocked(module: Entry["module"]): boolean {
  return module?.state === "trapped" || module?.state === "exited";
}

export function stateOf({ building, module, issues, problem, resting }: Entry): StateView {
  if (module === undefined) {
    if (building) return { kind: "busy", text: "building" };
    if (resting) return { kind: "off", text: "unloaded" };
    if (issues.length > 0) return { kind: "bad", text: "does not build" };
    return problem === undefined ? { kind: "busy", text: "loading" } : { kind: "bad", text: "not loaded" };
  }
  if (isLocked(module)) return { kind: "trapped", text: module.state };
  if (building) return { kind: "busy", text: "live, building" };
  if (issues.length > 0 || problem?.what === "reload") return { kind: "bad", text: "live, old version" };
  return { kind: "live", text: module.state };
}
