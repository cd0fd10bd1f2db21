/**
 * Rights in words: a heading and what stands below it, which together are sentences.
 */
import { isInterfaceId } from "../model/ids.ts";
import { printable } from "../model/printable.ts";
import { spelledFunction } from "./known.ts";
import type { Grants, OpenImport, Review } from "./types.ts";

/** Lines that each go on with the words of the heading. */
interface Section {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** What a component can do, after "It can" and "It can never". */
const actions: Readonly<Record<string, string>> = {
  "files look": "see names, sizes and times of files",
  "files read": "read files",
  "files open": "open files by name, which can create them and empty them",
  "files write": "write into files",
  "files manage": "make directories and links, rename and delete",
  "network http": "send HTTP requests",
  "network listen": "take ports of this machine and be connected to",
  "network lookup": "look up addresses of names",
  "network tcp": "connect by TCP",
  "network udp": "send and receive by UDP",
  "environment arguments": "read its arguments",
  "environment directory": "ask for its working directory",
  "environment variables": "read environment variables",
  "stdio err": "write to standard error",
  "stdio in": "read standard input",
  "stdio out": "write to standard output",
  "stdio terminal": "tell whether it has a terminal",
  "exit exit": "end itself with an exit code",
  "clocks monotonic": "measure time",
  "clocks sleep": "sleep",
  "clocks timezone": "read the time zone",
  "clocks wall": "read the date and time",
  "config read": "read its configuration",
  "console write": "write to the console of modules",
  "keyvalue read": "read what is kept under keys",
  "keyvalue write": "change what is kept under keys",
  "random insecure": "draw insecure random numbers",
  "random secure": "draw secure random numbers",
};

/** Capabilities of which all is told in one line, when a component has nothing of them. */
const wholes: Readonly<Record<string, string>> = {
  files: "see, open, read or change files",
  network: "reach a network",
  environment: "read its environment or arguments",
  stdio: "read standard input, or write to standard output or error",
  clocks: "read a clock or sleep",
  random: "draw random numbers",
  keyvalue: "read or change what is kept under keys",
};

/** Names in one line; the rest of very many is counted. */
const MOST_NAMES = 40;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map(spelledFunction);
  const more = names.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** What grants allow, a line each; those of capabilities, and those of interfaces. */
function linesOf(grants: Grants): { can: string[]; calls: string[] } {
  const can: string[] = [];
  const calls: string[] = [];
  for (const [key, granted] of Object.entries(grants) as [string, readonly string[]][]) {
    if (isInterfaceId(key)) calls.push(`${key}: ${listed(granted)}`);
    else if (key === "world") calls.push(listed(granted));
    else can.push(...granted.map((action) => actions[`${key} ${action}`]!));
  }
  return { can, calls };
}

function sectionsOf(review: Omit<Review, "sentences" | "text">): Section[] {
  const { pure, rights, own, unknown, never, update, missing } = review;
  const sections: Section[] = [];
  const add = (heading: string, lines: readonly string[]): void => {
    if (lines.length > 0) sections.push({ heading, lines });
  };
  if (pure) {
    add("It imports nothing:", ["it computes with its arguments and its own memory, and reaches nothing else"]);
  } else {
    const opens = rights.some(({ capability, action }) => capability === "files" && action === "open");
    add(
      "It can",
      rights.map(({ capability, action }) => {
        const handed = capability === "files" && (action === "read" || action === "write") && !opens;
        return `${actions[`${capability} ${action}`]!}${handed ? " that it is handed open" : ""}`;
      }),
    );
    add("It can call what you or other modules give it as", own.map(importLine));
    add("It can call what is not known here, given to it as", unknown.map(importLine));
    const others = own.length + unknown.length > 0;
    add(
      others ? "Apart from what these do, it can never" : "It can never",
      Object.entries(never).flatMap(([capability, names]) => neverLines(capability, names, rights)),
    );
  }
  if (update !== undefined) {
    const added = linesOf(update.added);
    const dropped = linesOf(update.dropped);
    add("New in this version, it can", added.can);
    add("New in this version, it uses", added.calls);
    add("No longer, it can", dropped.can);
    add("No longer, it uses", dropped.calls);
    const changes = update.changed.map(({ name, reason }) => `${spelledPath(name)}: ${reason}`);
    add("Of another type than before, it imports", changes);
    add("New in this version, it exports", update.exports.added.map(spelledPath));
    add("No longer, it exports", update.exports.dropped.map(spelledPath));
    const exported = update.exports.changed.map(({ name, reason }) => `${spelledPath(name)}: ${reason}`);
    add("Of another type than before, it exports", exported);
    const { exports } = update;
    const same = [
      added.can,
      added.calls,
      dropped.can,
      dropped.calls,
      changes,
      exports.added,
      exports.dropped,
      exported,
    ];
    if (same.every((lines) => lines.length === 0)) add("Beside the version before,", ["it needs and offers the same"]);
  }
  if (missing !== undefined) {
    const { can, calls } = linesOf(missing);
    add("It is not granted that it can", can);
    add("It is not granted that it uses", calls);
    if (can.length + calls.length === 0) add("It needs", ["nothing that it is not granted"]);
  }
  return sections;
}

function importLine({ name, kind, items, implements: of }: OpenImport): string {
  const what = of === undefined ? name : `${name}, which says it is ${of}`;
  switch (kind) {
    case "instance":
      return `${what}: ${listed(items)}`;
    case "core-module":
      return `${what}, a core module, whose code it runs`;
    case "component":
      return `${what}, a component, whose code it runs`;
    default:
      return spelledFunction(what);
  }
}

function neverLines(capability: string, names: readonly string[], rights: Review["rights"]): string[] {
  const whole = wholes[capability];
  if (whole !== undefined && !rights.some((right) => right.capability === capability)) return [whole];
  return names.map((name) => actions[`${capability} ${name}`]!);
}

/** `my:app/db@1.0.0#[method]cursor.next` → `my:app/db@1.0.0 cursor.next`. */
function spelledPath(path: string): string {
  return path.split("#").map(spelledFunction).join(" ");
}

/** The words for a review. */
export function sentencesOf(review: Omit<Review, "sentences" | "text">): Pick<Review, "sentences" | "text"> {
  const sections = sectionsOf(review);
  return {
    sentences: sections.flatMap(({ heading, lines }) => lines.map((line) => printable(`${heading} ${line}`))),
    text: sections
      .map(({ heading, lines }) => `${printable(heading)}\n${lines.map((line) => `  ${printable(line)}\n`).join("")}`)
      .join("\n"),
  };
}

/** What is missing in one line, for an error. */
export function missingWords(missing: Grants): string {
  const { can, calls } = linesOf(missing);
  return printable([...can.map((line) => `to ${line}`), ...calls.map((line) => `to use ${line}`)].join("; "));
}
