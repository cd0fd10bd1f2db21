/**
 * The README's reference: options, errors, trap codes, features and what AssemblyScript lacks as tables, taken from the comments of the sources.
 *
 * The sources are what the compiler checks: every option of an interface has a check (`module/options.ts`), every code a
 * place in its union. `npx tsx scripts/house/reference.ts` writes the tables; `npm run check` fails when they are old.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { commands } from "../../host/cli/commands.ts";
import { usageOf } from "../../host/cli/options.ts";
import { lacking } from "../toolchain/build/hints.ts";

const START = "<!-- The reference: written by scripts/house/reference.ts. -->";
const END = "<!-- The end of the reference. -->";

/** What one table is about, and the interface or union whose members are its rows. */
interface Table {
  readonly heading: string;
  readonly file: string;
  readonly of: string;
  /** The interfaces that it extends. */
  readonly bases?: readonly Omit<Table, "heading">[];
}

const OPTIONS: readonly Table[] = [
  {
    heading: "`compile`",
    file: "host/module/types.ts",
    of: "CompileSourceOptions",
    bases: [{ file: "host/runtime/types.ts", of: "CompileOptions" }],
  },
  {
    heading: "`instantiate`",
    file: "host/runtime/types.ts",
    of: "InstantiateOptions",
    bases: [{ file: "host/runtime/engine.ts", of: "InstanceEvents" }],
  },
  { heading: "`createHost`", file: "host/module/types.ts", of: "HostOptions" },
  { heading: "`load`", file: "host/module/types.ts", of: "LoadOptions" },
  { heading: "`reload`", file: "host/module/types.ts", of: "ReloadOptions" },
  { heading: "`unload`", file: "host/module/types.ts", of: "UnloadOptions" },
  { heading: "`onTrap`", file: "host/module/types.ts", of: "RestartOptions" },
  { heading: "`limits`", file: "host/runtime/engine.ts", of: "Limits" },
  { heading: "`wasi`", file: "host/wasi/options.ts", of: "WasiOptions" },
];

const CODES: readonly Table[] = [
  { heading: "`TrapError.trap`", file: "host/errors.ts", of: "TrapCode" },
  { heading: "`LimitError.limit`", file: "host/errors.ts", of: "LimitName" },
  { heading: "`UnsupportedError.feature`", file: "host/errors.ts", of: "UnsupportedFeature" },
  { heading: "`UsageError.code`", file: "host/errors.ts", of: "UsageCode" },
];

/** A node of the syntax tree, as far as it is read. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [part: string]: unknown;
}

interface Row {
  readonly name: string;
  readonly text: string;
}

/** One file's declarations with their comments. */
class Source {
  private readonly text: string;
  private readonly comments: readonly { readonly value: string; readonly start: number; readonly end: number }[];
  private readonly declarations: readonly Node[];

  constructor(path: string, text: string) {
    const { comments, program } = parseSync(path, text);
    this.text = text;
    this.comments = comments;
    this.declarations = (program.body as unknown as Node[]).flatMap((node) =>
      node.type === "ExportNamedDeclaration" && node["declaration"] !== null ? [node["declaration"] as Node] : [],
    );
  }

  /**
   * The members of an interface itself, or of a union of strings.
   * @throws {Error} naming one without a comment, or what the interface extends and the table does not name
   */
  rows({ of, bases = [] }: Omit<Table, "heading">): Row[] {
    const declared = this.declarations.find((node) => nameOf(node) === of);
    if (declared === undefined) throw new Error(`There is no ${of}`);
    for (const { expression } of (declared["extends"] ?? []) as { readonly expression: Node }[]) {
      const base = String(expression["name"]);
      if (!bases.some((table) => table.of === base))
        throw new Error(`${of} extends ${base}, which its table leaves out`);
    }
    const union = declared["typeAnnotation"] as Node | undefined;
    const members = union === undefined ? (declared["body"] as Node)["body"] : union["types"];
    return (members as Node[]).map((member) => {
      const name = union === undefined ? (member["key"] as Node)["name"] : (member["literal"] as Node)["value"];
      return { name: String(name), text: this.comment(member.start, `${of} ${String(name)}`) };
    });
  }

