/** The one text of links that failed: what could not be linked, then a line for each issue. */
import { LinkError, type LinkIssue } from "../errors.ts";

/** Letters of one message: the issues beyond are counted. All of them are in the error's `issues`. */
const MOST_LETTERS = 100_000;

const WASI = `\n  WASI can be had from tenon/wasi, denied by default: imports: wasi({ args, env, stdin, preopens })`;

/** @param what a sentence such as "Cannot link module a" */
export function linkError(what: string, issues: readonly LinkIssue[]): LinkError {
  let message = `${what}:`;
  for (const [index, issue] of issues.entries()) {
    const { problem, reason } = issue;
    const name = issue.import ?? `export ${issue.export}`;
    if (index > 0 && message.length + name.length + reason.length > MOST_LETTERS) {
      message += `\n  and ${issues.length - index} more`;
      break;
    }
    message += `\n  ${name} ${problem === "missing" ? "is missing" : "does not fit"}: ${reason}`;
  }
  if (issues.some((issue) => issue.problem === "missing" && issue.import?.startsWith("wasi:"))) message += WASI;
  return new LinkError(message, issues);
}
