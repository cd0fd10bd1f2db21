/** Matching of import names against the keys a user gave: compatible versions, and the nearest name for a message. */
import { isCompatible, parseInterfaceId, withoutVersion } from "../model/names.ts";
import { nearestName } from "../model/nearest.ts";

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
export function nearestKey(wanted: string, keys: readonly string[]): { name: string; why: string } | undefined {
  const want = parseInterfaceId(wanted);
  if (want?.version !== undefined) {
    for (const key of keys) {
      const have = parseInterfaceId(key);
      if (have?.version !== undefined && withoutVersion(key) === withoutVersion(wanted)) {
        return { name: key, why: `, whose version ${have.version} is not compatible with ${want.version}` };
      }
    }
  }
  const name = nearestName(wanted, keys);
  return name === undefined ? undefined : { name, why: "" };
}