  /** Every error class with its code, but the base. A class that passes no code on has that of its base. */
  classes(): Row[] {
    const codes = new Map<string, string>();
    return this.declarations.flatMap((node) => {
      const name = nameOf(node);
      if (node.type !== "ClassDeclaration" || name === "TenonError") return [];
      const body = this.text.slice(node.start, node.end);
      const own = /(?:code = |super\(\s*|\?\? |options, )"([a-z-]+)"/.exec(body)?.[1];
      const code = own ?? codes.get(String((node["superClass"] as Node)["name"]));
      if (code === undefined) throw new Error(`${name} has no code`);
      codes.set(name, code);
      return [{ name: `\`${name}\`, \`${code}\``, text: this.comment(node.start - "export ".length, name) }];
    });
  }

  private comment(before: number, name: string): string {
    const comment = this.comments.findLast(({ end }) => end <= before);
    if (comment === undefined || !/^[\s|]*$/.test(this.text.slice(comment.end, before)) || comment.value[0] !== "*") {
      throw new Error(`${name} has no comment that says what it is`);
    }
    return comment.value
      .replaceAll(/^\s*\*+/gm, "")
      .split(/\s@(?:throws|param|returns)\b/, 1)[0]!
      .replaceAll(/\{@link (?:\w+\.)?(\w+)\}/g, "`$1`")
      .replaceAll(/\s+/g, " ")
      .replaceAll("|", "\\|")
      .trim();
  }
}

function nameOf(node: Node): string {
  return String((node["id"] as Node | undefined)?.["name"]);
}

/** The reference of a tree, as Markdown. */
export function reference(root: string): string {
  const sources = new Map<string, Source>();
  const source = (file: string): Source => {
    if (!sources.has(file)) sources.set(file, new Source(file, readFileSync(join(root, file), "utf8")));
    return sources.get(file)!;
  };
  const table = (heading: string, rows: readonly Row[]): string =>
    [`| ${heading} | |`, "|---|---|", ...rows.map(({ name, text }) => `| ${name} | ${text} |`)].join("\n");
  const coded = (rows: readonly Row[]): Row[] => rows.map(({ name, text }) => ({ name: `\`${name}\``, text }));
  const rows = (of: Omit<Table, "heading">): Row[] => [...(of.bases ?? []).flatMap(rows), ...source(of.file).rows(of)];
  const all = (tables: readonly Table[]): string[] => tables.map((of) => table(of.heading, coded(rows(of))));
  const lines = [...commands].map(([name, command]) => ({
    name: `\`tenon ${usageOf(name, command)}\``.replaceAll("|", "\\|"),
    text: command.summary,
  }));
  const lacks = [...new Map(lacking.map(({ what, instead }) => [what, instead]))].map(([what, instead]) => ({
    name: what.replaceAll("|", "\\|"),
    text: instead.replaceAll("|", "\\|"),
  }));
  const folded = (title: string, tables: readonly string[]): string =>
    [`<details>\n<summary>${title}</summary>`, ...tables, "</details>"].join("\n\n");
  return [
    "## Reference",
    folded("Options of each call", all(OPTIONS)),
    folded("Errors and their codes", [table("class, `code`", source("host/errors.ts").classes()), ...all(CODES)]),
    folded("Commands", [table("command", lines)]),
    folded("TypeScript that AssemblyScript does not take", [table("it has no", lacks)]),
  ].join("\n\n");
}

/** The README with its reference renewed. @throws {Error} when it has no place for one */
export function withReference(readme: string, text: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error("The README has no place for the reference");
  return `${readme.slice(0, start + START.length)}\n\n${text}\n\n${readme.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
  const path = join(root, "README.md");
  writeFileSync(path, withReference(readFileSync(path, "utf8"), reference(root)));
}
