/**
 * Answers to a worker that waits, through shared memory: for pages, where a thread that waits can take no message. An answer is
 * written as bytes (`wire.ts`) and read in pieces of a fixed size, of which each but the first is asked for.
 */
import type { Answer } from "./messages.ts";
import { decode, encode } from "./wire.ts";

/** Bytes of the shared memory: a head of two numbers, then the piece. */
export const CHUNK_BYTES: number = 64 * 1024;
const HEAD_BYTES = 8;
const PIECE_BYTES = CHUNK_BYTES - HEAD_BYTES;

/** How many pieces there have been. */
const TURN = 0;
/** Bytes of the answer from this piece on. */
const LEFT = 1;

export class AnswerWriter {
  readonly #head: Int32Array;
  readonly #piece: Uint8Array;
  #rest: Uint8Array | undefined;

  constructor(shared: SharedArrayBuffer) {
    this.#head = new Int32Array(shared, 0, 2);
    this.#piece = new Uint8Array(shared, HEAD_BYTES);
  }

  /** @throws {TypeError} when something in the answer cannot be sent */
  write(answer: Answer): void {
    this.#rest = encode(answer);
    this.more();
  }

  /** Writes the next piece. */
  more(): void {
    const rest = this.#rest!;
    this.#piece.set(rest.subarray(0, PIECE_BYTES));
    this.#rest = rest.length > PIECE_BYTES ? rest.subarray(PIECE_BYTES) : undefined;
    Atomics.store(this.#head, LEFT, rest.length);
    Atomics.add(this.#head, TURN, 1);
    Atomics.notify(this.#head, TURN);
  }
}

/** Pieces read so far from each memory. */
const turns = new WeakMap<SharedArrayBuffer, number>();

/** Blocks until an answer is there. */
export function readAnswer(shared: SharedArrayBuffer, more: () => void): Answer {
  const head = new Int32Array(shared, 0, 2);
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let at = 0;
  let turn = turns.get(shared) ?? 0;
  for (;;) {
    while (Atomics.load(head, TURN) === turn) Atomics.wait(head, TURN, turn);
    turn++;
    turns.set(shared, turn);
    const left = Atomics.load(head, LEFT);
    bytes ??= new Uint8Array(left);
    const length = Math.min(left, PIECE_BYTES);
    bytes.set(new Uint8Array(shared, HEAD_BYTES, length), at);
    at += length;
    if (length === left) return decode(bytes) as Answer;
    more();
  }
}
