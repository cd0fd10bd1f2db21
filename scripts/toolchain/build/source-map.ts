/**
 * The source map of a core module: asc's own, with paths that a terminal opens, and the section that names it.
 *
 * Follows the source map format, revision 3, as the WebAssembly tool conventions use it: columns are byte offsets in the core
 * module, all on line 1.
 */
import { join, relative, sep } from "node:path";
import { prefixed, withCustomSection } from "../core-sections.ts";

/** Where a build's source map is: in the component, in a file beside it, or nowhere. */
export type SourceMapPlace = "inline" | "file" | false;

/** The name of the section whose contents are the map's URL, as the WebAssembly tool conventions have it. */
const sourceMapSection = "sourceMappingURL";

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

/**
 * asc's source map with its sources named from where the build ran, so that a terminal opens them; what belongs to
 * AssemblyScript's library or to a package keeps its name, `~lib/…`. Only the text of the module's own files is in it: that of
 * the library would be nine tenths of a small component.
 *
 * @param raw asc's map: sources relative to `folder`
 */
export function sourceMapFrom(raw: string, folder: string, cwd: string): string {
  const { sources, sourcesContent, ...map } = JSON.parse(raw) as SourceMap & { sourceRoot?: unknown };
  delete map.sourceRoot;
  const place = relative(cwd, folder);
  const isLibrary = (name: string): boolean => name.startsWith("~lib/");
  return JSON.stringify({
    ...map,
    sources: sources.map((name) => (isLibrary(name) ? name : join(place, name).replaceAll(sep, "/"))),
    sourcesContent: sourcesContent?.map((text, i) => (isLibrary(sources[i]!) ? null : text)),
  });
}

/** A core module with the section that says where its map is: a URL, or the map itself as one. */
export function withSourceMap(core: Uint8Array, url: string): Uint8Array<ArrayBuffer> {
  return withCustomSection(core, sourceMapSection, prefixed(new TextEncoder().encode(url)));
}

/** A map as a URL that holds it. */
export function sourceMapUrl(map: string): string {
  return `data:application/json;base64,${Buffer.from(map).toString("base64")}`;
}
