/**
 * The interfaces that are known by name, and what each of their functions lets a component do: those of WASI 0.2 and 0.3,
 * and the console of modules.
 *
 * A function that is not listed here is not known, also where its interface is: nothing is concluded from a name alone.
 */
import { versionOf, withoutVersion } from "../model/ids.ts";
import type { Capability } from "./types.ts";

/** Functions by what they let a component do; those under `-` do nothing that others which gave it something did not allow. */
type Actions = Readonly<Record<string, string>>;

// Methods and static functions are written `resource.name`, constructors `new resource`.
const wasi: Readonly<Record<string, readonly [capability: Capability | "", actions: Actions]>> = {
  "cli/environment": [
    "environment",
    { variables: "get-environment", arguments: "get-arguments", directory: "initial-cwd get-initial-cwd" },
  ],
  "cli/exit": ["exit", { exit: "exit exit-with-code" }],
  "cli/stdin": ["stdio", { in: "get-stdin read-via-stream" }],
  "cli/stdout": ["stdio", { out: "get-stdout write-via-stream" }],
  "cli/stderr": ["stdio", { err: "get-stderr write-via-stream" }],
  "cli/terminal-input": ["stdio", {}],
  "cli/terminal-output": ["stdio", {}],
  "cli/terminal-stdin": ["stdio", { terminal: "get-terminal-stdin" }],
  "cli/terminal-stdout": ["stdio", { terminal: "get-terminal-stdout" }],
  "cli/terminal-stderr": ["stdio", { terminal: "get-terminal-stderr" }],
  "cli/types": ["stdio", {}],
  "clocks/monotonic-clock": [
    "clocks",
    { monotonic: "now resolution get-resolution", sleep: "subscribe-instant subscribe-duration wait-until wait-for" },
  ],
  "clocks/wall-clock": ["clocks", { wall: "now resolution" }],
  "clocks/system-clock": ["clocks", { wall: "now get-resolution" }],
  "clocks/timezone": ["clocks", { timezone: "display utc-offset iana-id to-debug-string" }],
  "clocks/types": ["clocks", {}],
  "random/random": ["random", { secure: "get-random-bytes get-random-u64" }],
  "random/insecure": ["random", { insecure: "get-insecure-random-bytes get-insecure-random-u64" }],
  "random/insecure-seed": ["random", { insecure: "insecure-seed get-insecure-seed" }],
  "io/error": ["", { "-": "error.to-debug-string" }],
  "io/poll": ["", { "-": "pollable.ready pollable.block poll" }],
  "io/streams": [
    "",
    {
      "-": `input-stream.read input-stream.blocking-read input-stream.skip input-stream.blocking-skip
        input-stream.subscribe output-stream.check-write output-stream.write output-stream.blocking-write-and-flush
        output-stream.flush output-stream.blocking-flush output-stream.subscribe output-stream.write-zeroes
        output-stream.blocking-write-zeroes-and-flush output-stream.splice output-stream.blocking-splice`,
    },
  ],
  "filesystem/preopens": ["files", { look: "get-directories" }],
  "filesystem/types": [
    "files",
    {
      look: `descriptor.read-directory directory-entry-stream.read-directory-entry descriptor.stat descriptor.stat-at
        descriptor.get-flags descriptor.get-type descriptor.readlink-at descriptor.is-same-object
        descriptor.metadata-hash descriptor.metadata-hash-at`,
      read: "descriptor.read descriptor.read-via-stream",
      // Its flags may ask for a new file, or for an empty one in the place of what is there.
      open: "descriptor.open-at",
      write: `descriptor.write descriptor.write-via-stream descriptor.append-via-stream descriptor.set-size
        descriptor.set-times descriptor.set-times-at`,
      manage: `descriptor.create-directory-at descriptor.link-at descriptor.symlink-at descriptor.rename-at
        descriptor.unlink-file-at descriptor.remove-directory-at`,
      "-": "descriptor.advise descriptor.sync descriptor.sync-data filesystem-error-code",
    },
  ],
  "sockets/instance-network": ["network", { "-": "instance-network" }],
  "sockets/network": ["network", { "-": "network-error-code network.noop" }],
  "sockets/ip-name-lookup": [
    "network",
    {
      lookup: "resolve-addresses resolve-address-stream.resolve-next-address",
      "-": "resolve-address-stream.subscribe",
    },
  ],
  "sockets/tcp-create-socket": ["network", { "-": "create-tcp-socket" }],
  "sockets/udp-create-socket": ["network", { "-": "create-udp-socket" }],
  "sockets/tcp": [
    "network",
    {
      tcp: "tcp-socket.start-connect tcp-socket.finish-connect",
      listen: `tcp-socket.start-bind tcp-socket.finish-bind tcp-socket.start-listen tcp-socket.finish-listen
        tcp-socket.accept`,
      "-": `tcp-socket.local-address tcp-socket.remote-address tcp-socket.is-listening tcp-socket.address-family
        tcp-socket.set-listen-backlog-size tcp-socket.keep-alive-enabled tcp-socket.set-keep-alive-enabled
        tcp-socket.keep-alive-idle-time tcp-socket.set-keep-alive-idle-time tcp-socket.keep-alive-interval
        tcp-socket.set-keep-alive-interval tcp-socket.keep-alive-count tcp-socket.set-keep-alive-count
        tcp-socket.hop-limit tcp-socket.set-hop-limit tcp-socket.receive-buffer-size
        tcp-socket.set-receive-buffer-size tcp-socket.send-buffer-size tcp-socket.set-send-buffer-size
        tcp-socket.subscribe tcp-socket.shutdown`,
    },
  ],
  "sockets/udp": [
    "network",
    {
      udp: `udp-socket.start-bind udp-socket.finish-bind udp-socket.stream incoming-datagram-stream.receive
        outgoing-datagram-stream.check-send outgoing-datagram-stream.send`,
      "-": `udp-socket.local-address udp-socket.remote-address udp-socket.address-family udp-socket.unicast-hop-limit
        udp-socket.set-unicast-hop-limit udp-socket.receive-buffer-size udp-socket.set-receive-buffer-size
        udp-socket.send-buffer-size udp-socket.set-send-buffer-size udp-socket.subscribe
        incoming-datagram-stream.subscribe outgoing-datagram-stream.subscribe`,
    },
  ],
  "sockets/types": [
    "network",
    {
      tcp: "tcp-socket.connect tcp-socket.send tcp-socket.receive",
      listen: "tcp-socket.bind tcp-socket.listen",
      udp: "udp-socket.bind udp-socket.connect udp-socket.disconnect udp-socket.send udp-socket.receive",
      "-": `tcp-socket.create tcp-socket.get-local-address tcp-socket.get-remote-address tcp-socket.get-is-listening
        tcp-socket.get-address-family tcp-socket.set-listen-backlog-size tcp-socket.get-keep-alive-enabled
        tcp-socket.set-keep-alive-enabled tcp-socket.get-keep-alive-idle-time tcp-socket.set-keep-alive-idle-time
        tcp-socket.get-keep-alive-interval tcp-socket.set-keep-alive-interval tcp-socket.get-keep-alive-count
        tcp-socket.set-keep-alive-count tcp-socket.get-hop-limit tcp-socket.set-hop-limit
        tcp-socket.get-receive-buffer-size tcp-socket.set-receive-buffer-size tcp-socket.get-send-buffer-size
        tcp-socket.set-send-buffer-size udp-socket.create udp-socket.get-local-address udp-socket.get-remote-address
        udp-socket.get-address-family udp-socket.get-unicast-hop-limit udp-socket.set-unicast-hop-limit
        udp-socket.get-receive-buffer-size udp-socket.set-receive-buffer-size udp-socket.get-send-buffer-size
        udp-socket.set-send-buffer-size`,
    },
  ],
  "http/outgoing-handler": ["network", { http: "handle" }],
  "http/client": ["network", { http: "send" }],
  // As imports these pass requests on, and whoever meets them decides where to.
  "http/incoming-handler": ["network", { http: "handle" }],
  "http/handler": ["network", { http: "handle" }],
  "http/types": [
    "",
    {
      "-": `http-error-code new fields fields.from-list fields.get fields.has fields.set fields.delete
        fields.get-and-delete fields.append fields.entries fields.copy-all fields.clone
        incoming-request.method incoming-request.path-with-query incoming-request.scheme incoming-request.authority
        incoming-request.headers incoming-request.consume new outgoing-request outgoing-request.body
        outgoing-request.method outgoing-request.set-method outgoing-request.path-with-query
        outgoing-request.set-path-with-query outgoing-request.scheme outgoing-request.set-scheme
        outgoing-request.authority outgoing-request.set-authority outgoing-request.headers
        new request-options request-options.connect-timeout request-options.set-connect-timeout
        request-options.first-byte-timeout request-options.set-first-byte-timeout
        request-options.between-bytes-timeout request-options.set-between-bytes-timeout
        request-options.get-connect-timeout request-options.get-first-byte-timeout
        request-options.get-between-bytes-timeout request-options.clone
        response-outparam.send-informational response-outparam.set
        incoming-response.status incoming-response.headers incoming-response.consume
        incoming-body.stream incoming-body.finish future-trailers.subscribe future-trailers.get
        new outgoing-response outgoing-response.status-code outgoing-response.set-status-code
        outgoing-response.headers outgoing-response.body outgoing-body.write outgoing-body.finish
        future-incoming-response.subscribe future-incoming-response.get
        request.new request.get-method request.set-method request.get-path-with-query request.set-path-with-query
        request.get-scheme request.set-scheme request.get-authority request.set-authority request.get-options
        request.get-headers request.consume-body
        response.new response.get-status-code response.set-status-code response.get-headers response.consume-body`,
    },
  ],
  "config/store": ["config", { read: "get get-all" }],
  "config/runtime": ["config", { read: "get get-all" }],
  "keyvalue/store": [
    "keyvalue",
    { read: "open bucket.get bucket.exists bucket.list-keys", write: "bucket.set bucket.delete" },
  ],
  "keyvalue/batch": ["keyvalue", { read: "get-many", write: "set-many delete-many" }],
  "keyvalue/atomics": ["keyvalue", { read: "new cas cas.new cas.current", write: "increment swap" }],
};

