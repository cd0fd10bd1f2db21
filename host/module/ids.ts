/**
 * Interface ids as the module host uses them: keys that survive compatible versions, the order of versions, and the
 * name that was probably meant.
 */
import { compareVersions as compare, parseInterfaceId, parseVersion, withoutVersion } from "../model/names.ts";
import { versionTrack } from "../model/semver.ts";

/**
 * The same for every version of an interface that semver calls compatible: `demo:log/log@0.2` for 0.2.0 and 0.2.7.
 * Names of other forms are their own keys.
 */
export function compatibilityKey(name: string): string {
  const version = versionOf(name);
  const parsed = version === undefined ? undefined : parseVersion(version);
  return parsed === undefined ? name : `${withoutVersion(name)}@${versionTrack(parsed)}`;
}

/** The version an interface id carries. */
export function versionOf(name: string): string | undefined {
  return parseInterfaceId(name)?.version;
}

/** Orders interface ids by version, the lowest first; ids without a full version come before all others. */
export function compareIds(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => parseVersion(versionOf(name) ?? ""));
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  return compare(left, right);
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
