/**
 * Streams and futures that a host and a worker have given each other, by number: each side counts what it gives. Loaded for
 * components that pass some.
 */
import { behind, type Chunk, StreamOfGuest } from "../abi/async/host-reader.ts";
import { feedOf, isSource, isThenable } from "../abi/async/host-writer.ts";
import type { ChannelType } from "../runtime/copies.ts";
import { elementOf, Giver, type Link, Promised, RemoteFuture, RemoteReader, type Source } from "./channel-ends.ts";
import type { ChannelMessage } from "./messages.ts";

export { channelExplainer } from "../runtime/channel-errors.ts";

/** What stands for a stream or future in a message: its number, or a value: of a future that is there already, or that fits none. */
export type Crossing = { readonly id: number } | { readonly value: unknown };

export class Channels {
  readonly #link: Link;
  readonly #given = new Map<number, Giver | Promised>();
  readonly #taken = new Map<number, RemoteReader | RemoteFuture>();
  #last = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Those that the other side gave and that have not come to their end, by the function that they were given by. */
  get open(): readonly string[] {
    return [...this.#taken.values()].map(({ owner }) => owner);
  }

  /** Somebody on this side waits for the other one. */
  get isWaiting(): boolean {
    for (const end of this.#taken.values()) if (end.isWaiting) return true;
    return false;
  }

  /** @throws what a source throws that cannot be read from */
  give(type: ChannelType, value: unknown): Crossing {
    const kept = { forget: (id: number) => void this.#given.delete(id), replace: () => {} };
    if (type.kind === "stream") {
      const source = sourceOf(type, value);
      if (source === undefined) return { value };
      this.#given.set(++this.#last, new Giver(this.#link, kept, this.#last, type, source));
    } else {
      if (!isThenable(value)) return { value: type.type === undefined ? value : this.#link.out(type.type, value) };
      this.#given.set(++this.#last, new Promised(this.#link, kept, this.#last, type, value));
    }
    return { id: this.#last };
  }

  take(type: ChannelType, crossing: Crossing, owner: string): unknown {
    if ("value" in crossing) {
      const { value } = crossing;
      return type.kind === "future" && type.type !== undefined ? this.#link.in(type.type, value) : value;
    }
    const { id } = crossing;
    if (type.kind === "future") {
      const future = new RemoteFuture(type, owner);
      this.#taken.set(id, future);
      return future.promise;
    }
    const reader = new RemoteReader(this.#link, this.#kept, id, type, owner);
    this.#taken.set(id, reader);
    return new StreamOfGuest(reader);
  }

  readonly #kept = {
    forget: (id: number): void => void this.#taken.delete(id),
    replace: (id: number, reader: RemoteReader): void => void this.#taken.set(id, reader),
  };

  /** The other side was not told of what was given. */
  takeBack(crossing: Crossing): void {
    if ("id" in crossing) this.#close(crossing.id);
  }

  #close(id: number): void {
    const end = this.#given.get(id);
    this.#given.delete(id);
    end?.close();
  }

  receive([, kind, id, what]: ChannelMessage): void {
    switch (kind) {
      case "pull":
        (this.#given.get(id) as Giver | undefined)?.pull(what as number);
        return;
      case "pause":
        (this.#given.get(id) as Giver | undefined)?.pause();
        return;
      case "cancel":
        this.#close(id);
        return;
    }
    const end = this.#taken.get(id);
    if (kind === "chunk" || kind === "ready") {
      (end as RemoteReader | undefined)?.answered(kind === "ready" ? [] : (what as Chunk), kind === "ready");
      return;
    }
    this.#taken.delete(id);
    if (kind === "failed") end?.cut(this.#link.told(what));
    else if (end instanceof RemoteFuture) end.settle(this.#link, what);
    else end?.ended();
  }

  /** The other side is gone: sources are closed, and who reads is told. */
  cut(error: Error): void {
    const [given, taken] = [[...this.#given.values()], [...this.#taken.values()]];
    this.#given.clear();
    this.#taken.clear();
    for (const end of given) end.close();
    for (const end of taken) end.cut(error);
  }
}

/** What is read instead of a value; `undefined` for one that is no stream. Nobody else reads a stream of a component from here on. */
function sourceOf(type: ChannelType, value: unknown): Source | undefined {
  if (!isSource(elementOf(type), value)) return undefined;
  const reader = behind(value);
  if (reader === undefined) return { feed: feedOf(value as object), owned: false };
  return { feed: feedOf(new StreamOfGuest(reader.handOn())), owned: true };
}
