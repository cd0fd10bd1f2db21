/**
 * The grammar of extern names, and strong uniqueness.
 *
 * Follows design/mvp/Explainer.md, "Import and Export Definitions" and "Name Uniqueness".
 */
import { isCanonicalVersion, parseVersion } from "./semver.ts";

/** `demo:log/log@0.1.0`, in its parts. */
export interface InterfaceName {
  readonly kind: "interface";
  readonly namespace: string;
  readonly package: string;
  /** What follows the slash: the interface's (or world's) own name. */
  readonly interface: string;
  readonly version: string | undefined;
}

export type ExternName =
  | { readonly kind: "label"; readonly label: string }
  | { readonly kind: "constructor"; readonly resource: string }
  | { readonly kind: "method" | "static"; readonly resource: string; readonly label: string }
  | InterfaceName;

// Names come from untrusted bytes and may be 100,000 letters long, so no pattern repeats what repeats or can read one
// text in two ways: a name is split at its dashes first, and each word is read once.
const wordPattern = /^(?:[0-9a-z]+|[0-9A-Z]+)$/;
const lowerPattern = /^[a-z][0-9a-z-]*$/;
const annotationPattern = /^\[(constructor|method|static)\]/;
/** How names began by which components located their dependencies. Any text could follow. */
const droppedPattern = /^(?:locked-dep|unlocked-dep|url|integrity)=</;

/** Whether the text is a kebab-case label: words all lower case or all upper case, the first starting with a letter. */
export function isLabel(text: string): boolean {
  return isLowerLabel(text) || (/^[A-Za-z]/.test(text) && text.split("-").every((word) => wordPattern.test(word)));
}

/** Whether the text is a label in lower case alone, as namespaces and packages are named. */
function isLowerLabel(text: string): boolean {
  return lowerPattern.test(text) && !text.includes("--") && !text.endsWith("-");
}

/**
 * Parses an extern name.
 * @returns its parts, or `undefined` when the text is not an extern name; {@link explainExternName} says why
 */
export function parseExternName(name: string): ExternName | undefined {
  const parsed = analyse(name);
  return typeof parsed === "string" ? undefined : parsed;
}

/** Why the text is not an extern name; `undefined` when it is one. */
export function explainExternName(name: string): string | undefined {
  const parsed = analyse(name);
  return typeof parsed === "string" ? parsed : undefined;
}

/** The parts of a name, or the reason why it has none. */
function analyse(name: string): ExternName | string {
  const annotation = annotationPattern.exec(name);
  if (annotation !== null)
    return analyseAnnotated(annotation[1] as "constructor" | "method" | "static", name.slice(annotation[0].length));
  if (droppedPattern.test(name)) {
    return `${quote(name)} locates a dependency, a form of name that the specification has dropped`;
  }
  if (name.includes(":")) return analyseInterface(name);
  return isLabel(name) ? { kind: "label", label: name } : notKebab(name);
}

function analyseAnnotated(kind: "constructor" | "method" | "static", rest: string): ExternName | string {
  if (kind === "constructor") return isLabel(rest) ? { kind, resource: rest } : notKebab(rest);
  const dot = rest.indexOf(".");
  if (dot < 0) return `${quote(`[${kind}]${rest}`)} has no \`.\` between the resource and the name`;
  const resource = rest.slice(0, dot);
  const label = rest.slice(dot + 1);
  if (!isLabel(resource)) return notKebab(resource);
  return isLabel(label) ? { kind, resource, label } : notKebab(label);
}

function analyseInterface(name: string): ExternName | string {
  const at = name.indexOf("@");
  const path = at < 0 ? name : name.slice(0, at);
  const version = at < 0 ? undefined : name.slice(at + 1);
  const colon = path.indexOf(":");
  const namespace = path.slice(0, colon);
  if (!isLowerLabel(namespace)) return notKebab(namespace, "a lower-case namespace");
  const slash = path.indexOf("/", colon);
  if (slash < 0) return `${quote(name)} has no \`/\` after its package`;
  const packageName = path.slice(colon + 1, slash);
  if (!isLowerLabel(packageName)) return notKebab(packageName, "a lower-case package name");
  const own = path.slice(slash + 1);
  if (!isLabel(own)) return notKebab(own);
  if (version !== undefined && parseVersion(version) === undefined && !isCanonicalVersion(version)) {
    return `${quote(version)} is not a semantic version`;
  }
  return { kind: "interface", namespace, package: packageName, interface: own, version };
}

function notKebab(text: string, what = "a kebab-case name"): string {
  return `${quote(text)} is not ${what}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** The parts of an interface id; `undefined` when the name is of another form. */
export function parseInterfaceId(name: string): InterfaceName | undefined {
  const parsed = parseExternName(name);
  return parsed?.kind === "interface" ? parsed : undefined;
}

/** Writes an interface id out of its parts. */
export function interfaceId(name: Omit<InterfaceName, "kind">): string {
  const path = `${name.namespace}:${name.package}/${name.interface}`;
  return name.version === undefined ? path : `${path}@${name.version}`;
}

/** What strong uniqueness compares: two names of one scope conflict when their keys are equal. */
export function uniquenessKey(name: string): string {
  const lower = name.toLowerCase();
  const annotation = /^\[(?:method|static)\]/.exec(lower);
  if (annotation === null) return lower;
  const member = lower.slice(annotation[0].length);
  const dot = member.indexOf(".");
  return dot >= 0 && member.slice(0, dot) === member.slice(dot + 1) ? member.slice(dot + 1) : member;
}
