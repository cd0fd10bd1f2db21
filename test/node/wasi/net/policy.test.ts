/** What the option `net` names, judged by a corpus of the ways in which requests have been smuggled past such lists. */
import { BlockList, isIP } from "node:net";
import { describe, expect, test } from "vitest";
import { wasi, type NetOption, type NetRequest } from "../../../../host/node/wasi.ts";
import { hostAt, hostOf, isPublic } from "../../../../host/wasi/net/address.ts";
import { NetPolicy } from "../../../../host/wasi/net/policy.ts";

const policy = (net: NetOption): NetPolicy => new NetPolicy({ module: "guest", options: { net } });

/** Whether a guest may reach a host as it spells it; `undefined` where that is no host at all. */
function allows(net: readonly string[], spelled: string, port = 80): unknown {
  const host = hostOf(spelled);
  return host && policy(net).allows({ protocol: "http", host, port });
}

/** Of what a name leads to, what may be connected to. */
async function leadsTo(net: NetOption, name: string, ...addresses: string[]): Promise<string[]> {
  const want = { protocol: "http", host: hostOf(name)!, port: 80 } as const;
  const found = addresses.map((address) => hostOf(address)!.address!);
  return (await policy(net).leadsTo(want, found)).map((address) => hostAt(address).text);
}

