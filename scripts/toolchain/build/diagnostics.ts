/**
 * asc's diagnostics as issues in the author's own files.
 *
 * A diagnostic inside the generated bindings is about something the author's module lacks or has with another type; it
 * is told with the declaration that the world wants.
 */
import { readFile } from "node:fs/promises";
import { nearestName } from "../../../host/model/nearest.ts";
import { join } from "node:path";
import type { GuestOutput, RequiredExport } from "../guest/contract.ts";
import { type BuildIssue, position } from "./errors.ts";
import { hintForLacking } from "./hints.ts";
import type { Diagnostic, Place } from "./protocol.ts";

export interface ExplainInput {
  /** The module's folder, absolute. */
  readonly folder: string;
  /** The text of the author's index.ts. */
  readonly index: string;
  readonly guest: Pick<GuestOutput, "entry" | "required">;
  readonly diagnostics: readonly Diagnostic[];
}

/** "Module has no exported member", "Cannot find name", "Property does not exist on type". */
const missingCodes = new Set([2305, 2304, 2339, 2724]);
const maxIssues = 50;
const declareAs = "Declare it as: ";

/** The errors among the diagnostics; those of one cause are told once. */
export function explain(input: ExplainInput): BuildIssue[] {
  const issues = new Map<string, BuildIssue>();
  for (const diagnostic of input.diagnostics) {
    if (diagnostic.severity !== "error") continue;
    const issue = explainOne({ ...diagnostic, message: plain(diagnostic.message) }, input);
    // A wrong type shows in every use that the bindings make of it.
    const about = issue.hint?.startsWith(declareAs) ? issue.hint : issue.message;
    const key = [issue.file, issue.line, about].join("\0");
    if (!issues.has(key)) issues.set(key, issue);
  }
  // An export that is missing in the author's files is an error in the bindings too, which the author cannot edit.
  const all = withoutEchoes([...issues.values()]);
  const bindings = join(input.folder, "bindings", "");
  // What gets no type because of it is reported as of type `auto`.
  const causes = all.filter(({ file, message }) => file?.startsWith(bindings) !== true && !/type 'auto'/.test(message));
  return (causes.length > 0 ? causes : all).slice(0, maxIssues);
}

/** What the compiler cannot do is told by itself: what else it says of the same place comes of that. */
function withoutEchoes(issues: readonly BuildIssue[]): BuildIssue[] {
  const place = ({ file, line, column }: BuildIssue): string => [file, line, column].join("\0");
  const lacking = (issue: BuildIssue): boolean => issue.message.startsWith("Not implemented: ");
  const places = new Set(issues.filter(lacking).map(place));
  // What is missing has no type either.
  const missing = new Set(issues.map(({ message }) => /^(The export `[^`]+`) is missing/.exec(message)?.[1]));
  return issues
    .filter((issue) => lacking(issue) || !places.has(place(issue)))
    .filter(({ message }) => !missing.has(/^(The export `[^`]+`) does not have the type/.exec(message)?.[1] ?? ""));
}

/** Warnings in the author's own files. */
export function explainWarnings(input: ExplainInput): BuildIssue[] {
  return input.diagnostics
    .filter(({ severity, at }) => severity === "warning" && at !== undefined && isAuthored(at))
    .map(({ message, at }) => ({ ...absolute(at!, input.folder), message: plain(message) }));
}

/** asc writes types with the path of their file, and ends its sentences with a period. */
function plain(message: string): string {
  return (
    message
      .replaceAll(/~lib\/string\/String\b/g, "string")
      .replaceAll(/(?<![\w./])(?:~lib|bindings|index)(?:\/[\w.~-]+)*\/(?=[A-Za-z_$][\w$]*)/g, "")
      .replace(/\.$/, "")
      .replace(/^User-defined: "(.*)"$/, "$1")
      // The bindings take what an async function without a result gives for a task.
      .replace(/^Property '_begin' does not exist on type '(\w+)'$/, "Type '$1' is not assignable to type 'void'")
  );
}

function explainOne(diagnostic: Diagnostic, input: ExplainInput): BuildIssue {
  const { code, message, at, related } = diagnostic;
  const { folder, guest } = input;
  if (at !== undefined && isAuthored(at)) return { ...absolute(at, folder), message, hint: hintFor(diagnostic) };
  if (at !== undefined && !at.file.startsWith("~lib/")) {
    const absent = missingCodes.has(code) ? absentExport(message, input) : undefined;
    if (absent !== undefined) return missing(absent, input);
    const namespace = missingCodes.has(code) ? absentNamespace(message, input) : undefined;
    if (namespace !== undefined) return namespace;
    const inEntry = at.file === `bindings/${guest.entry}`;
    const required = guest.required.find(({ lines }) => inEntry && at.line >= lines.first && at.line <= lines.last);
    if (required !== undefined) return mistyped(required, message, related, input);
  }
  if (related !== undefined && isAuthored(related)) {
    return { ...absolute(related, folder), message, hint: hintFor(diagnostic) };
  }
  if (at === undefined) return { file: join(folder, "index.ts"), message };
  const hint = "The error shows in code that the module uses: look for the call that leads there";
  return { ...(at.file.startsWith("~lib/") ? { file: at.file, line: at.line } : absolute(at, folder)), message, hint };
}

function isAuthored({ file }: Place): boolean {
  return !file.startsWith("~lib/") && !file.startsWith("bindings/");
}

function absolute({ file, line, column }: Place, folder: string): { file: string; line: number; column: number } {
  return { file: join(folder, file), line, column };
}

