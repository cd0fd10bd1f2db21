/**
 * The ends of streams and futures between a host and a worker: what gives elements on the one side, and what stands for that on the
 * other. Whoever has a source is asked for so many elements and answers once, with as many or fewer: a source is asked for none
 * before, and no side keeps more than one chunk that nobody has asked for.
 */
import { type Chunk, givenOn, type Read, type ReadEnd } from "../abi/async/host-reader.ts";
import { type Feed, isChunk, isThenable, lengthOf, type Step } from "../abi/async/host-writer.ts";
import { explain } from "../abi/explain.ts";
import { LowerError } from "../errors.ts";
import { mayBeArray } from "../model/facts.ts";
import type { ValueType } from "../model/types.ts";
import type { ChannelType } from "../runtime/copies.ts";
import { describe } from "../words.ts";
import type { ChannelMessage } from "./messages.ts";
import { transfers } from "./values.ts";

/** What the ends ask of their side. */
export interface Link {
  post(message: ChannelMessage, transfer?: readonly ArrayBuffer[]): void;
  /** A value as it is sent, and as it was sent. */
  out(type: ValueType, value: unknown): unknown;
  in(type: ValueType, value: unknown): unknown;
  /** The buffers of a value on its way out that nobody needs here. */
  transfers(type: ValueType | undefined, value: unknown): readonly ArrayBuffer[];
  /** What the other side is told of an error; `undefined` when it is told otherwise. */
  tell(error: unknown): unknown;
  /** The error that the other side has told of. */
  told(data: unknown): Error;
}

/** What is kept by number. */
export interface Kept {
  forget(id: number): void;
  replace(id: number, end: RemoteReader): void;
}

const NOTHING: readonly unknown[] = [];

export function elementOf({ type }: ChannelType): Pick<Parameters<typeof isChunk>[0], "element" | "ofArrays"> {
  return { element: type?.kind, ofArrays: mayBeArray(type) };
}

export interface Source {
  readonly feed: Feed;
  /** What it gives is nobody else's. */
  readonly owned: boolean;
}

/** The end of a stream where its source is. */
export class Giver {
  readonly #link: Link;
  readonly #kept: Kept;
  readonly #id: number;
  readonly #type: ChannelType;
  #source: Source | undefined;
  #chunk: Chunk = NOTHING;
  /** Elements of the chunk that were sent. */
  #at = 0;
  /** Which chunk of the source this is, from one on. */
  #count = 0;
  #paused = false;

  constructor(link: Link, kept: Kept, id: number, type: ChannelType, source: Source) {
    this.#link = link;
    this.#kept = kept;
    this.#id = id;
    this.#type = type;
    this.#source = source;
  }

  /** The reader wants elements; with none, it asks only whether there are some. */
  pull(max: number): void {
    this.#paused = false;
    this.#ask(max);
  }

  /** The reader wants none for now, and waits for its answer all the same. */
  pause(): void {
    this.#paused = true;
    this.#source?.feed.pause?.();
  }

  close(): void {
    const source = this.#source;
    this.#source = undefined;
    this.#chunk = NOTHING;
    source?.feed.close();
  }

