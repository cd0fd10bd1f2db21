/**
 * Interface ids (`demo:log/log@0.2.0`) as those who link see them: versions, keys that survive compatible versions, order.
 *
 * The ids of a component were checked against the grammar (`extern-names.ts`) when it was validated, and are only taken apart here.
 */
import { compareVersions, isCompatible, parseVersion, versionTrack, type Version } from "./semver.ts";

/** The id without its version: `demo:log/log`. Names of other forms stay as they are. */
export function withoutVersion(name: string): string {
  const at = versionAt(name);
  return at < 0 ? name : name.slice(0, at);
}

/** The own name of an interface or a world: `log` of `demo:log/log@0.2.0`. */
export function ownName(id: string): string {
  const path = id.replace(/@.*$/s, "");
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The version an interface id carries. */
export function versionOf(name: string): string | undefined {
  const at = versionAt(name);
  return at < 0 ? undefined : name.slice(at + 1);
}

function versionAt(name: string): number {
  return isInterfaceId(name) ? name.indexOf("@") : -1;
}

/** Whether a name is an interface id; plain names have no colon. */
export function isInterfaceId(name: string): boolean {
  return name.includes(":");
}

/** Whether an import of the interface id `wanted` may be met by what is provided under the id `provided`. */
export function isCompatibleId(provided: string, wanted: string): boolean {
  if (provided === wanted) return true;
  const found = versionOf(provided);
  const asked = versionOf(wanted);
  if (found === undefined || asked === undefined || withoutVersion(provided) !== withoutVersion(wanted)) return false;
  return isCompatible(found, asked);
}

/**
 * The same for every version of an interface that semver calls compatible: `demo:log/log@0.2` for 0.2.0 and 0.2.7.
 * Names of other forms are their own keys.
 */
export function compatibilityKey(name: string): string {
  const parsed = parseVersion(versionOf(name) ?? "");
  return parsed === undefined ? name : `${withoutVersion(name)}@${versionTrack(parsed)}`;
}

/** Orders interface ids by version, the lowest first; ids without a full version come before all others. */
export function compareIds(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => parseVersion(versionOf(name) ?? ""));
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  return compareVersions(left, right);
}

/** Items by the names under which they are given or exported, found by an interface id that semver calls compatible. */
export class IdIndex<T> {
  readonly #byName = new Map<string, T[]>();
  /** By compatibility key, the highest version first; of one version, in the order they were added. */
  readonly #tracks = new Map<string, Track<T>>();

  constructor(items: Iterable<readonly [id: string, item: T]>) {
    for (const [id, item] of items) {
      add(this.#byName, id, item);
      const version = parseVersion(versionOf(id) ?? "");
      const key = version === undefined ? id : compatibilityKey(id);
      const track: Track<T> = this.#tracks.get(key) ?? { versions: [], others: [] };
      this.#tracks.set(key, track);
      if (version === undefined) track.others.push([id, item]);
      else track.versions.push([id, item, version]);
    }
    for (const { versions } of this.#tracks.values()) versions.sort(([, , a], [, , b]) => compareVersions(b, a));
  }

  /** The item of exactly this name; of several, the first. */
  get(name: string): T | undefined {
    return this.#byName.get(name)?.[0];
  }

  /** What may meet an import of this name: the exact version first, then the highest, then the first added. */
  *fitting(wanted: string): Generator<T, undefined> {
    yield* this.#byName.get(wanted) ?? [];
    const track = this.#tracks.get(compatibilityKey(wanted));
    for (const [id, item] of track?.versions ?? []) {
      // All that follow are older still.
      if (!isCompatibleId(id, wanted)) break;
      if (id !== wanted) yield item;
    }
    for (const [id, item] of track?.others ?? []) if (id !== wanted && isCompatibleId(id, wanted)) yield item;
  }
}

interface Track<T> {
  readonly versions: (readonly [id: string, item: T, version: Version])[];
  /** Without a full version: a shortened one stands for all of its track. */
  readonly others: (readonly [id: string, item: T])[];
}

function add<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
