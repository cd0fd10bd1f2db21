/**
 * The interfaces of WASI as its own WIT says them: it comes with jco, and is read from there.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { componentEmbed, componentNew, emptyModule } from "../../../scripts/toolchain/wasm-tools.ts";

const packages = join(dirname(createRequire(import.meta.url).resolve("@bytecodealliance/jco")), "../lib/wit/builtin");

/** A component that imports every function of every interface of one version of WASI. */
export async function everythingOf(version: string): Promise<Uint8Array<ArrayBuffer>> {
  const root = mkdtempSync(join(tmpdir(), "tenon-wasi-"));
  try {
    const interfaces: string[] = [];
    for (const name of readdirSync(join(packages, version))) {
      const folder = join(root, "deps", name);
      mkdirSync(folder, { recursive: true });
      const file = join(packages, version, name, "package.wit");
      cpSync(file, join(folder, "package.wit"));
      const text = readFileSync(file, "utf8");
      const [, id] = /^package (wasi:[a-z]+)@/m.exec(text)!;
      // `run` is for export alone.
      const own = [...text.matchAll(/^interface ([a-z0-9-]+) \{/gm)].map(([, it]) => it!).filter((it) => it !== "run");
      interfaces.push(...own.map((it) => `${id}/${it}@${version}`));
    }
    const imports = interfaces.map((it) => `import ${it};`).join(" ");
    writeFileSync(join(root, "all.wit"), `package test:all; world all { ${imports} }`);
    const embedded = await componentEmbed(emptyModule, { witPath: root, features: "all", dummy: true });
    return await componentNew(embedded);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
