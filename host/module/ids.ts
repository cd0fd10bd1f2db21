/** Interface ids as the module host uses them: keys that survive compatible versions, and the order of versions. */
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
