/** The host as the last of those who may meet the imports of a module: it offers a console. */
import type { ExternDecl } from "../../model/types.ts";
import { givenNames } from "../../runtime/given-imports.ts";
import type { SharedContext } from "../context.ts";
import type { Provider } from "../contract.ts";
import type { LoadOptions } from "../types.ts";
import { givenProvider, isConsole } from "./resolve-imports.ts";

/** @returns nothing for a component that imports none, and where `link` names a module for it */
export async function hostConsole(
  module: string,
  wanted: readonly ExternDecl[],
  link: LoadOptions["link"],
  context: Pick<SharedContext, "platform" | "events">,
): Promise<Provider[]> {
  const decl = wanted.find(isConsole);
  const linked = typeof link === "object" ? givenNames(link) : undefined;
  if (decl === undefined || linked?.find(decl.name) !== undefined) return [];
  const { GuestConsole } = await import("./console.ts");
  const { write, time, timeLog, timeEnd } = new GuestConsole(module, context);
  const imports = { "tenon:module/console": { write, time, timeLog, timeEnd } };
  return [givenProvider(imports, "the host's console", { from: "host" })];
}
