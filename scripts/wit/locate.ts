/**
 * Where in the author's WIT an error is.
 *
 * wasm-tools says what is wrong but not where. It is asked again about slightly changed texts, and from how its answer
 * changes the place follows: a syntax error is where the shortest prefix ends that still gives the same answer; an
 * error about a name is where renaming that name changes the answer.
 */
import type { BuildIssue } from "../build/errors.ts";
import { nearest, position } from "../build/errors.ts";
import { embedWorld, ToolError } from "../wasm-tools.ts";
import type { WitFile, WitSources } from "./sources.ts";
import { type Token, tokenize } from "./tokens.ts";

/** Asks wasm-tools about sources; the answer is its complaint, or `undefined` when it has none. */
export type Ask = (sources: WitSources) => Promise<string | undefined>;

/** Occurrences of a name that are tried before giving up. */
const maxTrials = 40;

/** Turns a complaint of wasm-tools into an issue with file and line. */
export async function locate(sources: WitSources, complaint: string, ask: Ask): Promise<BuildIssue> {
  const message = sentence(complaint);
  const hint = hintFor(complaint, sources);
  const place = (await locateSyntax(sources)) ?? (await locateName(sources, complaint, ask));
  if (place === undefined) return { file: sources.main.files[0]!.path, line: 1, column: 1, message, hint };
  const { file, offset } = place;
  // A file by itself may have told more than the folder did.
  return { file: file.path, ...position(file.text, offset), message: sentence(place.complaint ?? complaint), hint };
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
    for (const token of tokenize(file.text)) {
      if (token.kind !== "name" || !names.includes(token.text)) continue;
      if (++trials > maxTrials) return best;
      const place = { file, offset: token.start };
      const answer = await ask(withText(sources, file, replace(file.text, token, fresh)));
      if (answer?.includes(fresh) === true && !complaint.includes(fresh)) return place;
      const rank = answer === undefined ? 2 : answer === complaint ? 0 : 1;
      // Renaming one of two clashing items mends both; what clashes is the later one.
      if (rank > bestRank || (rank > 0 && rank === bestRank)) [best, bestRank] = [place, rank];
    }
  }
  return best;
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

/** The names a complaint quotes, parts of package and interface ids included, most specific last. */
function quotedNames(complaint: string): string[] {
  const quoted = [...complaint.split("\n")[0]!.matchAll(/[`'"]([^`'"]+)[`'"]/g)].map((match) => match[1]!);
  return quoted.flatMap((name) => name.replace(/@.*/, "").split(/[:/#.]/)).filter((name) => /^[A-Za-z]/.test(name));
}

/** Every sentence of tenon begins with a capital and ends without a period. */
function sentence(complaint: string): string {
  const text = complaint.trim().replace(/\.$/, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const builtIn = [
  ...["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"],
  ...["list", "map", "tuple", "option", "result", "own", "borrow", "stream", "future"],
];

function hintFor(complaint: string, sources: WitSources): string | undefined {
  const missing = /name `([^`]+)` (?:does not exist|is not defined)/.exec(complaint)?.[1];
  if (missing !== undefined) {
    const words = allFiles(sources).flatMap(({ text }) => definedNames(text));
    const near = nearest(missing, new Set([...builtIn, ...words].filter((word) => word !== missing)));
    const define = `define \`${missing}\` here or bring it in with \`use\``;
    return near === undefined ? capital(define) : `Did you mean \`${near}\`? Otherwise ${define}`;
  }
  const lacking = /package '([^']+)' not found/.exec(complaint)?.[1];
  if (lacking !== undefined) return `Put the WIT of ${lacking} into the folder deps beside your WIT`;
  if (isSyntax(complaint)) return "Correct the WIT at this place";
  if (/conflicts with|duplicate|defined twice|already/.test(complaint)) return "Rename or remove one of the two";
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