function missing(required: RequiredExport, { folder, index, guest }: ExplainInput): BuildIssue {
  const { name, wit, signature } = required;
  // The name of another required export is no misspelling of this one.
  const wanted = new Set(guest.required.map(ownName));
  const candidates = [...declarations(index).keys()].filter((one) => !wanted.has(one));
  const near = nearestName(ownName(required), candidates);
  const offset = near === undefined ? 0 : declarations(index).get(near)!;
  const rename = near === undefined ? "" : `; or is it the one named \`${near}\` here?`;
  return {
    file: join(folder, "index.ts"),
    ...position(index, offset),
    message: `The export \`${name}\` is missing, which the world wants for ${wit}`,
    hint: `Add to index.ts: ${signature}${rename}`,
  };
}

function mistyped(
  required: RequiredExport,
  message: string,
  related: Place | undefined,
  { folder, index }: ExplainInput,
): BuildIssue {
  const { name, wit, signature } = required;
  const offset = declarations(index).get(ownName(required));
  const place =
    offset === undefined && related !== undefined && isAuthored(related)
      ? absolute(related, folder)
      : { file: join(folder, "index.ts"), ...position(index, offset ?? 0) };
  return {
    ...place,
    message: `The export \`${name}\` does not have the type that the world wants for ${wit}: ${message}`,
    hint: `${declareAs}${signature}`,
  };
}

/** The required export that a "there is no such name" is about, unless it is there in another form. */
function absentExport(message: string, { guest, index }: ExplainInput): RequiredExport | undefined {
  const name = /^(?:Property|Module '[^']*' has no exported member|Cannot find name) '([^']+)'/.exec(message)?.[1];
  const on = /on type '([^']+)'/.exec(message)?.[1];
  const found = guest.required.filter((one) => ownName(one) === name);
  // Of several with that name, the one in the namespace or class that the message names.
  const exact = found.find((one) => parentName(one) === on) ?? (found.length === 1 ? found[0] : undefined);
  if (exact === undefined || !declarations(index).has(ownName(exact))) return exact;
  // A member that is declared but not found is static and should not be, or the reverse.
  return exact.name.includes("#") || found.length === 1 ? undefined : exact;
}

/** Exports of an interface may stand in a namespace, which can be missing as a whole. */
function absentNamespace(message: string, { folder, index, guest }: ExplainInput): BuildIssue | undefined {
  const name = /^Property '([^']+)'/.exec(message)?.[1];
  const inside = guest.required.filter((one) => one.name.startsWith(`${name}.`));
  if (inside.length === 0) return undefined;
  const members = inside.filter((one) => !one.name.includes("#")).map(ownName);
  return {
    file: join(folder, "index.ts"),
    ...position(index, declarations(index).get(name!) ?? 0),
    message: `The namespace \`${name}\` is missing, which the world wants for ${inside[0]!.wit.replace(/#.*/, "")}`,
    hint: `Add to index.ts: export namespace ${name} { … } with ${members.join(", ")}`,
  };
}

/** `increment` of `things.Counter#increment`. */
function ownName({ name }: RequiredExport): string {
  return name.split(/[.#]/).at(-1)!;
}

/** `things.Counter` of `things.Counter#increment`. */
function parentName({ name }: RequiredExport): string | undefined {
  return /^(.*)[.#]/.exec(name)?.[1];
}

/** Names that the text declares, with where: functions, classes, methods and re-exports. */
function declarations(text: string): Map<string, number> {
  const found = new Map<string, number>();
  const patterns = [
    /^[ \t]*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:function|class|const|let|namespace)\s+(?<name>[\w$]+)/gm,
    /^[ \t]+(?:(?:public|static|get|set)\s+)*(?<name>[\w$]+)\s*(?:<[^>]*>)?\([^)]*\)\s*(?::[^{;]*)?\{/gm,
    /\bas\s+(?<name>[\w$]+)\s*[,}]/g,
  ];
  for (const pattern of patterns) {
    for (const match of text.matchAll(pattern)) {
      const name = match.groups!["name"]!;
      if (name !== "if" && name !== "for" && name !== "while" && name !== "switch" && !found.has(name)) {
        found.set(name, match.index + match[0].indexOf(name));
      }
    }
  }
  return found;
}

function hintFor({ code, message, at }: Diagnostic): string {
  const lacking = hintForLacking(code, message, at?.text);
  if (lacking !== undefined) return lacking;
  if (code === 6054) return "Correct the path of the import, or write the file";
  if (code === 2305 && message.includes("bindings/")) {
    return "The bindings have no such name: look into the folder bindings for what the world gives";
  }
  if (code === 2304 || code === 2305) return "Correct the name, or import what it names";
  if (code === 2322 || code === 2345 || code === 2365 || code === 200) return "Convert the value, or change the type";
  if (code === 100) return "AssemblyScript cannot do this: write it in another way";
  if (code < 2000 && code >= 1000) return "Correct the syntax at this place";
  return "Correct the code at this place";
}

/**
 * What to say of a function that the module imports and no world can give: AssemblyScript imports what is declared without
 * a body, and what it expects of a JavaScript page.
 *
 * @param files the module's sources, absolute
 */
export async function explainAbsentImport(
  from: string,
  name: string,
  files: readonly string[],
): Promise<Omit<BuildIssue, "hint"> & { readonly hint: string }> {
  const hint = "Write its body, or import what it gives through the WIT";
  const declared = new RegExp(`\\bdeclare\\s+(?:function|const|let)\\s+${escapeRegExp(name.split(".").at(-1)!)}\\b`);
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => "");
    const at = text.search(declared);
    if (at < 0) continue;
    const message = `\`${name}\` is declared without a body, and no component gets it from "${from}"`;
    return { file, ...position(text, at), message, hint };
  }
  const message = `The module uses \`${name}\`, which AssemblyScript takes from a JavaScript page and no component gets`;
  return { message, hint: "Import what it needs through the WIT, such as a function that gives the time" };
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[^\w]/g, "\\$&");
}
