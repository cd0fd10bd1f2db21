/**
 * The plugin in Vite's development server: it serves components, builds what was saved, and replaces what was loaded.
 *
 * A page's module that stands for a component accepts its own updates and reloads what was loaded from it; server-side code
 * of this process is told directly. A build that fails is shown in the overlay, and everything serves on.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { EnvironmentModuleNode, HotUpdateOptions, Plugin, ResolvedConfig, ViteDevServer } from "vite";
import { keyOf, type Version } from "./library.ts";
import type { Place } from "./places.ts";
import { type Problem, problemOf } from "./problems.ts";
import type { Session } from "./session.ts";
import { liveIn, liveSource, REFUSED, SERVES, type Serves } from "./text.ts";

const SERVED = "@tenon/";

/** Milliseconds: of what happens to a file within 50 after a change that it told, Vite's watcher says nothing. */
const SILENT_MS = 60;

type Environment = ViteDevServer["environments"][string];

export class ViteSide {
  readonly #session: Session;
  #config: ResolvedConfig | undefined;
  #server: ViteDevServer | undefined;
  /** Vitest runs: what it imports is evaluated again for each run. */
  #tests = false;
  /** Copies of versions, by the folder in their address. */
  readonly #files = new Map<string, string>();
  /** Rebuilds by what caused them: Vite asks once for each environment. */
  readonly #rebuilds = new Map<string, { readonly at: number; readonly done: Promise<Version | undefined> }>();
  /** The versions that server-side code was told of, by what it imports. */
  readonly #told = new Map<string, string>();
  /** The versions that open pages may have, by what they import. */
  readonly #shown = new Map<string, Set<string>>();
  /** Files that Vite's watcher was told of. */
  readonly #watched = new Set<string>();
  /** What the plugin has added to the output of each environment. */
  readonly #assets = new Map<string, readonly OutputAsset[]>();
  /** The overlay may be showing an error of the plugin's. */
  #visible = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Whether a development server or a test runs, and nothing is written for production. */
  get serves(): boolean {
    return this.#config?.command === "serve";
  }

  get hooks(): Partial<Plugin> {
    const update = this.#update.bind(this);
    const note = (environment: string, bundle: object): void => this.#note(environment, bundle);
    const write = this.#write.bind(this);
    return {
      configResolved: (config) => {
        this.#config = config;
        this.#session.root = config.root;
        this.#tests = config.plugins.some(({ name }) => name === "vitest");
        this.#session.optimize = config.command !== "serve";
      },
      configureServer: (server) => this.#serve(server),
      hotUpdate(options) {
        return update(this.environment as Environment, options);
      },
      generateBundle(_, bundle) {
        note(this.environment.name, bundle);
      },
      writeBundle({ dir }, bundle) {
        return write(this.environment.name, dir, bundle);
      },
    };
  }

  #note(environment: string, bundle: object): void {
    const files = Object.values(bundle) as (OutputAsset & { readonly type: string })[];
    const ours = files.filter((file) => file.type === "asset" && isCopy(file.source, this.#session));
    this.#assets.set(environment, ours);
  }

  /** Vite leaves assets out of builds for servers, because those for pages have them. */
  async #write(environment: string, dir: string | undefined, bundle: object): Promise<void> {
    for (const { fileName, source } of this.#assets.get(environment) ?? []) {
      if (dir === undefined || fileName in bundle) continue;
      await mkdir(dirname(join(dir, fileName)), { recursive: true });
      await writeFile(join(dir, fileName), source);
    }
  }

  /**
   * Watches what a place is made from, where the plugin decides what a change means: to Vite such a file would be an import
   * of the module that stands for the place, which it would update whatever becomes of the build.
   * @returns whether it is so; tests are Vitest's to run again
   */
  watches(files: readonly string[]): boolean {
    if (!this.serves || this.#tests) return false;
    this.#watch(files);
    return true;
  }

  /** The text of a source in development. */
  text(place: Place, version: Version, environment: Environment | undefined): string {
    const { name, path } = place;
    if (environment?.config.consumer === "client") this.#shownOf(place).add(version.hash);
    return liveSource(path, this.#session.idOf(place), {
      name,
      hash: version.hash,
      url: this.#urlOf(version, environment),
    });
  }

