/**
 * One use of the plugin by one bundler: which imports it has taken, and what it gives for each.
 */
import { resolve } from "node:path";
import { declare } from "./declare.ts";
import { Library, type Version } from "./library.ts";
import type { PluginOptions } from "./options.ts";
import { pathOf, type Place, placeAt } from "./places.ts";

/** Before a place's path in the id of the module that stands for it: no file has such a name. */
const PREFIX = "\0tenon:";
/** After it, for bundlers that make something of a module's path. */
const SUFFIX = ".tenon.js";

export class Session {
  readonly options: PluginOptions;
  /** Where the project is. Set by bundlers that know. */
  root: string = process.cwd();
  /** Optimise modules where the options do not say. */
  optimize = true;
  /** SHA-256 of what was added to outputs, hex. */
  readonly emitted: Set<string> = new Set();
  /** Ids as absolute paths, for bundlers that want to know a module's folder. */
  readonly #plainIds: boolean;
  readonly #places = new Map<string, Place>();
  #library: Library | undefined;

  constructor(options: PluginOptions, plainIds: boolean) {
    this.options = options;
    this.#plainIds = plainIds;
  }

  get library(): Library {
    const { optimize = this.optimize, cache } = this.options;
    return (this.#library ??= new Library({
      optimize,
      cache: cache === undefined ? undefined : resolve(this.root, cache),
    }));
  }

  /** Everything that was imported so far. */
  get places(): Iterable<Place> {
    return this.#places.values();
  }

  /** The id of the module that stands for an import; `undefined` where the import is the bundler's. */
  async take(source: string, importer: string | undefined): Promise<string | undefined> {
    if (this.placeOf(source) !== undefined) return source;
    // Files that a place is made from are no imports of the program.
    if (importer !== undefined && this.placeOf(importer) !== undefined) return undefined;
    const path = pathOf(source, importer, this.root);
    // The copies of versions are what the text that stands for an import refers to.
    const place = path === undefined || this.library.owns(path) ? undefined : await placeAt(path);
    if (place === undefined) return undefined;
    const id = this.idOf(place);
    this.#places.set(id, place);
    return id;
  }

  idOf({ path }: Place): string {
    return this.#plainIds ? path + SUFFIX : PREFIX + path + SUFFIX;
  }

  placeOf(id: string): Place | undefined {
    return this.#places.get(id);
  }

  /** The version of a place, with its types written beside it. */
  async version(place: Place): Promise<Version> {
    const version = await this.library.get(place);
    if (this.options.types !== false) await declare(place, version);
    return version;
  }

  /** A file was written, made or removed. */
  changed(file: string): void {
    for (const place of this.places) if (this.library.concerns(place, file)) this.library.changed(place);
  }

  async close(): Promise<void> {
    await this.#library?.close();
  }
}
