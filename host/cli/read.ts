/**
 * A component file as the commands see it. Nothing of it is run.
 */
import { TenonError, UsageError } from "../errors.ts";
import { nodePlatform } from "../node/platform.ts";
import { analyze } from "../plan/analyze.ts";
import type { Plan } from "../plan/plan.ts";
import { inspectBytes, type Inspection } from "../runtime/inspect.ts";
import { readWhole } from "../runtime/response.ts";

/** @throws {UsageError} naming the file, when it cannot be read or is no component */
export async function inspectFile(path: string): Promise<Inspection> {
  const bytes = await readWhole(nodePlatform, path);
  const hash = await nodePlatform.sha256(bytes);
  return named(path, () => inspectBytes(bytes, hash));
}

/** @throws {UsageError} naming the file, also when this host cannot run the component */
export async function readPlan(path: string): Promise<Plan & { readonly bytes: Uint8Array<ArrayBuffer> }> {
  return readBytes(path, (bytes) => ({ ...analyze(bytes).plan, bytes }));
}

/** Hands a file's bytes to `use`. @throws {UsageError} naming the file, for what it finds wrong with them too */
export async function readBytes<T>(path: string, use: (bytes: Uint8Array<ArrayBuffer>) => T): Promise<T> {
  const bytes = await readWhole(nodePlatform, path);
  return named(path, () => use(bytes));
}

/** Puts the file's path before the message of an error about its bytes. */
function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof TenonError ? new UsageError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}
