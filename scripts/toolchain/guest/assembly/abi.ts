/**
 * The fixed half of the bindings' `abi.ts`: memory, strings, lists of numbers and handles on the guest's side of the
 * canonical ABI.
 *
 * AssemblyScript, not TypeScript for Node. `support.ts` takes the regions that a world needs, as they are here; what is
 * outside of them is for the compilers that check this file. The areas' sizes are the world's.
 */
import { Resource } from "./tenon";

// #region memory
// Fixed places for parameters and results that travel through memory: no two calls use them at once.
// @ts-ignore: decorator
@lazy
const params: usize = memory.data(8, 8);
// @ts-ignore: decorator
@lazy
const results: usize = memory.data(8, 8);

/** Memory for what the host passes. Blocks of the plain heap: the collector neither moves nor frees them. */
export function realloc(pointer: usize, oldSize: usize, alignment: usize, newSize: usize): usize {
  if (newSize == 0) return alignment;
  return oldSize == 0 ? heap.alloc(newSize) : heap.realloc(pointer, newSize);
}

// Blocks of lists on their way to the host, as a chain: freed together once it has read them.
// @ts-ignore: decorator
@lazy
let chain: usize = 0;

function block(size: usize): usize {
  if (size == 0) return 8;
  const pointer = heap.alloc(size + 16);
  store<usize>(pointer, chain);
  chain = pointer;
  return pointer + 16;
}

export function free(pointer: usize): void {
  heap.free(pointer);
}

function release(mark: usize): void {
  while (chain != mark) {
    const pointer = chain;
    chain = load<usize>(pointer);
    heap.free(pointer);
  }
}

// The last result: the host reads strings and lists where they lie, so it must stay alive until then.
// @ts-ignore: decorator
@lazy
let kept: Object | null = null;

function keep(pointer: usize): void {
  kept = changetype<Object | null>(pointer);
}

export function postReturn(result: i32): void {
  kept = null;
  release(0);
}

// What comes in belongs to the module: each function copies it to the collector's heap and frees the block.

function liftString(pointer: usize, codeUnits: i32): string {
  if (codeUnits == 0) return "";
  const text = String.UTF16.decodeUnsafe(pointer, <usize>codeUnits << 1);
  heap.free(pointer);
  return text;
}

function liftBytes(pointer: usize, length: i32): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length != 0) {
    memory.copy(bytes.dataStart, pointer, length);
    heap.free(pointer);
  }
  return bytes;
}

function liftNumbers<T>(pointer: usize, length: i32): Array<T> {
  const numbers = new Array<T>(length);
  if (length != 0) {
    memory.copy(numbers.dataStart, pointer, <usize>length << alignof<T>());
    heap.free(pointer);
  }
  return numbers;
}

function storeString(text: string, pointer: usize): void {
  store<usize>(pointer, changetype<usize>(text));
  store<i32>(pointer, text.length, 4);
}
// #endregion

// #region async
// Takes the blocks made since `mark` off the chain: another call may end before the one that needs them.
function detach(mark: usize): usize {
  if (chain == mark) return 0;
  const blocks = chain;
  let last = blocks;
  while (load<usize>(last) != mark) last = load<usize>(last);
  store<usize>(last, 0);
  chain = mark;
  return blocks;
}

export function freeBlocks(blocks: usize): void {
  while (blocks != 0) {
    const next = load<usize>(blocks);
    heap.free(blocks);
    blocks = next;
  }
}
// #endregion

// #region gifts
// What a call or write gives away, to be had back when it ends before that was taken.
class Gift {
  constructor(
    readonly object: Object,
    readonly handle: i32,
    readonly back: (object: Object, handle: i32) => void,
    /** The element it is in. */
    readonly place: i32,
  ) {}
}

// Those of the value that is being lowered, where anybody asks for them.
// @ts-ignore: decorator
@lazy
let gifts: Gift[] | null = null;
// @ts-ignore: decorator
@lazy
let place: i32 = 0;

export function note(object: Object, handle: i32, back: (object: Object, handle: i32) => void): void {
  const all = gifts;
  if (all !== null) all.push(new Gift(object, handle, back, place));
}

function haveBack(all: Gift[], from: i32): void {
  for (let i = 0; i < all.length; i++) {
    const gift = all[i];
    if (gift.place >= from) gift.back(gift.object, gift.handle);
  }
}
// #endregion

// #region lent
// Handles lent to the call under way: they must be given back before it returns.
// @ts-ignore: decorator
@lazy
const lent = new Array<Resource>();

function borrow<T extends Resource>(handle: i32): T {
  const resource = own<T>(handle);
  resource._borrowed = true;
  lent.push(resource);
  return resource;
}

export function giveBack(): void {
  while (lent.length > 0) lent.pop().dispose();
}
// #region tasks

/** How many are lent so far: those that come are the next call's. */
export function lentSoFar(): i32 {
  return lent.length;
}

export function giveBackFrom(mark: i32): void {
  while (lent.length > mark) lent.pop().dispose();
}

/** Those since the mark, for a task to give back. */
export function lentFrom(mark: i32): Resource[] {
  return lent.splice(mark);
}
// #endregion
// #endregion

// #region imported
function own<T extends Resource>(handle: i32): T {
  // @ts-ignore: a function of AssemblyScript's runtime
  const resource = changetype<T>(__new(offsetof<T>(), idof<T>()));
  resource._handle = handle;
  resource._borrowed = false;
  return resource;
}

function handleOf(resource: Resource): i32 {
  assert(resource._handle != 0, "The resource was given away or dropped, or was lent for a call that is over");
  return resource._handle;
}

function take(resource: Resource): i32 {
  const handle = handleOf(resource);
  assert(!resource._borrowed, "The resource was only lent, so it cannot be given away");
  resource._handle = 0;
  // #region gifts
  note(resource, handle, handBack);
  // #endregion
  return handle;
}
// #region gifts

function handBack(resource: Object, handle: i32): void {
  changetype<Resource>(resource)._handle = handle;
}
// #endregion
// #endregion

// #region exported
// The module's own objects that the host holds handles of; the place in the table is their representation.
class Table<T> {
  private objects: Array<T | null> = [null];
  private free: Array<i32> = [];

  add(object: T): i32 {
    if (this.free.length > 0) {
      const place = this.free.pop();
      this.objects[place] = object;
      return place;
    }
    return this.objects.push(object) - 1;
  }

  get(place: i32): T {
    return this.objects[place]!;
  }

  /** The object, taken out; null when that has happened before. */
  remove(place: i32): T | null {
    const object = this.objects[place];
    if (object === null) return null;
    this.objects[place] = null;
    this.free.push(place);
    return object;
  }
}
// #endregion
