/** The two that run whole components in these tests: tenon, and jco's glue as the one that nobody here wrote. */
import { compile } from "../../../host/node/index.ts";
import { jcoComponent } from "../../../scripts/toolchain/wasm-tools.ts";
import type { Dynamic } from "../runtime/support.ts";

export const runners = ["tenon", "jco"] as const;
export type Runner = (typeof runners)[number];

/** What an instance of its own exports. */
export async function exportsOf(
  by: Runner,
  bytes: Uint8Array<ArrayBuffer>,
  imports: object = {},
): Promise<Dynamic["exports"]> {
  if (by === "tenon") return (await compile<Dynamic>(bytes)).instantiateSync(imports).exports;
  return (await jcoComponent(bytes)).instantiate(imports as Record<string, unknown>);
}