  get #left(): number {
    const chunk = this.#chunk;
    return (typeof chunk === "number" ? chunk : lengthOf(chunk)) - this.#at;
  }

  #ask(max: number): void {
    while (this.#source !== undefined) {
      if (this.#left > 0) {
        this.#send(this.#source, max);
        return;
      }
      let step: Step | PromiseLike<Step>;
      try {
        step = this.#source.feed.next(max);
      } catch (error) {
        this.#fail(error);
        return;
      }
      if (isThenable(step)) {
        Promise.resolve(step).then(
          (value) => this.#use(value) || this.#ask(max),
          (error: unknown) => this.#fail(error),
        );
        return;
      }
      if (this.#use(step)) return;
    }
  }

  /** @returns whether that is an answer */
  #use(step: Step): boolean {
    if (this.#source === undefined) return true;
    if (step === undefined) {
      this.#source = undefined;
      this.#kept.forget(this.#id);
      this.#link.post(["channel", "end", this.#id]);
      return true;
    }
    this.#count++;
    this.#at = 0;
    try {
      this.#chunk = "chunk" in step ? step.chunk : this.#chunkOf(step.item);
    } catch (error) {
      this.#fail(error);
      return true;
    }
    if (this.#left > 0) return false;
    if (this.#paused) this.#link.post(["channel", "chunk", this.#id, NOTHING]);
    else if ("ready" in step) this.#link.post(["channel", "ready", this.#id]);
    else return false;
    return true;
  }

  #chunkOf(item: unknown): Chunk {
    const element = elementOf(this.#type);
    if (element.element !== undefined) return isChunk(element, item) ? item : [item];
    if (item === undefined) return 1;
    if (typeof item === "number" && Number.isSafeInteger(item) && item >= 0) return item;
    throw new LowerError(`stream.chunks[${this.#count - 1}]`, "a number of units", describe(item));
  }

  #send({ owned }: Source, max: number): void {
    if (max === 0) {
      this.#link.post(["channel", "ready", this.#id]);
      return;
    }
    const from = this.#at;
    const size = Math.min(this.#left, max);
    this.#at += size;
    const part = owned && from === 0 && this.#left === 0 ? this.#chunk : partOf(this.#chunk, from, size);
    try {
      const sent = this.#converted(part);
      const link = this.#link;
      link.post(
        ["channel", "chunk", this.#id, sent],
        ArrayBuffer.isView(sent) ? transfers(sent) : link.transfers(this.#type.type, sent),
      );
    } catch (error) {
      this.#fail(this.#misfit(part, from) ?? error);
    }
  }

  #converted(part: Chunk): Chunk {
    const { type } = this.#type;
    if (type === undefined || typeof part === "number" || ArrayBuffer.isView(part)) return part;
    return Array.from(part, (value) => this.#link.out(type, value));
  }

  /** What of a part could not be sent, by its type. */
  #misfit(part: Chunk, from: number): LowerError | undefined {
    const { type } = this.#type;
    if (type === undefined || typeof part === "number") return undefined;
    for (let i = 0; i < lengthOf(part); i++) {
      const found = explain(type, part[i], `stream.chunks[${this.#count - 1}][${from + i}]`, () => undefined);
      if (found !== undefined) return new LowerError(found.path, found.expected, found.found);
    }
    return undefined;
  }

  #fail(error: unknown): void {
    if (this.#source === undefined) return;
    this.#kept.forget(this.#id);
    fail(this.#link, this.#id, error);
    this.close();
  }
}

function fail(link: Link, id: number, error: unknown): void {
  const told = link.tell(error);
  if (told !== undefined) link.post(["channel", "failed", id, told]);
}

/** A promise that stands for a future, where the promise is. */
export class Promised {
  /** What its outcome leads to, which it does not hold when nobody is to be told. */
  readonly #told: { link: Link | undefined };

  constructor(link: Link, kept: Kept, id: number, { type }: ChannelType, promise: PromiseLike<unknown>) {
    const told = (this.#told = { link: link as Link | undefined });
    const settled = (tell: (link: Link) => void): void => {
      if (told.link === undefined) return;
      kept.forget(id);
      tell(told.link);
    };
    const failed = (error: unknown): void => settled((to) => fail(to, id, error));
    Promise.resolve(promise).then((value) => {
      try {
        settled((to) => {
          const sent = type === undefined ? undefined : to.out(type, value);
          to.post(["channel", "value", id, sent], to.transfers(type, sent));
        });
      } catch (error) {
        failed(error);
      }
    }, failed);
  }

  close(): void {
    this.#told.link = undefined;
  }
}

/** The end of a stream where its source is not. */
export class RemoteReader implements ReadEnd {
  readonly element: ReadEnd["element"];
  /** The function that it was given by. */
  readonly owner: string;
  readonly #id: number;
  readonly #type: ChannelType;
  readonly #kept: Kept;
  #link: Link | undefined;
  readonly #reads: Read[] = [];
  #asked = false;
  #rest: Chunk = NOTHING;
  #failure: Error | undefined;

  constructor(link: Link, kept: Kept, id: number, type: ChannelType, owner: string) {
    this.#link = link;
    this.#kept = kept;
    this.#id = id;
    this.#type = type;
    this.element = type.type?.kind;
    this.owner = owner;
  }

  get isReading(): boolean {
    return this.#reads.length > 0;
  }

  get isOver(): boolean {
    return this.#link === undefined;
  }

  /** Its answer keeps the program from ending. */
  get isWaiting(): boolean {
    return this.#asked;
  }

  read(read: Read): void {
    this.#reads.push(read);
    if (!this.#asked) this.#next();
  }

  #next(): void {
    for (let read = this.#reads[0]; read !== undefined; read = this.#reads[0]) {
      const { max, resolve, reject } = read;
      const left = sizeOf(this.#rest);
      if (left === 0 && this.#link !== undefined) {
        this.#asked = true;
        this.#link.post(["channel", "pull", this.#id, max]);
        return;
      }
      this.#reads.shift();
      if (left > 0) resolve(this.#take(max));
      else if (this.#failure === undefined) resolve(undefined);
      else reject(this.#failure);
    }
  }

  #take(max: number): Chunk {
    const rest = this.#rest;
    const size = sizeOf(rest);
    if (max === 0) return NOTHING;
    this.#rest = size > max ? partOf(rest, max, size - max) : NOTHING;
    return size > max ? partOf(rest, 0, max) : rest;
  }

  /** @param ready there is something, which was only asked about */
  answered(sent: unknown, ready: boolean): void {
    this.#asked = false;
    const { type } = this.#type;
    const plain = type === undefined || typeof sent === "number" || ArrayBuffer.isView(sent);
    this.#rest = plain ? (sent as Chunk) : (sent as readonly unknown[]).map((value) => this.#link!.in(type, value));
    if (ready && this.#reads[0]?.max === 0) this.#reads.shift()!.resolve(NOTHING);
    this.#next();
  }

  ended(): void {
    this.#asked = false;
    this.#link = undefined;
    this.#next();
  }

  withdraw(): void {
    if (!this.#asked || this.#reads.length === 0) return;
    this.#link!.post(["channel", "pause", this.#id]);
    // The answer that is on its way is kept for the next read.
    this.#reads.shift()!.resolve(NOTHING);
  }

  handOn(): RemoteReader {
    const reader = new RemoteReader(this.#link!, this.#kept, this.#id, this.#type, this.owner);
    reader.#rest = this.#rest;
    reader.#asked = this.#asked;
    this.#kept.replace(this.#id, reader);
    this.#rest = NOTHING;
    this.#asked = false;
    this.#link = undefined;
    this.#failure = givenOn();
    return reader;
  }

  cancel(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#rest = NOTHING;
    this.ended();
    this.#kept.forget(this.#id);
    link.post(["channel", "cancel", this.#id]);
  }

  cut(error: Error): void {
    this.#failure = error;
    this.#rest = NOTHING;
    this.ended();
  }
}

/** A future where its promise is not. */
export class RemoteFuture {
  readonly owner: string;
  readonly isWaiting: boolean = true;
  readonly promise: Promise<unknown>;
  readonly #type: ChannelType;
  #settle!: { resolve(value: unknown): void; reject(error: Error): void };

  constructor(type: ChannelType, owner: string) {
    this.owner = owner;
    this.#type = type;
    this.promise = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // Nobody has to wait for it.
    this.promise.catch(() => {});
  }

  settle(link: Link, sent: unknown): void {
    const { type } = this.#type;
    this.#settle.resolve(type === undefined ? undefined : link.in(type, sent));
  }

  cut(error: Error): void {
    this.#settle.reject(error);
  }
}

function sizeOf(chunk: Chunk): number {
  return typeof chunk === "number" ? chunk : chunk.length;
}

const typedSlice = (Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array).slice;

/** Elements that nobody else has. */
function partOf(chunk: Chunk, from: number, size: number): Chunk {
  if (typeof chunk === "number") return size;
  // A Buffer's own makes no copy.
  if (ArrayBuffer.isView(chunk)) return typedSlice.call(chunk as unknown as Uint8Array, from, from + size);
  return Array.prototype.slice.call(chunk, from, from + size);
}
