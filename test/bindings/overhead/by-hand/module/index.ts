/** The same world as the canonical ABI has it, written by hand with the same objects in the middle. */

class Size {
  constructor(
    public width: f64,
    public height: f64,
  ) {}
}

const area: usize = memory.data(8, 8);
let kept: string = "";
let block: usize = 0;

export function cabi_realloc(pointer: usize, oldSize: usize, alignment: usize, newSize: usize): usize {
  if (newSize == 0) return alignment;
  return oldSize == 0 ? heap.alloc(newSize) : heap.realloc(pointer, newSize);
}

export function greet(pointer: usize, length: i32): usize {
  const name = String.UTF16.decodeUnsafe(pointer, <usize>length << 1);
  if (length != 0) heap.free(pointer);
  kept = "Hello, " + name + "!";
  store<usize>(area, changetype<usize>(kept));
  store<i32>(area, kept.length, 4);
  return area;
}

export function cabi_post_greet(result: usize): void {
  kept = "";
}

export function add(a: i32, b: i32): i32 {
  return a + b;
}

function read(pointer: usize, length: i32): Size[] {
  const sizes = new Array<Size>(length);
  for (let i = 0; i < length; i++) {
    sizes[i] = new Size(load<f64>(pointer + i * 16), load<f64>(pointer + i * 16, 8));
  }
  if (length != 0) heap.free(pointer);
  return sizes;
}

export function areas(pointer: usize, length: i32): f64 {
  const sizes = read(pointer, length);
  let sum: f64 = 0;
  for (let i = 0; i < sizes.length; i++) sum += sizes[i].width * sizes[i].height;
  return sum;
}

export function scale(pointer: usize, length: i32): usize {
  const sizes = read(pointer, length);
  for (let i = 0; i < sizes.length; i++) {
    sizes[i].width *= 2;
    sizes[i].height *= 2;
  }
  block = heap.alloc(sizes.length * 16);
  for (let i = 0; i < sizes.length; i++) {
    store<f64>(block + i * 16, sizes[i].width);
    store<f64>(block + i * 16, sizes[i].height, 8);
  }
  store<usize>(area, block);
  store<i32>(area, sizes.length, 4);
  return area;
}

export function cabi_post_scale(result: usize): void {
  heap.free(block);
}

// @ts-ignore: decorator
@global
function __quiet_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  unreachable();
}
