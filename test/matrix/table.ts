/**
 * The README's table of the runtimes beside Node, held against what `program.ts` found in each.
 *
 * Versions in its heading are not compared: they are those of the day it was written.
 */
import type { Report } from "./report.ts";

type Facts = Report["facts"];

/** How many memories more or fewer Chromium grants: it varies with what came before. */
const MEMORIES_APART = 3;

const begins = (found: string) => (cell: string) =>
  cell.startsWith(found) ? undefined : `wanted a cell that begins with "${found}"`;

/** What is wrong with the cell of a row, by what the runtime told. */
const ROWS: Readonly<Record<string, (facts: Facts) => (cell: string) => string | undefined>> = {
  "modules alive at once": ({ modules }) =>
    typeof modules === "string"
      ? begins(modules)
      : (cell) =>
          Math.abs(Number.parseInt(cell, 10) - Number(modules)) <= MEMORIES_APART ? undefined : `found ${modules}`,
  "a call through an empty table entry": (facts) =>
    begins(facts["empty table entry"] === "unknown" ? "`unknown`" : "told"),
  "frames of a trap": (facts) => begins(String(facts["frames of a trap"])),
  "JavaScript Promise Integration": ({ suspends }) => begins(suspends === true ? "yes" : "no"),
  "a module in a worker that imports functions": (facts) =>
    begins(facts["waits in a worker"] === true ? "yes" : "refused"),
  "a program of WASI that sleeps in its own thread": (facts) =>
    begins(facts["sleeps in its own thread"] === true ? "yes" : "refused"),
  "signatures of Ed25519": ({ ed25519 }) => begins(ed25519 === true ? "yes" : "refused"),
};

/**
 * @param name the runtime's, with which the heading of its column begins
 * @returns where the README says something else; empty when all is well
 */
export function disagreements(readme: string, name: string, facts: Facts): readonly string[] {
  const rows = readme
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(1, -1).split("|"))
    .map((cells) => cells.map((cell) => cell.trim()));
  const head = rows.findIndex((cells) => cells.some((cell) => cell.startsWith("WebKitGTK ")));
  const column = rows[head]?.findIndex((cell) => cell.startsWith(`${name} `)) ?? -1;
  if (column < 0) return [`the table has no column ${name}`];
  return Object.entries(ROWS).flatMap(([label, check]) => {
    const cell = rows.slice(head).find(([first]) => first === label)?.[column];
    if (cell === undefined) return [`the table has no row "${label}"`];
    const wrong = check(facts)(cell);
    return wrong === undefined ? [] : [`${label}: ${wrong}, the README has "${cell}"`];
  });
}
