/**
 * What the page gives to modules: a log that is written to the activity list, and a host function that throws.
 *
 * Anything else a module imports it can only get from another module; what is missing then is shown as it is.
 */
import type { ImportEntry } from "../../../../host/module/types.ts";
import type { Activity } from "./activity.ts";

interface LogEntry {
  readonly level: "debug" | "info" | "warning" | "error";
  readonly message: string;
  readonly fields: readonly (readonly [string, string])[];
}

export function pageImports(activity: Activity): ImportEntry {
  return ({ module }) => ({
    "demo:log/log@0.1.0": {
      write: ({ level, message, fields }: LogEntry) =>
        activity.add({ module, kind: "log", label: level, text: message, fields }),
      now: () => BigInt(Date.now()),
    },
    "demo:faulty/host": {
      explode: () => {
        throw new Error("The page threw this, as it was asked to");
      },
    },
  });
}
