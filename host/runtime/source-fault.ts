/** The fault that a stream or future makes which a program has given to a guest. */
import { ImportFault } from "./trap.ts";

/** A source of the program's that threw, or gave what does not fit. */
export class SourceFault extends ImportFault {
  /** The type that it was a source of. */
  readonly source: string;

  constructor(source: string, error: unknown) {
    super("", error);
    this.source = source;
  }
}
