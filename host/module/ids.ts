/**
 * Interface ids as the module host uses them: which may stand for one another, and under which keys users find them.
 */
import { isCompatible } from "../model/names.ts";

export interface InterfaceId {
  /** Without its version: `demo:log/log`. */
  readonly path: string;
  /** The interface's own name: `log`. */
  readonly label: string;
  readonly version: string | undefined;
}

/** The parts of an interface id; `undefined` for a plain name. */
export function parseInterfaceId(name: string): InterfaceId | undefined {
  const match = /^([^@/]+:[^@]*\/([^@/]+))(?:@(.+))?$/.exec(name);
  return match === null ? undefined : { path: match[1]!, label: match[2]!, version: match[3] };
}

/** Whether an interface provided under one id may meet an import of another. */
export function meets(provided: string, wanted: string): boolean {
  if (provided === wanted) return true;
  const given = parseInterfaceId(provided);
  const asked = parseInterfaceId(wanted);
  if (given === undefined || asked === undefined || given.path !== asked.path) return false;
  if (given.version === undefined || asked.version === undefined) return given.version === asked.version;
  return isCompatible(given.version, asked.version);
}

/**
 * The same for every version of an interface that semver calls compatible: `demo:log/log@0.2` for 0.2.0 and 0.2.7. A
 * pre-release is compatible with itself only.
 */
export function compatibilityKey(name: string): string {
  const id = parseInterfaceId(name);
  if (id?.version === undefined) return name;
  const match = /^(\d+)\.(\d+)\.(\d+)(-[^+]*)?/.exec(id.version);
  if (match === null || match[4] !== undefined) return name;
  const [, major, minor, patch] = match;
  const track = major !== "0" ? major : minor !== "0" ? `0.${minor}` : `0.0.${patch}`;
  return `${id.path}@${track}`;
}

/** Orders versions: negative when `a` is lower. Versions that do not parse come first. */
export function compareVersions(a: string | undefined, b: string | undefined): number {
  const left = numbers(a);
  const right = numbers(b);
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
  return 0;
}

function numbers(version: string | undefined): number[] {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version ?? "");
  return match === null ? [-1, -1, -1] : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** The closest of some names to one that was not found, when any is close enough to have been meant. */
export function nearestName(wanted: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(wanted, name, bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
