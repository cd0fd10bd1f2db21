/**
 * The declarations of a component file itself: what `import greeter from "./greeter.wasm"` gives.
 *
 * TypeScript reads x.d.wasm.ts for an import of `x.wasm`, where its option `allowArbitraryExtensions` is set.
 */
import { worldType } from "./dts.ts";

/**
 * The text of <name>.d.wasm.ts, which stands beside `<name>.d.ts`.
 *
 * @param world the world's id, such as `demo:calc/calc@1.0.0`
 */
export function sourceDeclarations(name: string, world: string): string {
  const type = worldType(world);
  return `// The component as a source for \`load\` and \`compile\`. Written by tenon; do not edit.
import type { TypedSource } from "tenon";
import type { ${type} } from ${JSON.stringify(`./${name}.d.ts`)};

export type * from ${JSON.stringify(`./${name}.d.ts`)};

declare const component: TypedSource<${type}>;
export default component;
`;
}
