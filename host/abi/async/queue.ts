/** A queue of which the first is taken in the same time however many there are: `shift` of a long array moves all the others. */

/** Places before the first that may be left empty before the others are moved there. */
const MOST_EMPTY = 1024;

export class Queue<T> {
  private items: (T | undefined)[] = [];
  private first = 0;

  get length(): number {
    return this.items.length - this.first;
  }

  at(index: number): T {
    return this.items[this.first + index]!;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Puts one before all others. */
  unshift(item: T): void {
    if (this.first > 0) this.items[--this.first] = item;
    else this.items.unshift(item);
  }

  shift(): T | undefined {
    const { items, first } = this;
    if (first === items.length) return undefined;
    const item = items[first];
    items[first] = undefined;
    this.first++;
    if (this.first === items.length) {
      this.first = items.length = 0;
    } else if (this.first >= MOST_EMPTY && this.first * 2 > items.length) {
      this.items = items.slice(this.first);
      this.first = 0;
    }
    return item;
  }

  removeAt(index: number): void {
    this.items.splice(this.first + index, 1);
  }

  remove(item: T): void {
    const at = this.items.indexOf(item, this.first);
    if (at >= 0) this.items.splice(at, 1);
  }

  some(test: (item: T) => boolean): boolean {
    for (let at = this.first; at < this.items.length; at++) if (test(this.items[at]!)) return true;
    return false;
  }
}
