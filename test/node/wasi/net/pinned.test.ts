/** A name is resolved once, and what was checked is what is connected to. */
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ask, guestOf, serverOf } from "./guest.ts";

vi.mock(import("node:dns/promises"), async (original) => ({ ...(await original()), lookup: vi.fn<never>() }));

let port: string;
let close: () => Promise<unknown>;

beforeAll(async () => {
  const { server, at } = await serverOf((request, response) => response.end(request.headers.host));
  port = at.split(":")[1]!;
  close = () => once(server.close(), "close");
});
afterAll(() => close());

/** What the resolver says, call after call. */
function resolves(...answers: readonly (readonly string[])[]): void {
  const all = answers.map((addresses) =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
  );
  vi.mocked(lookup as () => Promise<unknown>).mockImplementation(async () => all.shift());
}

beforeEach(() => vi.mocked(lookup).mockReset());

async function get(net: readonly string[]): Promise<unknown> {
  const guest = await guestOf({ net });
  const answer = await ask(guest, { url: `http://a.example:${port}/` });
  guest.end();
  return { answer, granted: guest.events.map(({ granted }) => granted) };
}

test("a name that leads to a private address is refused, and told of", async () => {
  resolves(["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1"]);
  expect(await get(["*"])).toEqual({ answer: { err: { tag: "destination-IP-prohibited" } }, granted: [true, false] });
});

test("a private address that is named too is connected to, with the name as the request's host, and nobody asks the resolver again", async () => {
  // An address of documentation, which nothing is at: what is asked for again would lead there.
  resolves(["10.255.255.1", "127.0.0.1"], ["192.0.2.1"]);
  expect(await get(["a.example", `127.0.0.1:${port}`])).toMatchObject({ answer: { body: `a.example:${port}` } });
  expect(lookup).toHaveBeenCalledTimes(1);
});
