/**
 * How each bundler is given a file that goes with the output under a name with its hash, and how the output finds it.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import type { PluginBuild } from "esbuild";
import type { SupportedFramework, UnpluginBuildContext } from "unplugin";

/** A file that goes with the output. */
export interface Asset {
  /** A copy that stays where it is, absolute. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** An asset in the text of a module: what is declared for it, and the expression of its URL's text. */
export interface AssetText {
  readonly lines: readonly string[];
  readonly url: string;
}

/** Before a file's path in an import that esbuild is to copy: for its URL, or to be imported from the output. */
const ASSET = "tenon-asset:";
const MODULE = "tenon-module:";

/** @param at tells several assets of one module apart */
export function assetText(
  context: UnpluginBuildContext,
  framework: SupportedFramework,
  { file, bytes }: Asset,
  at = 0,
): AssetText {
  const imported = `asset${at}`;
  switch (framework) {
    case "webpack":
    case "rspack":
    case "rsbuild":
      // They find the file themselves, when a URL is made like this.
      return { lines: [], url: `new URL(${JSON.stringify(file)}, import.meta.url).href` };
    case "esbuild":
      return {
        lines: [`import ${imported} from ${JSON.stringify(ASSET + file)};`],
        url: `new URL(${imported}, import.meta.url).href`,
      };
    case "bun":
      return {
        lines: [`import ${imported} from ${JSON.stringify(file)} with { type: "file" };`],
        url: `new URL(${imported}, import.meta.url).href`,
      };
    default: {
      const reference = emit(context, { file, bytes });
      // Vite has a base for URLs of its own making; this one is relative to the code, wherever that is.
      if (framework !== "vite") return { lines: [], url: `import.meta.ROLLUP_FILE_URL_${reference}` };
      return {
        lines: [`const ${imported} = "${placeholderOf(reference)}";`],
        url: `new URL(${imported}, import.meta.url).href`,
      };
    }
  }
}

/** A core module that the output imports compiled, in the text of a module. */
export function moduleText(
  context: UnpluginBuildContext,
  framework: SupportedFramework,
  asset: Asset,
  at: number,
): string {
  const from = framework === "esbuild" ? MODULE + asset.file : placeholderOf(emit(context, asset));
  return `import asset${at} from ${JSON.stringify(from)};`;
}

/** Whether an import is one that {@link moduleText} made, which stays in the output. */
export function staysImported(source: string): boolean {
  return source.startsWith(PLACEHOLDER);
}

/** The part of the host that starts workers in a page, and how it names their script: Vite, webpack and Rspack know the form. */
const STARTER = /[\\/]host[\\/]browser[\\/]chunks[\\/]isolation-\w+\.js$/;
const SCRIPT = /new URL\("(?:\.\/)?worker\.js",\s*import\.meta\.url\)/g;

/** Whether a file names the script of workers, and the bundler does not know how. */
export function namesWorker(framework: SupportedFramework, id: string): boolean {
  return ["rollup", "rolldown", "esbuild"].includes(framework) && STARTER.test(id);
}

/** The part of the host that starts workers, with their script beside the output. */
export async function withWorker(
  context: UnpluginBuildContext,
  framework: SupportedFramework,
  { id, code }: { readonly id: string; readonly code: string },
): Promise<string> {
  const file = join(dirname(id), "worker.js");
  const { lines, url } = assetText(context, framework, { file, bytes: await readFile(file) });
  return [...lines, code.replaceAll(SCRIPT, () => `new URL(${url})`)].join("\n");
}

/** Hands a file to a bundler of Rollup's kind. @returns what the bundler tells its name by, when it has one */
function emit(context: UnpluginBuildContext, { file, bytes }: Asset): string {
  const emitFile = context.emitFile as unknown as (this: unknown, asset: object) => string;
  return emitFile.call(context, { type: "asset", name: basename(file), source: bytes });
}

const PLACEHOLDER = "__tenon_asset_";

function placeholderOf(reference: string): string {
  return `${PLACEHOLDER}${reference}__`;
}

/** The code of a chunk with the assets' paths from there, in bundlers of Rollup's kind. */
export function withAssets(code: string, chunk: string, nameOf: (reference: string) => string): string | undefined {
  if (!code.includes(PLACEHOLDER)) return undefined;
  return code.replaceAll(/__tenon_asset_([\w$-]+?)__/g, (_, reference: string) => {
    const path = posix.relative(posix.dirname(chunk), nameOf(reference));
    return path.startsWith(".") ? path : `./${path}`;
  });
}

/** esbuild copies the files that {@link assetText} and {@link moduleText} import, and the script of workers. */
export function esbuildAssets(build: PluginBuild): void {
  build.onLoad({ filter: STARTER }, async ({ path }) => {
    const code = await readFile(path, "utf8");
    return { contents: await withWorker({} as UnpluginBuildContext, "esbuild", { id: path, code }), loader: "js" };
  });
  for (const [prefix, loader] of [
    [ASSET, "file"],
    [MODULE, "copy"],
  ] as const) {
    const namespace = prefix.slice(0, -1);
    build.onResolve({ filter: new RegExp(`^${prefix}`) }, ({ path }) => ({
      path: path.slice(prefix.length),
      namespace,
    }));
    build.onLoad({ filter: /^/, namespace }, async ({ path }) => ({ contents: await readFile(path), loader }));
  }
}
