/**
 * Text that calls every imported function of a world, so that asc compiles them all: it skips what nobody calls.
 */
import { TypeText, FileScope } from "../../scripts/toolchain/guest/assembly-types.ts";
import { analyseWorld } from "../../scripts/toolchain/guest/world.ts";
import type { WorldDescription } from "../../host/plan/world.ts";
import type { ValueType } from "../../host/model/types.ts";

/** A function `touch` for a module's `touch.ts`, and how many functions it calls. */
export function touchText(description: WorldDescription): { text: string; count: number } {
  const world = analyseWorld(description);
  const types = new TypeText(world);
  const scope = new FileScope(undefined);
  const zero = (type: ValueType): string => `zero<${types.text(type, scope)}>()`;
  const lines: string[] = [];
  for (const file of [world.worldFile, ...world.files]) {
    if (file.direction !== "import") continue;
    const alias = (): string => scope.use(`./${file.path}`, file.alias);
    for (const func of file.functions) {
      if (func.direction === "import")
        lines.push(`${alias()}.${func.name}(${func.type.params.map(({ type }) => zero(type)).join(", ")});`);
    }
    for (const resource of file.resources) {
      const name = `${alias()}.${resource.name}`;
      for (const func of resource.members) {
        const params = func.kind === "method" ? func.type.params.slice(1) : func.type.params;
        const args = params.map(({ type }) => zero(type)).join(", ");
        if (func.kind === "method") lines.push(`zero<${name}>().${func.name}(${args});`);
        else lines.push(func.name === "constructor" ? `new ${name}(${args});` : `${name}.${func.name}(${args});`);
      }
      lines.push(`zero<${name}>().dispose();`);
    }
  }
  const imports = scope.lines().map((line) => line.replace('"./', '"./bindings/'));
  const text = [
    ...imports,
    "function zero<T>(): T {",
    "  if (isReference<T>()) return changetype<T>(0);",
    "  return <T>0;",
    "}",
    "export function touch(): void {",
    ...lines.map((line) => `  ${line}`),
    "}",
    "",
  ].join("\n");
  return { text, count: lines.length };
}
