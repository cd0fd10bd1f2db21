/**
 * Reads the fixed AssemblyScript of the bindings: real files in `assembly/`, checked there by AssemblyScript's compiler
 * and by TypeScript's, and put into bindings region by region.
 *
 * A region stands between `// #region NAME` and `// #endregion`. What is outside of all regions, such as imports, is
 * for those compilers alone. A region inside another is left out with its marks, or kept without them.
 */
import { readFileSync } from "node:fs";

/** The region's text as the file has it, with the named regions inside it; it ends with a line end. */
export function region(
  file: "abi" | "async" | "channels" | "tenon",
  name: string,
  inner: readonly string[] = [],
): string {
  const wanted = new Set([name, ...inner]);
  const open: string[] = [];
  const lines: string[] = [];
  for (const line of linesOf(file)) {
    const mark = /^ *\/\/ #(?:region (\w+)|endregion)$/.exec(line);
    if (mark === null) {
      if (open[0] === name && open.every((one) => wanted.has(one))) lines.push(line);
    } else if (mark[1] === undefined) open.pop();
    else open.push(mark[1]);
  }
  if (lines.length === 0) throw new Error(`tenon bug: assembly/${file}.ts has no region ${name}`);
  return `${lines.join("\n")}\n`;
}

const files = new Map<string, readonly string[]>();

/** In the package they lie beside this file's JavaScript as they do here. */
function linesOf(file: string): readonly string[] {
  let lines = files.get(file);
  if (lines === undefined) {
    lines = readFileSync(new URL(`./assembly/${file}.ts`, import.meta.url), "utf8").split(/\r?\n/);
    files.set(file, lines);
  }
  return lines;
}
