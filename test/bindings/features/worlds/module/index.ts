import { grow } from "./bindings/helper";
import * as old from "./bindings/test-log-log-0-1-0";
import * as log from "./bindings/test-log-log-0-2-0";
import { Canvas, Kind, Size } from "./bindings/test-worlds-types";
import { Card, Framed, State, Tuple2, count, draw } from "./bindings/w";

export function begin(): string {
  return "began";
}

export function frame(size: Size, sort: Kind): Framed {
  return new Framed(grow(size), sort);
}

export function biggest(sizes: Size[]): Size | null {
  let best: Size | null = null;
  for (let i = 0; i < sizes.length; i++) {
    const size = sizes[i];
    if (best === null || best.width * best.height < size.width * size.height) best = size;
  }
  return best;
}

export function cover(board: Canvas): u64 {
  const larger = new Canvas(new Size(10, 10));
  const area = board.area() + larger.area();
  larger.dispose();
  return area;
}

export function plain(): u32 {
  return 1;
}

export function since(): u32 {
  return 2;
}

export function getState(): Tuple2<State, u32> {
  return new Tuple2<State, u32>(State.Busy, 7);
}

export function redraw(card: Card): Card {
  return draw(new Card(card.title + "!", card.size));
}

export function total(a: u32, b: u32): u32 {
  return count(a) + count(b);
}

export function logBoth(text: string): void {
  old.write(new old.Line(text));
  log.write(new log.Line(text, <u8>log.write(new log.Line("first", 1))));
}
