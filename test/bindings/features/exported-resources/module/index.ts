import { Result, Sale, Thing, ThingTag, Tuple2, err, ok } from "./bindings/w";

const gone: string[] = [];

export class Item {
  constructor(
    private _name: string,
    private _price: u32,
  ) {}
  name(): string {
    return this._name;
  }
  price(): u32 {
    return this._price;
  }
  raise(by: u32): void {
    this._price += by;
  }
  same(other: Item): bool {
    return other === this;
  }
  static cheapest(items: Item[]): u32 {
    let least = u32.MAX_VALUE;
    for (let i = 0; i < items.length; i++) least = min(least, items[i]._price);
    return least;
  }
  static merge(a: Item, b: Item): Item {
    return new Item(a._name + "&" + b._name, a._price + b._price);
  }
  /** Called when the host has dropped its last handle. */
  dispose(): void {
    gone.push(this._name);
  }
}

export class Ticket {
  constructor(private _seats: u32) {}
  static create(seats: u32): Result<Ticket, string> {
    if (seats > 10) return err<Ticket, string>("Too many seats");
    return ok<Ticket, string>(new Ticket(seats));
  }
  seats(): u32 {
    return this._seats;
  }
}

export class Till {
  private items: Item[] = [];
  put(item: Item): void {
    this.items.push(item);
  }
  take(): Item | null {
    return this.items.length == 0 ? null : this.items.pop();
  }
  total(): u32 {
    let sum: u32 = 0;
    for (let i = 0; i < this.items.length; i++) sum += this.items[i].price();
    return sum;
  }
}

export function open(): Till {
  return new Till();
}

export function sell(sale: Sale): Sale {
  sale.item.raise(1);
  return sale;
}

export function identify(thing: Thing): Thing {
  return thing.tag == ThingTag.Nothing ? Thing.item(new Item("found", 1)) : thing;
}

export function wrap(items: Item[]): Array<Item | null> {
  const wrapped = new Array<Item | null>();
  for (let i = 0; i < items.length; i++) {
    wrapped.push(items[i]);
    wrapped.push(null);
  }
  return wrapped;
}

export function disposed(): string[] {
  return gone.splice(0);
}

export function twice(): Tuple2<Item, Item> {
  const item = new Item("shared", 2);
  return new Tuple2<Item, Item>(item, item);
}

export function ringUp(item: Item, drawer: Till): string {
  return `${item.name()}: ${item.price()} of ${drawer.total()}`;
}

export function make(name: string): Item {
  return new Item(name, 9);
}
