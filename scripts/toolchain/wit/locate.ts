/**
 * Where in the author's WIT an error is.
 *
 * wasm-tools says what is wrong but not where. It is asked again about slightly changed texts, and from how its answer
 * changes the place follows: a syntax error is where the shortest prefix ends that still gives the same answer; an
 * error about a name is where renaming that name changes the answer; any other is in the item without which there is
 * none.
 */
import { nearestName } from "../../../host/model/nearest.ts";
import type { BuildIssue } from "../build/errors.ts";
import { position } from "../build/errors.ts";
import { embedWorld, ToolError } from "../wasm-tools.ts";
import type { WitFile, WitSources } from "./sources.ts";
import { type Token, tokenize } from "./tokens.ts";

/** Asks wasm-tools about sources; the answer is its complaint, or `undefined` when it has none. */
export type Ask = (sources: WitSources) => Promise<string | undefined>;

/** Occurrences of a name, or items, that are tried before giving up. */
const maxTrials = 40;

/** Turns a complaint of wasm-tools into an issue with file and line. */
export async function locate(sources: WitSources, complaint: string, ask: Ask): Promise<BuildIssue> {
  const message = sentence(complaint);
  const hint = hintFor(complaint, sources);
  const place =
    (await locateSyntax(sources)) ??
    (await locateName(sources, complaint, ask)) ??
    (await locateItem(sources, complaint, ask));
  if (place === undefined) return { file: sources.main.files[0]!.path, line: 1, column: 1, message, hint };
  return issueAt(place, complaint, hint);
}

/** The first syntax error, which hides what the texts declare. */
export async function syntaxIssue(sources: WitSources): Promise<BuildIssue | undefined> {
  const place = await locateSyntax(sources);
  return place && issueAt(place, place.complaint!, hintFor(place.complaint!, sources));
}

/** A file by itself may have told more than the folder did. */
function issueAt(place: Place, told: string, hint: string): BuildIssue {
  const { file, offset, complaint = told } = place;
  const message = sentence(complaint);
  return { file: file.path, ...position(file.text, offset), message, hint: spellingHint(place, complaint) ?? hint };
}

interface Place {
  readonly file: WitFile;
  readonly offset: number;
  readonly complaint?: string | undefined;
}

function allFiles({ main, dependencies }: WitSources): WitFile[] {
  return [main, ...dependencies].flatMap(({ files }) => files);
}

/** A file is parsed before anything in it is looked up, so a syntax error shows in the file by itself. */
async function locateSyntax(sources: WitSources): Promise<Place | undefined> {
  for (const file of allFiles(sources)) {
    const complaint = await complain(file.text);
    if (complaint === undefined || !isSyntax(complaint)) continue;
    const ends = tokenize(file.text).map(({ end }) => end);
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((await complain(file.text.slice(0, ends[middle]))) === complaint) high = middle;
      else low = middle + 1;
    }
    const at = tokenize(file.text)[high];
    if (/block comment/i.test(complaint)) {
      return { file, offset: Math.max(0, file.text.indexOf("/*", at?.end ?? 0)), complaint };
    }
    const atEnd = /found (eof|end of)/i.test(complaint) || at === undefined;
    return { file, offset: atEnd ? file.text.trimEnd().length : at.start, complaint };
  }
  return undefined;
}

/** What wasm-tools says of one text by itself; it complains of syntax before anything else. */
async function complain(text: string): Promise<string | undefined> {
  try {
    await embedWorld({ witSource: text });
    return undefined;
  } catch (error) {
    return complaintOf(error);
  }
}

function isSyntax(complaint: string): boolean {
  return /^(expected |unexpected |invalid character|unterminated|found an invalid|control character|unrecognized)/i.test(
    complaint,
  );
}