const others: typeof wasi = {
  "tenon:module/console": ["console", { write: "write time time-log time-end" }],
};

/** What is known of a function. */
export interface Known {
  /** The empty string for what only hands on, such as streams. */
  readonly capability: Capability | "";
  /** `undefined` for a function that is not known, `-` for one that gives nothing of its own. */
  readonly action: string | undefined;
}

/** Interface and function → what it lets a component do. Made when it is first asked for. */
let index: Map<string, Known> | undefined;

function indexed(): Map<string, Known> {
  const map = new Map<string, Known>();
  const tables = [
    ...Object.entries(others),
    ...Object.entries(wasi).map(([id, entry]) => [`wasi:${id}`, entry] as const),
  ];
  for (const [id, [capability, actions]] of tables) {
    map.set(id, { capability, action: undefined });
    for (const [action, functions] of Object.entries(actions)) {
      // A constructor is two words.
      for (const name of functions.trim().split(/(?<!(?:^|\s)new)\s+/))
        map.set(`${id}#${name}`, { capability, action });
    }
  }
  return map;
}

/**
 * What is known of a function of an interface, such as `wasi:filesystem/types@0.2.3` and `[method]descriptor.read`;
 * `undefined` where the interface is not known in that version.
 */
export function knownFunction(id: string, name: string): Known | undefined {
  index ??= indexed();
  const bare = withoutVersion(id);
  if (bare.startsWith("wasi:") && !/^0\.[23](?:[.-]|$)/.test(versionOf(id) ?? "")) return undefined;
  return index.get(`${bare}#${spelledFunction(name)}`) ?? index.get(bare);
}

