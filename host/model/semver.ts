/**
 * Semantic versions as interface ids carry them: parsing, order, and which version may stand for which.
 *
 * Follows Semantic Versioning 2.0.0 and, for the short forms `1`, `0.2` and `0.0.1`, the `canonversion` production of
 * design/mvp/Explainer.md, "Canonical Interface Name".
 */

export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  /** The dot-separated identifiers after `-`; empty for a release. */
  readonly prerelease: readonly string[];
  /** The text after `+`; it plays no part in order or compatibility. */
  readonly build: string | undefined;
}

// A version may come from untrusted bytes and be long: what repeats is split at its dots, never matched as a whole.
const pattern = /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([^+]*))?(?:\+(.*))?$/s;
const canonicalPattern = /^(?:([1-9][0-9]*)|0\.([1-9][0-9]*)|0\.0\.([1-9][0-9]*|0))$/;

/** Parses a full version; `undefined` when the text is not one. */
export function parseVersion(text: string): Version | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, suffix, build] = match;
  const prerelease = suffix?.split(".") ?? [];
  const identifiers = build === undefined ? prerelease : [...prerelease, ...build.split(".")];
  if (!identifiers.every((text) => /^[0-9A-Za-z-]+$/.test(text)) || prerelease.some((text) => /^0\d+$/.test(text))) {
    return undefined;
  }
  return { major: BigInt(major!), minor: BigInt(minor!), patch: BigInt(patch!), prerelease, build };
}

/** Whether the text is a shortened version: `1`, `0.2`, `0.0.1`. */
export function isCanonicalVersion(text: string): boolean {
  return canonicalPattern.test(text);
}

/** Orders versions as semver does: negative when `a` is lower, 0 when they differ in build metadata at most. */
export function compareVersions(a: Version, b: Version): number {
  for (const part of ["major", "minor", "patch"] as const) {
    if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1;
  }
  return comparePrereleases(a.prerelease, b.prerelease);
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const left = a[i]!;
    const right = b[i]!;
    if (left === right) continue;
    const leftNumber = /^\d+$/.test(left);
    const rightNumber = /^\d+$/.test(right);
    if (leftNumber && rightNumber) return BigInt(left) < BigInt(right) ? -1 : 1;
    if (leftNumber !== rightNumber) return leftNumber ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return a.length - b.length;
}

/**
 * The versions that may stand for one another share a track: `1` for 1.x, `0.2` for 0.2.x, `0.0.3` for that one alone.
 * A pre-release has a track of its own.
 */
export function versionTrack(version: Version): string {
  const { major, minor, patch, prerelease } = version;
  if (prerelease.length > 0) return `${major}.${minor}.${patch}-${prerelease.join(".")}`;
  if (major > 0n) return `${major}`;
  return minor > 0n ? `0.${minor}` : `0.0.${patch}`;
}

/**
 * Whether a provided version may meet a wanted one: the same track, and not older. A shortened version (`0.2`) on
 * either side stands for its whole track. Texts that are not versions are compatible with themselves only.
 */
export function isCompatible(provided: string, wanted: string): boolean {
  if (provided === wanted) return true;
  const found = parseVersion(provided);
  const asked = parseVersion(wanted);
  if (found === undefined || asked === undefined) {
    const foundTrack = found === undefined ? shortTrack(provided) : versionTrack(found);
    const askedTrack = asked === undefined ? shortTrack(wanted) : versionTrack(asked);
    return foundTrack !== undefined && foundTrack === askedTrack;
  }
  return versionTrack(found) === versionTrack(asked) && compareVersions(found, asked) >= 0;
}

function shortTrack(text: string): string | undefined {
  return isCanonicalVersion(text) ? text : undefined;
}