async function locateName(sources: WitSources, complaint: string, ask: Ask): Promise<Place | undefined> {
  const names = quotedNames(complaint);
  let best: Place | undefined;
  let bestRank = -1;
  let trials = 0;
  const fresh = "tenon-nowhere";
  for (const file of allFiles(sources)) {
    for (const { first, last } of occurrences(tokenize(file.text), names)) {
      if (++trials > maxTrials) return best;
      const place = { file, offset: first.start };
      const answer = await ask(withText(sources, file, replace(file.text, last, fresh)));
      if (answer?.includes(fresh) === true && !complaint.includes(fresh)) return place;
      const rank = answer === undefined ? 2 : answer === complaint ? 0 : 1;
      // Renaming one of two clashing items mends both; what clashes is the later one.
      if (rank > bestRank || (rank > 0 && rank === bestRank)) [best, bestRank] = [place, rank];
    }
  }
  return best;
}

/** Where one of the names stands; a name of several words, such as `demo:log`, is a row of tokens. */
function occurrences(tokens: readonly Token[], names: readonly string[]): { first: Token; last: Token }[] {
  const rows = names.map((name) => tokenize(name).map(({ text }) => text));
  return tokens.flatMap((first, at) => {
    const row = rows.find((texts) => texts.every((text, offset) => tokens[at + offset]?.text === text));
    return row === undefined || first.kind !== "name" ? [] : [{ first, last: tokens[at + row.length - 1]! }];
  });
}

async function locateItem(sources: WitSources, complaint: string, ask: Ask): Promise<Place | undefined> {
  let found: Place | undefined;
  let trials = 0;
  for (const file of allFiles(sources)) {
    for (const { first, last } of items(tokenize(file.text))) {
      if (++trials > maxTrials) return found;
      const without = { ...first, end: last.end };
      const answer = await ask(withText(sources, file, replace(file.text, without, "")));
      if (answer !== complaint) found = { file, offset: first.start };
    }
  }
  return found;
}

/** The items inside braces that end with a semicolon. */
function items(tokens: readonly Token[]): { first: Token; last: Token }[] {
  const found: { first: Token; last: Token }[] = [];
  let depth = 0;
  let first: Token | undefined;
  for (const token of tokens) {
    if (token.kind === "doc") continue;
    if (token.kind === "mark" && (token.text === "{" || token.text === "}")) {
      depth += token.text === "{" ? 1 : -1;
      first = undefined;
    } else if (depth > 0) {
      first ??= token;
      if (token.text !== ";") continue;
      found.push({ first, last: token });
      first = undefined;
    }
  }
  return found;
}

