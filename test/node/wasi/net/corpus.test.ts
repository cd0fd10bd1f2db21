/** Spellings by which requests have been smuggled past lists of hosts, as the platform's `URL` reads them: in Node and in a page. */
import { expect, test } from "vitest";
import { hostOf } from "../../../../host/wasi/net/address.ts";
import { NetPolicy } from "../../../../host/wasi/net/policy.ts";

/** Whether a guest may reach a host as it spells it; `undefined` where that is no host at all. */
function allows(net: readonly string[], spelled: string): unknown {
  const host = hostOf(spelled);
  return host && new NetPolicy({ module: "guest", options: { net } }).allows({ protocol: "http", host, port: 80 });
}

/** Spellings of addresses that no guest may reach who was given all that is public. */
const PRIVATE = [
  // This machine.
  ...["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0x0.0x0.0x1", "017700000001"],
  ...["0177.0.0.1", "0177.0.0.01", "127.0.0.1.", "127.255.255.254", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1"],
  ...["%31%32%37.0.0.1", "localhost", "LOCALHOST", "localhost.", "LocalHost.", "a.localhost", "ⓛocalhost"],
  ...["[::1]", "[0:0:0:0:0:0:0:1]", "::1", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"],
  ...["[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]"],
  ...["[2001:0:7f00:1::1]", "[fec0::1]", "[5f00::1]", "[100::1]"],
  // Nothing in particular, which leads here too.
  ...["0", "0.0.0.0", "0.1.2.3", "00000000", "0x0", "[::]", "[::ffff:0.0.0.0]", "[::0.0.0.0]"],
  // Private networks.
  ...["10.0.0.1", "10.1", "0xa.1", "012.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1", "3232235777"],
  ...["100.64.0.1", "100.127.255.255", "198.18.0.1", "198.19.255.255", "[fc00::1]", "[fd12:3456::1]"],
  ...["[::ffff:10.0.0.1]", "[::ffff:c0a8:1]", "[64:ff9b::192.168.0.1]", "[2002:c0a8:1::1]"],
  // This link, where clouds tell machines their secrets.
  ...["169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518", "[fe80::1]"],
  ...["[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]"],
  // Many, and nobody.
  ...["224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "[ff02::1]", "[ff05::2]"],
  ...["192.0.0.1", "192.0.2.1", "192.88.99.1", "198.51.100.1", "203.0.113.1", "[2001:db8::1]", "[3fff::1]"],
];

/** What is no host, whatever a list says. */
const NO_HOST = [
  ...[
    "",
    " ",
    ".",
    "..",
    "a..b",
    "a.com..",
    ".a.com",
    "a b",
    "a.com/",
    "a.com/@b.com",
    "a.com#b",
    "a.com?b",
    "a.com\\b",
  ],
  ...[
    "user@a.com",
    "a.com:80",
    "127.0.0.1:80",
    "[::1]:80",
    "[::1",
    "::1]",
    "[127.0.0.1]",
    "[::1%25eth0]",
    "fe80::1%eth0",
  ],
  ...[
    "1.2.3.4.5",
    "256.0.0.1",
    "1.2.3.256",
    "0x100000000",
    "a.com\n",
    "a\tb.com",
    "a.com\0",
    "a.1.2.3.4",
    "1.2.3.4.5.",
  ],
  ...[
    "[::ffff:127.0.0.1.]",
    "[:::1]",
    "[1::2::3]",
    "%zz.com",
    "a%2fb.com",
    "a%40b.com",
    "a%00.com",
    "xn--a.xn--\u0000",
  ],
];

const PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[2a00:1450::1]"];

test("the option net reaches no address that is not public by allowing all that is, however it is spelled", () => {
  const reached = PRIVATE.filter((spelled) => allows(["*"], spelled) !== false);
  expect(reached).toEqual([]);
  expect(NO_HOST.filter((spelled) => allows(["*"], spelled) !== undefined)).toEqual([]);
  const open = [...PUBLIC, "[::ffff:8.8.8.8]", "[64:ff9b::808:808]", "134744072", "example.com", "local.example"];
  expect(open.filter((spelled) => allows(["*"], spelled) !== true)).toEqual([]);
});
