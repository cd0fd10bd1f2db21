/**
 * A WIT world as a module of a program: its types, and its description at run time, which `load` checks components against.
 */
import { toSource } from "../../../host/bindings/emit-bound.ts";
import { Budget } from "../../../host/budget.ts";
import { ownName } from "../../../host/model/ids.ts";
import type { WorldDescription } from "../../../host/plan/world.ts";
import type { WitDocs } from "../wit/docs.ts";
import { paramName } from "./declaration-names.ts";
import { declarations } from "./dts.ts";

/** One module, in TypeScript, or in JavaScript with declarations. */
export interface WorldModule {
  readonly typescript: string;
  readonly javascript: string;
  readonly declarations: string;
}

/** The description may be of any size: it is the author's own. */
const work = 2 ** 30;

export function worldModule(world: WorldDescription, docs: WitDocs): WorldModule {
  // The last part of the id: what imports it reads as the world's own name.
  const name = paramName(ownName(world.name));
  const { statements, expression } = toSource({ imports: world.imports, exports: world.exports }, new Budget(work));
  const doc = "/** The world at run time: as the option `world` of `load`, it is what a component must fit. */";
  const defined = (type: string): string =>
    [
      ...statements,
      `const description: unknown = ${expression};`,
      "",
      doc,
      `export const ${name}: WorldDemand<${type}> = description as WorldDemand<${type}>;`,
    ].join("\n");
  const declared = (type: string): string => [doc, `export declare const ${name}: WorldDemand<${type}>;`].join("\n");
  return {
    typescript: declarations(world, docs, { demand: defined }),
    javascript: `${["// Written by tenon; do not edit.", ...statements, "", doc, `export const ${name} = ${expression};`].join("\n")}\n`,
    declarations: declarations(world, docs, { demand: declared }),
  };
}
