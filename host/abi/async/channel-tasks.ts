/** The built-ins of streams, futures and error contexts. Follows design/mvp/CanonicalABI.md, `canon stream.*` and what follows. */
import { AbiTrap } from "../trap.ts";
import { type Access, type ChannelType, type HostSide, isPlain, type Party } from "./channel.ts";
import type { End } from "./ends.ts";
import { type ChannelTraits, type ErrorContextEntry, errorContexts, PassedFuture, PassedStream } from "./passed.ts";
import type { Task, TaskInstance, Thread } from "./task.ts";
import { type CalledInstance, type CallingMachine, Tasks } from "./tasks.ts";
import {
  entryAt,
  ERROR_CONTEXT,
  READABLE_FUTURE,
  READABLE_STREAM,
  WRITABLE_FUTURE,
  WRITABLE_STREAM,
} from "./waitable.ts";

/** An operation could not be done at once. */
const BLOCKED = -1;

/** What else is asked of the machine. */
export interface ChannelMachine extends CallingMachine {
  /** What a source of the program's threw, as what is thrown into the guest. */
  sourceFault(type: ChannelType, error: unknown): unknown;
  /** The error for an element that does not fit. @param place of it */
  misfit(type: ChannelType, value: unknown, place: string): Error;
  /** The error of streams and futures whose instance has ended. */
  cutOff(): Error;
}

export class ChannelTasks extends Tasks implements HostSide {
  readonly ends: HostSide["ends"] = new Set();
  readonly errorContexts: typeof errorContexts = errorContexts;
  declare readonly instance: CalledInstance;
  declare protected readonly machine: ChannelMachine;

  constructor(instance: CalledInstance, machine: ChannelMachine) {
    super(instance, machine);
  }

  stream(traits: ChannelTraits): PassedStream {
    return new PassedStream(this, traits);
  }

  future(traits: ChannelTraits): PassedFuture {
    return new PassedFuture(this, traits);
  }

  // Built-ins.

  /** `stream_copy` and `future_copy`, of a readable end. */
  read(access: Access, index: number, pointer: number, length: number): unknown {
    const end = endAt(access.instance, access.type, index, true);
    end.refuseBusy("read from");
    return this.copy(end, access, pointer, length);
  }

  /** The same, of a writable end. */
  write(access: Access, index: number, pointer: number, length: number): unknown {
    const end = endAt(access.instance, access.type, index, false);
    end.refuseBusy("write to");
    return this.copy(end, access, pointer, length);
  }

  private copy(end: End, access: Access, pointer: number, length: number): unknown {
    if (!access.async) refuseInSet(end);
    end.copy(access, pointer, length);
    const { event } = this;
    if (end.pending) {
      end.take(event);
      return event.payload;
    }
    if (access.async) return BLOCKED;
    return this.blockOn(end, `the other end of a ${end.words}`, ({ payload }) => payload);
  }

  cancelRead(a: TaskInstance, type: ChannelType, async: boolean, index: number): number {
    return this.cancelCopy(endAt(a, type, index, true), type, async);
  }

  cancelWrite(a: TaskInstance, type: ChannelType, async: boolean, index: number): number {
    return this.cancelCopy(endAt(a, type, index, false), type, async);
  }

  /** `cancel_copy`: what is under way ends at once, whoever is at the other end. */
  private cancelCopy(end: End, type: ChannelType, async: boolean): number {
    end.refuseNotCopying();
    // Rust guests of wit-bindgen before July 2026 so cancel the stream of units by which their tasks wake one another. Since May
    // 2026 the specification has that trap, lest it wait for an event that is the set's: it never waits here.
    if (!async && (type.isFuture || type.element !== undefined)) refuseInSet(end);
    end.cancel();
    const { event } = this;
    end.take(event);
    return event.payload;
  }

  dropReadable(a: TaskInstance, type: ChannelType, index: number): void {
    drop(a, endAt(a, type, index, true));
  }

  dropWritable(a: TaskInstance, type: ChannelType, index: number): void {
    drop(a, endAt(a, type, index, false));
  }

  errorContextNew(a: TaskInstance, debugMessage: string): number {
    return errorContexts.take(a, { debugMessage });
  }

  errorContextDebugMessage(a: TaskInstance, index: number): string {
    return errorContexts.lift(a, index).debugMessage;
  }

  errorContextDrop({ state }: TaskInstance, index: number): void {
    entryAt<ErrorContextEntry>(state.handles, index, ERROR_CONTEXT);
    state.handles.remove(index >>> 0);
  }

  // The host's ends.

  touch(party: Party | undefined, action: () => void): void {
    const buffer = party?.buffer;
    const access = buffer?.access;
    if (access === undefined || isPlain(access.type)) {
      try {
        action();
      } catch (error) {
        this.whenIdle(() => this.crash(waiting(party), error));
      }
      this.proceedSoon();
      return;
    }
    this.whenIdle(() => {
      if (this.ended) return;
      this.outermost(waiting(party), party!.instance?.chain ?? [this.instance.root], action, undefined);
      this.proceedSoon();
    });
  }

  proceedSoon(): void {
    this.schedule();
  }

  sourceFault(type: ChannelType, error: unknown): unknown {
    return this.machine.sourceFault(type, error);
  }

  misfit(type: ChannelType, value: unknown, place: string): Error {
    return this.machine.misfit(type, value, place);
  }

  override get hasHostEnds(): boolean {
    return this.ends.size > 0;
  }

  // Ends.

  protected override fail(task: Task | undefined, fault: Error): void {
    this.cutEnds(() => fault);
    super.fail(task, fault);
  }

  override dispose(): void {
    this.cutEnds(() => this.machine.cutOff());
    super.dispose();
  }

  private cutEnds(reason: () => Error): void {
    if (this.ends.size === 0) return;
    const error = reason();
    for (const end of [...this.ends]) end.cut(error);
  }
}

/** An end of a stream or future of a type. @throws {AbiTrap} when there is none at the index */
function endAt({ state }: TaskInstance, type: ChannelType, index: number, isReadable: boolean): End {
  const ofStream = isReadable ? READABLE_STREAM : WRITABLE_STREAM;
  const ofFuture = isReadable ? READABLE_FUTURE : WRITABLE_FUTURE;
  const end = entryAt<End>(state.handles, index, type.isFuture ? ofFuture : ofStream);
  (type as PassedStream | PassedFuture).refuseOther(end, index);
  return end;
}

/** The task that waits for what is copied, where there is one. */
function waiting(party: Party | undefined): Task | undefined {
  const end = party as Partial<End> | undefined;
  const [thread = end?.waiter] = end?.set?.waiting ?? [];
  return (thread as Thread | undefined)?.task;
}

function refuseInSet(end: End): void {
  if (end.set === undefined) return;
  throw new AbiTrap("waitable-in-set", `A ${end.words} cannot be used synchronously while it is in a waitable set`);
}

function drop({ state }: TaskInstance, end: End): void {
  end.leave();
  state.handles.remove(end.index);
}