  #urlOf({ file }: Version, environment: Environment | undefined): string {
    const config = this.#config!;
    // Tests in Node have Vite's pipeline and no server to ask.
    const unserved = this.#tests && config.server.middlewareMode !== false;
    if (environment?.config.consumer !== "client" || unserved) return JSON.stringify(pathToFileURL(file).href);
    const shelf = basename(dirname(file));
    this.#files.set(shelf, file);
    const address = `${config.base}${SERVED}${shelf}/${encodeURIComponent(basename(file))}`;
    return `new URL(${JSON.stringify(address)}, import.meta.url).href`;
  }

  #watch(files: readonly string[]): void {
    const fresh = files.filter((file) => !this.#watched.has(file));
    for (const file of fresh) this.#watched.add(file);
    if (fresh.length > 0) this.#server?.watcher.add(fresh);
  }

  #serve(server: ViteDevServer): void {
    this.#server = server;
    server.middlewares.use((request, response, next) => {
      const match = /@tenon\/([0-9a-f]{16})\/[^/?]+\.wasm(?:\?.*)?$/.exec(request.url ?? "");
      const file = match === null ? undefined : this.#files.get(match[1]!);
      if (file === undefined) return next();
      readFile(file).then((bytes) => {
        // The hash is in the address: what is fetched once never changes.
        const headers = { "content-type": "application/wasm", "cache-control": "max-age=31536000, immutable" };
        response.writeHead(200, headers).end(bytes);
      }, next);
    });
    const { client } = server.environments;
    const { hot, moduleGraph } = client;
    hot.on(REFUSED, ({ module, message }: { module: string; message: string }) => this.#refused(module, message));
    hot.on(SERVES, async ({ id, hash }: Serves) => {
      const place = this.#session.placeOf(id);
      const module = moduleGraph.getModuleById(id);
      if (place === undefined || module === undefined) return;
      // The watcher may not have told yet of what was saved while the page opened.
      this.#session.library.changed(place);
      const version = await this.#session.version(place).catch(() => undefined);
      if (version === undefined || version.hash === hash) return;
      this.#tell(place, version);
      await client.reloadModule(module);
    });
    server.httpServer?.once("close", () => void this.#session.close());
  }

  #refused(module: string, message: string): void {
    const words = `The new version of ${module} was refused, and the old one serves on: ${message}`;
    this.#overlay({ message: words, stack: "", plugin: "tenon" }, true);
  }

  /** @param opened whether pages may be open that work */
  #overlay(problem: Problem, opened: boolean): void {
    const server = this.#server!;
    server.config.logger.error(problem.message, { timestamp: true });
    const { hot } = server.environments.client;
    // A page that shows an overlay before its first update would be loaded again by the update that ends it.
    if (opened) hot.send({ type: "update", updates: [] });
    this.#visible = true;
    hot.send({ type: "error", err: { ...problem } as never });
  }

  /** What Vite is to update in one environment when a file has changed. */
  async #update(environment: Environment, options: HotUpdateOptions): Promise<EnvironmentModuleNode[] | undefined> {
    const session = this.#session;
    const places = [...session.places].filter((place) => session.library.concerns(place, options.file));
    if (places.length === 0) return undefined;
    const modules = options.modules.filter(({ id }) => id !== null && session.placeOf(id) === undefined);
    for (const place of places) {
      const module = environment.moduleGraph.getModuleById(session.idOf(place));
      const version = await this.#rebuild(place, options.timestamp);
      if (version !== undefined) this.#tell(place, version);
      if (module === undefined) continue;
      if (version === undefined) {
        // A page that is opened now is told as well.
        if (environment.config.consumer === "client") environment.moduleGraph.invalidateModule(module);
        continue;
      }
      if (environment.config.consumer !== "client") {
        // Those who come later read the new text; nobody who imports it is evaluated again for that.
        module.transformResult = null;
        continue;
      }
      const shown = this.#shownOf(place);
      // A page that could not be opened has nothing that could be updated.
      if (shown.size === 0) environment.hot.send({ type: "full-reload" });
      else if ([...shown].some((hash) => hash !== version.hash)) modules.push(module);
      else if (this.#visible) environment.hot.send({ type: "update", updates: [] });
      this.#visible = false;
      shown.clear();
      shown.add(version.hash);
    }
    return modules;
  }

  /** Replaces what server-side code of this process has loaded. */
  #tell(place: Place, { file, hash }: Version): void {
    if (this.#told.get(place.path) === hash) return;
    this.#told.set(place.path, hash);
    liveIn(place.path)?.update({ name: place.name, url: pathToFileURL(file).href, hash }, (module, error) =>
      this.#refused(module, error.message),
    );
  }

  #shownOf({ path }: Place): Set<string> {
    let shown = this.#shown.get(path);
    if (shown === undefined) this.#shown.set(path, (shown = new Set()));
    return shown;
  }

  #rebuild(place: Place, at: number): Promise<Version | undefined> {
    const key = keyOf(place);
    let rebuild = this.#rebuilds.get(key);
    if (rebuild?.at !== at) this.#rebuilds.set(key, (rebuild = { at, done: this.#build(place) }));
    return rebuild!.done;
  }

  /**
   * Builds what is there, and again when something was written that the watcher did not tell of.
   * @returns `undefined` when the build failed, which is shown
   */
  async #build(place: Place): Promise<Version | undefined> {
    const { library } = this.#session;
    for (;;) {
      const silent = sleep(SILENT_MS);
      const stamp = await library.stamp(place);
      library.changed(place);
      const made = await this.#session.version(place).catch((error: unknown) => ({ error }));
      await silent;
      if (stamp !== (await library.stamp(place))) continue;
      if ("error" in made) {
        this.#overlay(await problemOf(made.error, 1), this.#shownOf(place).size > 0);
        return undefined;
      }
      this.#watch(await library.sources(place));
      return made;
    }
  }
}

/** Whether an asset is one of the plugin's: by its bytes, for they may have been named by anything. */
function isCopy(source: string | Uint8Array, session: Session): boolean {
  return typeof source !== "string" && session.emitted.has(createHash("sha256").update(source).digest("hex"));
}

type OutputAsset = { readonly fileName: string; readonly source: string | Uint8Array };
