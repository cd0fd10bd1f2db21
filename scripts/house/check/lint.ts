/**
 * What the linter found, against the list of findings that are still allowed.
 *
 * Pure: the linter's JSON in, violations out.
 */
import type { Violation } from "./rules.ts";

/** Rule → the folders that may still break it. A folder that no longer does has to leave the list. */
export type Allowed = Readonly<Record<string, readonly string[]>>;

export const ALLOWED: Allowed = {
  "import(no-cycle)": ["host/binary/validate/"],
};

interface Diagnostic {
  readonly message: string;
  /** Absent where the file could not be parsed. */
  readonly code?: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

/** @param output what `oxlint --format json` wrote */
export function lintViolations(output: string, allowed: Allowed = ALLOWED): readonly Violation[] {
  const { diagnostics } = JSON.parse(output) as { diagnostics: readonly Diagnostic[] };
  const used = new Set<string>();
  const found = diagnostics.flatMap(({ code = "parse", filename, labels, message }): Violation[] => {
    const path = filename.replaceAll("\\", "/");
    const folder = Object.hasOwn(allowed, code) ? allowed[code]!.find((one) => path.startsWith(one)) : undefined;
    if (folder === undefined) return [{ path, line: labels[0]?.span.line ?? 1, message: `${message} ${code}` }];
    used.add(`${code} ${folder}`);
    return [];
  });
  const unneeded = Object.entries(allowed).flatMap(([code, folders]) =>
    folders.filter((folder) => !used.has(`${code} ${folder}`)).map((folder) => ({ code, folder })),
  );
  return [
    ...found,
    ...unneeded.map(({ code, folder }) => ({
      path: folder,
      message: `Nothing in it breaks ${code} any more: remove it from ALLOWED in scripts/house/check/lint.ts`,
    })),
  ];
}
