/**
 * Regular expressions that see untrusted text: none of the host's can take more than linear time by reading one text in
 * many ways, and names made to be read in many ways are refused at once.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseSync, Visitor } from "oxc-parser";
import { expect, test } from "vitest";
import { explainExternName, isLabel, uniquenessKey } from "../../host/model/extern-names.ts";
import { isCanonicalVersion, parseVersion } from "../../host/model/semver.ts";

const host = new URL("../../host/", import.meta.url);
const files = readdirSync(host, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, source: readFileSync(new URL(path, host), "utf8") }));

/** Every pattern of the host's own source; one put together at run time could not be judged, so it counts as unsafe. */
function patternsOf(path: string, source: string): string[] {
  const patterns: string[] = [];
  new Visitor({
    Literal(node) {
      if ("regex" in node && node.regex !== null) patterns.push(node.regex.pattern);
    },
    NewExpression(node) {
      if (node.callee.type === "Identifier" && node.callee.name === "RegExp") patterns.push("(?:built at run time*)*");
    },
  }).visit(parseSync(path, source).program);
  return patterns;
}

/** How deep unbounded repeats stand in unbounded repeats: `(a+)*` is 2, and only from 2 on can time be exponential. */
function repeatDepth(pattern: string): number {
  // A group's depth is that of its deepest part; a `*`, `+` or `{n,}` behind a part adds one.
  const groups: number[] = [0];
  let last = 0;
  const note = (depth: number): void => {
    last = depth;
    groups.push(Math.max(groups.pop()!, depth));
  };
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!;
    if (letter === "\\") {
      at++;
      last = 0;
    } else if (letter === "[") {
      while (pattern[++at] !== "]") if (pattern[at] === "\\") at++;
      last = 0;
    } else if (letter === "(") {
      groups.push(0);
    } else if (letter === ")") {
      note(groups.pop()!);
    } else if (letter === "*" || letter === "+" || /^\{\d+,\}/.test(pattern.slice(at))) {
      note(last + 1);
    } else if (letter !== "?" && letter !== "{" && letter !== "}") {
      last = 0;
    }
  }
  return Math.max(...groups);
}

test("repeatDepth sees a repeat within a repeat, however it is written", () => {
  expect([/a+b*/, /[(a+)*]x/, /(?:a|b)+/, /\(a+\)*/, /(a+)b*/].map((of) => repeatDepth(of.source))).toEqual([
    1, 0, 1, 1, 1,
  ]);
  expect([/(a+)+/, /(?:x(?:a*)y){2,}/, /(?:-(?:[0-9a-z]+|[0-9A-Z]+))*/].map((of) => repeatDepth(of.source))).toEqual([
    2, 2, 2,
  ]);
});

test("no regular expression of the host repeats what repeats", () => {
  const patterns = files.flatMap(({ path, source }) => patternsOf(path, source).map((pattern) => ({ path, pattern })));
  expect(patterns.length).toBeGreaterThan(10);
  expect(patterns.filter(({ pattern }) => repeatDepth(pattern) > 1)).toEqual([]);
});

/** Texts that a grammar of names reads in several ways, or nearly to their end, before it refuses them. */
const tempting: readonly ((length: number) => string)[] = [
  (length) => `a${"-1".repeat(length / 2)}_`,
  (length) => `a${"-a1".repeat(length / 3)}-`,
  (length) => `${"a".repeat(length)}_`,
  (length) => `a:b/c@1.2.3-${"1.".repeat(length / 2)}`,
  (length) => `a:b/c@1.2.3-${"1a".repeat(length / 2)}_`,
  (length) => `a:b/c@1.2.3+${"-".repeat(length)}_`,
  (length) => `a:b/c@${"1".repeat(length)}_`,
  (length) => `[method]a${"-1".repeat(length / 2)}_.b`,
  (length) => `[method]${"a.".repeat(length / 2)}_`,
  (length) => `url=<${"=<".repeat(length / 2)}`,
];

const grammars = [isLabel, explainExternName, uniquenessKey, parseVersion, isCanonicalVersion] as const;

function timeOf(text: string): number {
  const start = performance.now();
  for (const grammar of grammars) grammar(text);
  return performance.now() - start;
}

/** A plain look at every letter. */
function timeOfReading(text: string): number {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum ^= text.charCodeAt(i);
  return sum < 0 ? 0 : performance.now() - start;
}

/**
 * How many times as long the grammars take for a text as reading it once: the least of several tries, each of which times
 * both, so that a try in which the machine did something else does not count.
 */
function slowness(text: string): number {
  let least = Infinity;
  for (let tries = 0; tries < 5 && least > MOST_SLOWNESS; tries++) {
    least = Math.min(least, timeOf(text) / Math.max(timeOfReading(text), CLOCK_MS));
  }
  return least;
}
const MOST_SLOWNESS = 1_000;
/** What is faster cannot be told apart. */
const CLOCK_MS = 0.02;

test("every grammar of names reads a good and refuses a tempting text in linear time", () => {
  for (const make of tempting) {
    // From short to long, so that time that doubles with every few letters is seen while it is still short.
    for (const length of [16, 32, 40, 48, 56, 64, 1_000, 10_000, 100_000]) {
      const text = make(length);
      expect(explainExternName(text), text.slice(0, 20)).toBeDefined();
      for (const read of [text, `a${"-b1".repeat(length / 3)}`]) {
        expect(slowness(read), `${length} letters, ${read.slice(0, 20)}`).toBeLessThanOrEqual(MOST_SLOWNESS);
      }
    }
  }
});
