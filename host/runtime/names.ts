/** Matching of import names against the keys a user gave: compatible versions, and the nearest name for a message. */
import { isInterfaceId, versionOf, withoutVersion } from "../model/ids.ts";
import { type Effort, nearestName } from "../model/nearest.ts";
import { isCompatible } from "../model/semver.ts";

/** The key that provides an interface in a compatible version: without version, or the highest compatible one. */
export function compatibleKey(wanted: string, keys: readonly string[]): string | undefined {
  if (!isInterfaceId(wanted)) return undefined;
  const want = versionOf(wanted);
  let best: { key: string; version: string } | undefined;
  for (const key of keys) {
    if (withoutVersion(key) !== withoutVersion(wanted)) continue;
    const version = versionOf(key);
    if (version === undefined || want === undefined) return key;
    if (!isCompatible(version, want)) continue;
    if (best === undefined || isCompatible(version, best.version)) best = { key, version };
  }
  return best?.key;
}

/** The key that most resembles a name, with why it does not fit when that is known. */
export function nearestKey(
  wanted: string,
  keys: readonly string[],
  effort: Effort,
): { name: string; why: string } | undefined {
  const want = versionOf(wanted);
  for (const key of want === undefined ? [] : keys) {
    const have = versionOf(key);
    if (have !== undefined && withoutVersion(key) === withoutVersion(wanted)) {
      return { name: key, why: `, whose version ${have} is not compatible with ${want}` };
    }
  }
  const name = nearestName(wanted, keys, effort);
  return name === undefined ? undefined : { name, why: "" };
}
