/** Matching of import names against the keys a user gave: compatible versions, and the nearest name for a message. */
import { isCompatible, parseInterfaceId, withoutVersion } from "../model/names.ts";

/** The key that provides an interface in a compatible version: without version, or the highest compatible one. */
export function compatibleKey(wanted: string, keys: readonly string[]): string | undefined {
  const want = parseInterfaceId(wanted);
  if (want === undefined) return undefined;
  let best: { key: string; version: string } | undefined;
  for (const key of keys) {
    const have = parseInterfaceId(key);
    if (have === undefined || withoutVersion(key) !== withoutVersion(wanted)) continue;
    if (have.version === undefined || want.version === undefined) return key;
    if (!isCompatible(have.version, want.version)) continue;
    if (best === undefined || isCompatible(have.version, best.version)) best = { key, version: have.version };
  }
  return best?.key;
}

/** The key that most resembles a name, with why it does not fit when that is known. */
export function nearestName(wanted: string, keys: readonly string[]): { name: string; why: string } | undefined {
  const want = parseInterfaceId(wanted);
  if (want?.version !== undefined) {
    for (const key of keys) {
      const have = parseInterfaceId(key);
      if (have?.version !== undefined && withoutVersion(key) === withoutVersion(wanted)) {
        return { name: key, why: `, whose version ${have.version} is not compatible with ${want.version}` };
      }
    }
  }
  let best: { name: string; distance: number } | undefined;
  for (const name of keys) {
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (distance <= Math.max(2, wanted.length / 4) && (best === undefined || distance < best.distance)) {
      best = { name, distance };
    }
  }
  return best === undefined ? undefined : { name: best.name, why: "" };
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
