/**
 * A WIT world as the host's model sees it: read by wasm-tools, decoded by the host's own decoder.
 */
import { DecodeError } from "../../../host/errors.ts";
import type { ValidatedComponent } from "../../../host/binary/validate/index.ts";
import { ownName } from "../../../host/model/ids.ts";
import { nearestName } from "../../../host/model/nearest.ts";
import { readComponent } from "../../../host/plan/analyze.ts";
import { describeWorld, type WorldDescription } from "../../../host/plan/world.ts";
import { BuildError } from "../build/errors.ts";
import { collectDocs, type WitDocs } from "./docs.ts";
import { complaintOf, locate, syntaxIssue } from "./locate.ts";
import { embedSources, readWit, type WitSources } from "./sources.ts";
import { worldNames } from "./tokens.ts";

export interface WorldOptions {
  /** The world's name. Default: the package's only world, or the one named `preferred`. */
  readonly world?: string | undefined;
  /** The world to take when there are several and none is named, such as the module folder's name. */
  readonly preferred?: string | undefined;
  /** Names of the feature gates that are open, or all. Default none. */
  readonly features?: readonly string[] | "all" | undefined;
}

/** A world, with what it was read from. */
export interface WitWorld {
  readonly sources: WitSources;
  /** The world's name in its package, such as `calc`. */
  readonly name: string;
  readonly description: WorldDescription;
  readonly docs: WitDocs;
  readonly features: readonly string[] | "all" | undefined;
}

/** Reads a world from a WIT file or folder. @throws {BuildError} with file and line when the WIT is wrong */
export async function readWorld(path: string, options: WorldOptions = {}): Promise<WitWorld> {
  return describeSources(await readWit(path), options);
}

/** As {@link readWorld}, from texts already read. */
export async function describeSources(sources: WitSources, options: WorldOptions = {}): Promise<WitWorld> {
  const { features } = options;
  const name = await chooseWorld(sources, options);
  const definition = await define(sources, name, features);
  if (typeof definition === "string") {
    const ask = async (changed: WitSources): Promise<string | undefined> => {
      const answer = await define(changed, name, features);
      return typeof answer === "string" ? answer : undefined;
    };
    throw new BuildError([await locate(sources, definition, ask)]);
  }
  const description = describeWorld(definition);
  const docs = new Map<string, string>();
  for (const { files } of [...sources.dependencies, sources.main]) {
    for (const [item, text] of collectDocs(files.map(({ text }) => text))) {
      docs.set(item, text);
      // Also without the version, for those who have only a name; of two versions the main package's own wins.
      docs.set(item.replace(/@[^#]*/, ""), text);
    }
  }
  return { sources, name: name ?? ownName(description.name), description, docs, features };
}

/** The definition of a world, or what is wrong with it. */
async function define(
  sources: WitSources,
  world: string | undefined,
  features: WorldOptions["features"],
): Promise<ValidatedComponent | string> {
  let payload: Uint8Array;
  try {
    payload = await embedSources(sources, { world, features });
  } catch (error) {
    return complaintOf(error);
  }
  // wasm-tools does not look at everything: a record may leave it with two fields of one name.
  try {
    return readComponent(payload);
  } catch (error) {
    if (error instanceof DecodeError) return error.message.replace(/ \(at byte.*$/, "");
    throw error;
  }
}

async function chooseWorld(
  sources: WitSources,
  { world: given, preferred }: WorldOptions,
): Promise<string | undefined> {
  const worlds = sources.main.files.flatMap(({ text }) => worldNames(text));
  const file = sources.main.files[0]!.path;
  // A name that is a keyword may be given as WIT writes it.
  const world = given?.replaceAll("%", "");
  if (world !== undefined) {
    // A world of a dependency is named with its package.
    if (worlds.includes(world) || world.includes(":")) return world;
    const syntax = await syntaxIssue(sources);
    if (syntax !== undefined) throw new BuildError([syntax]);
    const near = nearestName(world, worlds);
    const hint = near === undefined ? `It has ${list(worlds)}` : `Did you mean "${near}"? It has ${list(worlds)}`;
    throw new BuildError([{ file, message: `The WIT has no world "${world}"`, hint }]);
  }
  // Nothing to choose: wasm-tools takes the only one, or says what is wrong with the text.
  if (worlds.length < 2) return worlds[0];
  if (preferred !== undefined && worlds.includes(preferred)) return preferred;
  throw new BuildError([
    { file, message: `The WIT has several worlds: ${list(worlds)}`, hint: "Choose one with --world" },
  ]);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "no world at all" : names.map((name) => `"${name}"`).join(", ");
}
