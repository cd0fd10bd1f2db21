/**
 * `tenon/plugin`: components and modules of the project are imported like code, in Vite, Rollup, Rolldown, webpack, Rspack,
 * esbuild and Bun. What an import gives is a source that `load` takes, with its types.
 *
 * Owns the hooks that all bundlers share; what only one of them needs is beside it.
 */
import type { SupportedFramework, UnpluginBuildContext, UnpluginInstance, UnpluginOptions } from "unplugin";
import type { ViteDevServer } from "vite";
import { loadPackage, pluginPackage } from "../build/packages.ts";
import { esbuildAssets, namesWorker, staysImported, withAssets, withWorker } from "./assets.ts";
import { checkPluginOptions, type PluginOptions } from "./options.ts";
import { Output } from "./output.ts";
import { problemOf } from "./problems.ts";
import { Session } from "./session.ts";
import { ViteSide } from "./vite.ts";

export type { PluginOptions } from "./options.ts";

const { createUnplugin } = loadPackage(pluginPackage) as typeof import("unplugin");

/** Bundlers of Rollup's kind: an id that is no path says so with its first character. */
const ROLLUP_LIKE: readonly SupportedFramework[] = ["vite", "rollup", "rolldown"];

/**
 * The plugin: `tenon.vite()`, `tenon.rollup()`, `tenon.rolldown()`, `tenon.webpack()`, `tenon.rspack()`, `tenon.esbuild()`,
 * `tenon.bun()`, each with {@link PluginOptions}.
 */
const tenon: UnpluginInstance<PluginOptions | undefined, false> = createUnplugin(
  (options: PluginOptions | undefined, { framework, ...meta }): UnpluginOptions => {
    checkPluginOptions(options ?? {}, framework);
    const session = new Session(options ?? {}, !ROLLUP_LIKE.includes(framework));
    const vite = new ViteSide(session);
    const output = new Output(session, framework);
    const compiler = "webpack" in meta ? meta.webpack.compiler : "rspack" in meta ? meta.rspack.compiler : undefined;
    if (compiler !== undefined) {
      session.root = compiler.context;
      session.optimize = compiler.options.mode !== "development";
    }
    const load = async (context: UnpluginBuildContext, id: string): Promise<string> => {
      const place = session.placeOf(id)!;
      // Not every bundler tells of changes; what has not changed is not built again.
      if (!vite.serves) session.library.changed(place);
      const version = await session.version(place);
      if (vite.serves) return vite.text(place, version, (context as Partial<ViteContext>).environment);
      return output.text(context, place, version);
    };
    const resolveId = async (source: string, importer: string | undefined): Promise<string | External | undefined> =>
      staysImported(source) ? { id: source, external: true } : session.take(source, importer);
    return {
      name: "tenon",
      enforce: "pre",
      resolveId: { filter: { id: IMPORTS }, handler: resolveId },
      loadInclude: (id) => session.placeOf(id) !== undefined,
      async load(id) {
        const place = session.placeOf(id);
        if (place === undefined) return undefined;
        try {
          return await load(this, id);
        } catch (error) {
          this.error(await problemOf(error, framework === "vite" ? 1 : 0));
          // Some bundlers go on, to find more that is wrong.
          return "export default undefined;";
        } finally {
          const sources = await session.library.sources(place);
          if (!vite.watches(sources)) for (const file of sources) this.addWatchFile(file);
        }
      },
      transformInclude: (id) => namesWorker(framework, id),
      transform(code, id) {
        return withWorker(this, framework, { id, code });
      },
      watchChange: (file) => session.changed(file),
      vite: { ...vite.hooks, renderChunk },
      rollup: { renderChunk },
      rolldown: { renderChunk },
      esbuild: { onResolveFilter: IMPORTS, onLoadFilter: /\.tenon\.js$/, setup: esbuildAssets, loader: "js" },
      bun: { loader: "js" },
    };
  },
);

export default tenon;

/** Imports that may be taken: of components and WIT, and of what may be a folder. */
const IMPORTS =
  /^[^\0?#]*(?:\.wasm|\.wit|\.tenon\.js)$|^__tenon_asset_|^\0tenon:|^\.{0,2}\/(?:[^?#]*\/)?[^./?#]+\/?$|^\.\.?$/;

/** Puts the paths of assets where the text left a mark. */
function renderChunk(
  this: { getFileName(reference: string): string },
  code: string,
  { fileName }: { readonly fileName: string },
): { code: string; map: null } | undefined {
  const text = withAssets(code, fileName, (reference) => this.getFileName(reference));
  return text === undefined ? undefined : { code: text, map: null };
}

interface External {
  readonly id: string;
  readonly external: true;
}

interface ViteContext {
  readonly environment: ViteDevServer["environments"][string];
}
