/**
 * What does not fit a world, for a terminal: items of one interface stand together, and one cause is told once.
 */
import type { LinkIssue } from "../errors.ts";

/** Lines, each with its line end. */
export function formatIssues(issues: readonly LinkIssue[]): string {
  const groups = new Map<string, string[]>();
  const told: string[] = [];
  for (const { import: imported, export: exported, reason, expected, found } of issues) {
    const name = (exported ?? imported)!;
    const side = exported === undefined ? "import" : "export";
    const [group, item] = name.includes("#")
      ? [name.slice(0, name.indexOf("#")), name.slice(name.indexOf("#") + 1)]
      : [];
    const isFunction = expected.startsWith("func(");
    // A function that differs only in a type that differs is not told again.
    if (told.some((one) => reason.endsWith(one))) continue;
    if (!isFunction && found !== undefined) told.push(reason);
    const signatures = [["wanted", expected] as const, ["found ", found] as const].flatMap(([word, text]) =>
      text === undefined || !isFunction
        ? []
        : [`  ${word} ${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}`],
    );
    const heading = `${side} ${group ?? name}`;
    const lines = groups.get(heading) ?? [];
    groups.set(heading, lines);
    lines.push(`${item === undefined ? "" : `${item}: `}${reason}`, ...signatures);
  }
  return [...groups]
    .map(([heading, [first = "", ...more]]) => {
      // An item by itself has its reason beside its name; those of an interface stand below it.
      const together = heading.includes("/") ? `${heading}\n    ${first}` : `${heading}: ${first}`;
      return [`  ${together}`, ...more.map((line) => `    ${line}`), ""].join("\n");
    })
    .join("");
}

/** Letters of a signature that are shown. */
const LONGEST = 160;
