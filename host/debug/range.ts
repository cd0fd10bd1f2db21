/** What is asked of maps and line tables, and what they answer. */

/** A line of a source file. `line` and `column` count from 1. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where something may stand to say what an offset is: in the function that holds it. */
export interface Range {
  readonly start: number;
  readonly offset: number;
  readonly end: number;
}
