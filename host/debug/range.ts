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

/** A frame as the engine names it. */
export interface WasmFrame {
  /** What the engine calls the core module; equal for frames of one module. */
  readonly script: string;
  /** The function's number in the core module, imports included; `undefined` where the engine does not say. */
  readonly index: number | undefined;
  /** Bytes from the start of the core module that was compiled; `undefined` where the engine does not say. */
  readonly offset: number | undefined;
}

/** What is known of a frame's place. */
export interface Place extends Partial<SourceLine> {
  /** Bytes from the start of the core module as the component has it. */
  readonly offset?: number | undefined;
  /** The function is one that the host put in. */
  readonly added?: boolean;
}

/** Tells the places of frames. */
export interface Places {
  /** One for each frame, in their order. */
  places(frames: readonly WasmFrame[]): Place[];
}
