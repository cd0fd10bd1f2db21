/**
 * Components made from JavaScript by componentize-js, which comes with jco: an engine compiled to a component, 12 MB of it.
 *
 * Making one takes seconds and much memory, so a child process does it once and the result is kept beside the other caches.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(root, "node_modules/.cache/tenon-test");

export interface JavaScriptModule {
  readonly wit: string;
  readonly source: string;
  /** Whether it is made without anything of WASI. */
  readonly plain?: boolean;
}

/** Compiles a JavaScript module to a component. */
export async function componentize(module: JavaScriptModule): Promise<Uint8Array<ArrayBuffer>> {
  const entry = tool();
  const { version } = JSON.parse(await readFile(join(entry, "../../package.json"), "utf8")) as { version: string };
  const key = createHash("sha256")
    .update(JSON.stringify([version, module]))
    .digest("hex")
    .slice(0, 16);
  const file = join(folder, `${key}.wasm`);
  const cached = await readFile(file).catch(() => undefined);
  if (cached !== undefined) return new Uint8Array(cached);
  await mkdir(folder, { recursive: true });
  const partial = `${file}.${process.pid}`;
  const program = `
    import { componentize } from ${JSON.stringify(pathToFileURL(entry).href)};
    import { writeFileSync } from "node:fs";
    const { wit, source, plain } = ${JSON.stringify(module)};
    const disableFeatures = plain ? ["stdio", "random", "clocks", "http", "fetch-event"] : [];
    const { component } = await componentize(source, { witWorld: wit, disableFeatures });
    writeFileSync(${JSON.stringify(partial)}, component);`;
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  await rename(partial, file);
  return new Uint8Array(await readFile(file));
}

/** The file of componentize-js that jco itself would use; the package exports it for `import` only. */
function tool(): string {
  const jco = createRequire(require.resolve("@bytecodealliance/jco"));
  for (const path of jco.resolve.paths("@bytecodealliance/componentize-js") ?? []) {
    const entry = join(path, "@bytecodealliance/componentize-js/src/componentize.js");
    try {
      return require.resolve(entry);
    } catch {
      // The next folder may have it.
    }
  }
  throw new Error("Expected componentize-js beside jco: npm ci installs it");
}
