/** What a build of `test/fixtures/faults` gives a test, in Node and in the page. */
export interface BuiltFaults {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The author's file as frames should name it. */
  readonly file: string;
  /** What the author wrote. */
  readonly text: string;
}
