/** Keys get a prefix on their way in, and lose it on their way out. */
import * as inner from "./bindings/test-both-store";
import { Answer, Entry, Mode, Order, Position } from "./bindings/w";

const prefix = "p/";

function inward(entry: Entry): Entry {
  return new Entry(prefix + entry.key, entry.value, entry.order);
}

function outward(entry: Entry): Entry {
  return new Entry(entry.key.slice(prefix.length), entry.value, entry.order);
}

export class Cursor {
  readonly inner: inner.Cursor;
  constructor(start: string, order: Order) {
    this.inner = new inner.Cursor(prefix + start, order);
  }
  next(): Entry | null {
    const entry = this.inner.next();
    return entry === null ? null : outward(entry);
  }
  static others(cursors: Cursor[]): u32 {
    return inner.Cursor.others(cursors.map<inner.Cursor>((cursor) => cursor.inner));
  }
  dispose(): void {
    this.inner.dispose();
  }
}

export function get(key: string): Answer {
  const answer = inner.get(prefix + key);
  return answer.isEntry ? Answer.entry(outward(answer.asEntry)) : answer;
}

export function put(entry: Entry, mode: Mode): void {
  inner.put(inward(entry), mode | Mode.Safe);
}

export function move(position: Position): Position {
  const moved = inner.move(new inner.Position(new inner.Cursor("moved", Order.Up), position.mode));
  moved.cursor.dispose();
  return new Position(position.cursor, moved.mode);
}