function replace(text: string, { start, end }: Token, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

function withText(sources: WitSources, file: WitFile, text: string): WitSources {
  const change = (files: readonly WitFile[]): WitFile[] => files.map((f) => (f === file ? { path: f.path, text } : f));
  return {
    ...sources,
    main: { ...sources.main, files: change(sources.main.files) },
    dependencies: sources.dependencies.map((one) => ({ ...one, files: change(one.files) })),
  };
}

/** The names a complaint quotes, without their versions; what they are parts of comes first. */
function quotedNames(complaint: string): string[] {
  const quoted = [...complaint.split("\n")[0]!.matchAll(/`([^`]+)`|'([^']+)'|"([^"]+)"/g)]
    .map((match) => (match[1] ?? match[2] ?? match[3])!.replace(/@.*/, ""))
    .filter((name) => /^[A-Za-z]/.test(name));
  // Of a package only the whole name says which: its words may stand anywhere.
  const parts = quoted.filter((name) => !/^[\w-]+:[\w-]+$/.test(name)).flatMap((name) => name.split(/[:/#.]/));
  return [...new Set([...quoted, ...parts])];
}

/** Every sentence of tenon begins with a capital and ends without a period. */
function sentence(complaint: string): string {
  const text = complaint.trim().replace(/\. known packages:[^]*$|\.$/, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const builtIn = [
  ...["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"],
  ...["list", "map", "tuple", "option", "result", "own", "borrow", "stream", "future"],
];

/** Types as other languages name them. */
const otherSpellings: ReadonlyMap<string, string> = new Map([
  ...["int", "i32", "int32", "long", "integer"].map((name) => [name, "s32"] as const),
  ...["uint", "uint32", "usize"].map((name) => [name, "u32"] as const),
  ...["i8", "int8"].map((name) => [name, "s8"] as const),
  ...["i16", "int16", "short"].map((name) => [name, "s16"] as const),
  ...["i64", "int64", "bigint"].map((name) => [name, "s64"] as const),
  ...["byte", "uint8"].map((name) => [name, "u8"] as const),
  ["uint16", "u16"],
  ["uint64", "u64"],
  ...["number", "double", "float64"].map((name) => [name, "f64"] as const),
  ...["float", "float32"].map((name) => [name, "f32"] as const),
  ["boolean", "bool"],
  ["str", "string"],
  ...["array", "vec", "slice"].map((name) => [name, "list"] as const),
]);

/** A hint that follows from what stands at the place of a syntax error. */
function spellingHint({ file, offset }: Place, complaint: string): string | undefined {
  const before = tokenize(file.text.slice(0, offset)).filter(({ kind }) => kind !== "doc");
  const [word, , colon] = before.slice(-4);
  if (/expected '\{'/i.test(complaint) && word?.text === "package" && colon?.text === ":")
    return "End the line of the package with a semicolon";
  if (!/invalid character in identifier/i.test(complaint)) return undefined;
  const name = /[\w-]*$/.exec(file.text.slice(0, offset))![0] + /^[\w-]*/.exec(file.text.slice(offset))![0];
  const kebab = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/[_-]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .toLowerCase();
  return /^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/.test(kebab)
    ? `Names have hyphens between their words: \`${kebab}\``
    : undefined;
}

function hintFor(complaint: string, sources: WitSources): string {
  const missing = /`([^`]+)` (?:does not exist|is not defined)/.exec(complaint)?.[1];
  if (missing !== undefined) {
    const words = allFiles(sources).flatMap(({ text }) => definedNames(text));
    const known = new Set([...builtIn, ...words].filter((word) => word !== missing));
    const near = otherSpellings.get(missing) ?? nearestName(missing, known);
    const define = `define \`${missing}\` ${/^name/i.test(complaint) ? "here or bring it in with `use`" : "in the package"}`;
    return near === undefined ? capital(define) : `Did you mean \`${near}\`? Otherwise ${define}`;
  }
  const lacking = /package '([^']+)' not found/.exec(complaint)?.[1];
  if (lacking !== undefined) return `Put the WIT of ${lacking} into the folder deps beside your WIT`;
  const keyword = /found keyword `([^`]+)`/.exec(complaint)?.[1];
  if (keyword !== undefined) return `Write a name that is a word of WIT itself with a percent sign: \`%${keyword}\``;
  if (/conflict|duplicate|twice|more than once|already|unique/i.test(complaint))
    return "Rename or remove one of the two";
  if (/no `package` header|no package header/i.test(complaint))
    return "Begin the file with a line such as `package demo:name;`";
  if (/depends on itself/.test(complaint)) return "Break the circle, with a resource or an index into a list";
  if (/contains a `borrow/.test(complaint)) return "Return an owned handle: a borrowed one ends with the call";
  if (/feature|gate/.test(complaint)) return "Open the feature gate, or do without the item";
  return "Correct the WIT at this place";
}

function definedNames(text: string): string[] {
  const tokens = tokenize(text);
  const keywords = ["record", "variant", "enum", "flags", "resource", "type", "interface"];
  return tokens.filter((_, at) => keywords.includes(tokens[at - 1]?.text ?? "")).map((token) => token.text);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The complaint in an error of the tools. @throws whatever else went wrong */
export function complaintOf(error: unknown): string {
  if (error instanceof ToolError && !error.panicked) return error.message;
  throw error;
}