describe("the option net", () => {
  test("tells public addresses from others as Node's own lists of ranges do", () => {
    const ranges = new BlockList();
    const special = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
      192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3`;
    for (const [, address, bits] of special.matchAll(/([\d.]+)\/(\d+)/g))
      ranges.addSubnet(address!, Number(bits), "ipv4");
    const differ: string[] = [];
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        for (const third of [0, 1, 2, 51, 99, 100, 113, 255]) {
          const address = `${first}.${second}.${third}.7`;
          if (isPublic([first, second, third, 7]) === ranges.check(address, "ipv4")) differ.push(address);
        }
      }
    }
    expect(differ).toEqual([]);
  });

  test("spells an address as Node does", () => {
    const spellings = ["2606:4700:0:0:0:0:0:1111", "2a00:0:0:1::", "fe80::1:0:0:1", "::ffff:8.8.8.8"].map(
      (text) => hostOf(text)!.text,
    );
    expect(spellings).toEqual(["2606:4700::1111", "2a00:0:0:1::", "fe80::1:0:0:1", "8.8.8.8"]);
    expect(spellings.every((text) => isIP(text) > 0)).toBe(true);
  });

  test("names a host at any port or at one, what is below a host, and addresses", () => {
    const table: [entry: string, spelled: string, port: number, allowed: boolean][] = [
      ["api.example.com", "api.example.com", 1234, true],
      ["api.example.com", "API.Example.COM.", 80, true],
      ["API.example.com.", "api.example.com", 80, true],
      ["api.example.com", "example.com", 80, false],
      ["example.com", "api.example.com", 80, false],
      ["example.com", "notexample.com", 80, false],
      ["example.com", "example.com.evil.test", 80, false],
      ["example.com:443", "example.com", 443, true],
      ["example.com:443", "example.com", 80, false],
      ["*.example.com", "a.example.com", 1, true],
      ["*.example.com", "a.b.example.com", 1, true],
      ["*.example.com", "example.com", 1, false],
      ["*.example.com", "evilexample.com", 1, false],
      ["*.example.com:80", "a.example.com", 81, false],
      ["*:443", "a.example.com", 443, true],
      ["*:443", "a.example.com", 80, false],
      ["bücher.example", "xn--bcher-kva.example", 80, true],
      ["xn--bcher-kva.example", "BÜCHER.example", 80, true],
      ["127.0.0.1", "0x7f.1", 80, true],
      ["127.0.0.1:80", "[::ffff:127.0.0.1]", 80, true],
      ["127.0.0.1:80", "127.0.0.1", 81, false],
      ["127.0.0.1", "localhost", 80, false],
      ["localhost", "127.0.0.1", 80, false],
      ["[::1]:80", "[::1]", 80, true],
      ["[::1]:80", "127.0.0.1", 80, false],
      ["::1", "[0:0::1]", 9, true],
      ["10.0.0.1", "10.0.0.2", 80, false],
    ];
    const wrong = table.filter(([entry, spelled, port, allowed]) => allows([entry], spelled, port) !== allowed);
    expect(wrong).toEqual([]);
    expect(allows([], "example.com")).toBe(false);
  });

  test("lets a name lead to public addresses, and to others only where they are named themselves", async () => {
    const all = ["8.8.8.8", "10.0.0.5", "127.0.0.1", "::1", "169.254.169.254", "2606:4700::1111"];
    expect(await leadsTo(["a.example"], "a.example", ...all)).toEqual(["8.8.8.8", "2606:4700::1111"]);
    expect(await leadsTo(["a.example", "10.0.0.5:80"], "a.example", ...all)).toEqual([
      "8.8.8.8",
      "10.0.0.5",
      "2606:4700::1111",
    ]);
    expect(await leadsTo(["a.example", "10.0.0.5:81"], "a.example", "10.0.0.5")).toEqual([]);
    expect(await leadsTo(["localhost"], "localhost", ...all)).toEqual([
      "8.8.8.8",
      "127.0.0.1",
      "::1",
      "2606:4700::1111",
    ]);
  });

  test("asks a function, again for an address that is not public, and takes nothing but true for a yes", async () => {
    const asked: NetRequest[] = [];
    const said = async (request: NetRequest): Promise<boolean> => (
      asked.push(request),
      !request.host.startsWith("10.")
    );
    expect(await leadsTo(said, "a.example", "8.8.8.8", "10.0.0.5", "10.0.0.6", "192.168.0.1")).toEqual([
      "8.8.8.8",
      "192.168.0.1",
    ]);
    const about = { module: "guest", protocol: "http", port: 80, name: "a.example" };
    expect(asked).toEqual(["10.0.0.5", "10.0.0.6", "192.168.0.1"].map((host) => ({ ...about, host })));
    const host = hostOf("a.example")!;
    const no = policy(() => "yes" as never);
    expect(no.allows({ protocol: "tcp", host, port: 1 })).toBe(false);
  });

  test("refuses an entry that makes no sense, and says which and why", () => {
    const refused = (net: unknown): unknown => {
      try {
        wasi({ net: net as never });
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const forms = `"host", "host:port", "*.host", "*", an address, or an address and a port such as "[::1]:80"`;
    expect(refused(["a.example", "https://a.example"])).toBe(
      `Expected net[1] to be ${forms}, got "https://a.example": without the scheme`,
    );
    expect(refused(["a.*"])).toBe(
      `Expected net[0] to be ${forms}, got "a.*": "*" stands for whole names in front of a host`,
    );
    expect(refused(["*.10.0.0.1"])).toBe(
      `Expected net[0] to be ${forms}, got "*.10.0.0.1": nothing is below an address`,
    );
    expect(refused(["a:0"])).toBe(`Expected net[0] to be ${forms}, got "a:0": nothing can be reached at port 0`);
    const senseless = [
      "",
      ":80",
      "a:",
      "a:b",
      "a:65536",
      "a:-1",
      "a:080808",
      "a/b",
      "a b",
      "u@a",
      "[::1",
      "*.",
      "**",
      "1.2.3.4.5",
      7,
    ];
    expect(
      senseless.filter((entry) => !String(refused([entry])).startsWith(`Expected net[0] to be ${forms}, got`)),
    ).toEqual([]);
    expect(refused("a.example")).toBe(`Expected net to be an array or a function, got a.example`);
    expect(refused(undefined)).toBeUndefined();
  });

  test("has no names where a guest may listen", () => {
    expect(() => wasi({ listen: ["127.0.0.1:8080", "[::]:0", "0.0.0.0", "::1"] })).not.toThrow();
    expect(() => wasi({ listen: ["localhost:8080"] })).toThrow(
      `Expected listen[0] to be an address, or an address and a port such as "127.0.0.1:8080", got "localhost:8080"`,
    );
  });
});
