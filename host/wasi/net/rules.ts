/** The entries of `net`, `listen` and a secret's `hosts`: what they name. */
import { UsageError } from "../../errors.ts";
import { describe } from "../../words.ts";
import { type Host, hostOf, isLocalName, isPublic, sameAddress, splitPort } from "./address.ts";

/** A host, several, or all that are public; at one port, or at any. */
export interface Rule {
  readonly kind: "host" | "below" | "public";
  /** The host, or that which all of `below` are below. */
  readonly host: Host;
  readonly port: number | undefined;
}

const WANTED = `"host", "host:port", "*.host", "*", an address, or an address and a port such as "[::1]:80"`;

/**
 * Reads one entry.
 * @param name the option, for the error
 * @throws {UsageError} when it makes no sense, and says why
 */
export function ruleOf(entry: unknown, name: string): Rule {
  const refuse = (why: string): never => {
    throw new UsageError(`Expected ${name} to be ${WANTED}, got ${describe(entry)}${why}`);
  };
  if (typeof entry !== "string") return refuse("");
  if (entry.includes("://")) return refuse(": without the scheme");
  const { host: text, port } = splitPort(entry) ?? refuse("");
  if (port === 0) return refuse(": nothing can be reached at port 0");
  if (text === "*") return { kind: "public", host: { text: "*" }, port };
  const below = text.startsWith("*.");
  const host = hostOf(below ? text.slice(2) : text) ?? refuse("");
  if (host.text.includes("*")) return refuse(`: "*" stands for whole names in front of a host`);
  if (below && host.address !== undefined) return refuse(": nothing is below an address");
  return { kind: below ? "below" : "host", host, port };
}

/**
 * Whether a rule names a host and port.
 * @param port none to ask for the host at any port
 */
export function names(rule: Rule, host: Host, port: number | undefined): boolean {
  if (port !== undefined && rule.port !== undefined && rule.port !== port) return false;
  const { kind, host: named } = rule;
  if (kind === "public") return host.address === undefined ? !isLocalName(host) : isPublic(host.address);
  if (kind === "below") return host.address === undefined && host.text.endsWith(`.${named.text}`);
  if (host.address === undefined) return host.text === named.text;
  return named.address !== undefined && sameAddress(named.address, host.address);
}

/**
 * Reads an entry of `listen`: an address of this machine, with a port or without.
 * @throws {UsageError} when it is none
 */
export function listenRuleOf(entry: unknown, name: string): Rule {
  const { host, port } = (typeof entry === "string" ? splitPort(entry) : undefined) ?? { host: "" };
  const at = hostOf(host);
  if (at?.address !== undefined) return { kind: "host", host: at, port };
  throw new UsageError(
    `Expected ${name} to be an address, or an address and a port such as "127.0.0.1:8080", got ${describe(entry)}`,
  );
}
