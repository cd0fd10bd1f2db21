/** What is thrown for a stream or future: a fault of one that a program has given to a guest, and the end of one with its instance. */
import { UnloadedError } from "../errors.ts";
import { ImportFault, scrub } from "./trap.ts";

/** A source of the program's that threw, or gave what does not fit. */
export class SourceFault extends ImportFault {
  /** The type that it was a source of. */
  readonly source: string;

  constructor(source: string, error: unknown) {
    super("", error);
    this.source = source;
  }
}

/** @param name of the module that has ended */
export function cutOff(name: string): UnloadedError {
  const error = new UnloadedError(`A stream or future of "${name}" has ended with its instance`);
  // Its frames hold the instance until they are read.
  scrub(error);
  return error;
}
