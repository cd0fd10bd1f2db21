/** What a case is given, and what it is. */
import { ok } from "node:assert/strict";
import type { Module } from "../../host/node/index.ts";

export interface Bench {
  /** @param component a file of the folder that is tested, or the bytes themselves */
  load(component: string | Uint8Array, imports?: readonly object[]): Promise<Module>;
}

export interface Case {
  readonly title: string;
  readonly files: readonly string[];
  /** What comes before, for which it has more time. */
  prepare?(): Promise<void>;
  run(bench: Bench): Promise<void>;
}

type Call = (...args: unknown[]) => Promise<any>;

/** An export by its path. */
export function call(module: Module, path: string): Call {
  const found = module.get(path);
  ok(found !== undefined, `no export ${path}`);
  return found as unknown as Call;
}