/** Whether an interface is one of WASI, known or not. */
export function isWasi(id: string): boolean {
  return id.startsWith("wasi:");
}

/** A function as people write it: `descriptor.read`, `new fields`. */
export function spelledFunction(name: string): string {
  return name.replace(/^\[constructor\]/, "new ").replace(/^\[(?:method|static)\]/, "");
}

/** The capabilities that the known interfaces of a package give: those of a version or an interface that is not known may be more. */
export function capabilitiesOfPackage(id: string): ReadonlySet<Capability> {
  const start = `${id.slice(0, id.indexOf("/"))}/`;
  const found = new Set<Capability>();
  for (const [key, { capability }] of (index ??= indexed())) {
    if (capability !== "" && key.startsWith(start)) found.add(capability);
  }
  return found;
}

// What matters most comes first, wherever capabilities are listed.
const order: readonly Capability[] = [
  "files",
  "network",
  "environment",
  "stdio",
  "clocks",
  "random",
  "config",
  "keyvalue",
  "console",
  "exit",
];

/** Every action that is known, by capability. */
export function everyAction(): ReadonlyMap<Capability, ReadonlySet<string>> {
  const found = new Map<Capability, Set<string>>(order.map((capability) => [capability, new Set()]));
  for (const { capability, action } of (index ??= indexed()).values()) {
    if (capability === "") continue;
    if (action !== undefined && action !== "-") found.get(capability)!.add(action);
  }
  return found;
}
