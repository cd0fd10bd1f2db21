import { expect } from "vitest";
import type { Check } from "../../check.ts";

export const check: Check = {
  async run({ instantiate }) {
    const { shop, clerk } = await instantiate();
    const { Item, Ticket } = shop;
    const pen = new Item("pen", 3);
    const ink = new Item("ink", 5);
    expect([pen.name(), pen.price(), ink.name()]).toEqual(["pen", 3, "ink"]);
    pen.raise(4);
    expect(pen.price()).toBe(7);
    expect(Item.cheapest([pen, ink])).toBe(5);
    expect(Item.cheapest([])).toBe(0xffffffff);
    expect([pen.same(pen), pen.same(ink)]).toEqual([true, false]);

    // Given to the module: the handles are gone, and nothing is disposed of, because the module has them now.
    const set = Item.merge(pen, ink);
    expect([set.name(), set.price()]).toEqual(["pen&ink", 12]);
    expect(shop.disposed()).toEqual([]);
    set[Symbol.dispose]();
    expect(shop.disposed()).toEqual(["pen&ink"]);

    expect(new Ticket(3).seats()).toBe(3);
    expect(() => new Ticket(11)).toThrow(expect.objectContaining({ payload: "Too many seats" }));

    const till = shop.open();
    till.put(new Item("a", 1));
    till.put(new Item("b", 2));
    expect(till.total()).toBe(3);
    const taken = till.take();
    expect(taken.name()).toBe("b");
    expect(clerk.ringUp(taken, till)).toBe("b: 2 of 1");
    expect(till.take().name()).toBe("a");
    expect(till.take()).toBe(undefined);

    const sold = shop.sell({ item: new Item("cup", 1), ticket: new Ticket(2) });
    expect([sold.item.price(), sold.ticket.seats()]).toEqual([2, 2]);
    expect(shop.sell({ item: sold.item, ticket: undefined }).ticket).toBe(undefined);

    expect(shop.identify({ tag: "nothing" }).val.name()).toBe("found");
    expect(shop.identify({ tag: "ticket", val: new Ticket(4) }).val.seats()).toBe(4);

    const wrapped = shop.wrap([new Item("x", 1), new Item("y", 2)]);
    expect(wrapped.map((one?: { name(): string }) => one?.name())).toEqual(["x", undefined, "y", undefined]);

    const [one, two] = shop.twice();
    expect(one.same(two)).toBe(true);
    one[Symbol.dispose]();
    expect(two.name()).toBe("shared");
    expect(clerk.make("made").price()).toBe(9);
  },
};
