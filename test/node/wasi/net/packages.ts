/** The WIT of WASI as jco brings it, for worlds that are written in tests. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Packages of WASI 0.2.12, to stand below a world; `http` with the version that the engine of componentize-js exports, where asked. */
export function packages(names: readonly string[], http = "0.2.12"): string {
  const jco = createRequire(import.meta.url).resolve("@bytecodealliance/jco");
  return names
    .map((name) => {
      const file = join(jco, `../../lib/wit/builtin/0.2.12/wasi-${name}/package.wit`);
      const text = readFileSync(file, "utf8").replace(/^\s*\/\/.*$/gm, "");
      const id = /package ([^;]+);/.exec(text)![1]!.replace("http@0.2.12", `http@${http}`);
      return `package ${id} {${text.replace(/package [^;]+;/, "")}}`;
    })
    .join("\n");
}
