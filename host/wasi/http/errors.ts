/** The variant `error-code` of `wasi:http/types`, and what it is made from. */

export interface ErrorCode {
  readonly tag: string;
  readonly val?: unknown;
}

/** Ends an exchange, or a stream of it, with an `error-code`. */
export class HttpError extends Error {
  readonly errorCode: ErrorCode;

  constructor(errorCode: ErrorCode, message: string = errorCode.tag) {
    super(message);
    this.name = "HttpError";
    this.errorCode = errorCode;
  }
}

/** By the codes of Node's errors. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  EAI_AGAIN: { tag: "DNS-timeout" },
  ENOTFOUND: { tag: "DNS-error", val: { rcode: "NXDOMAIN", infoCode: undefined } },
  ECONNREFUSED: { tag: "connection-refused" },
  ECONNRESET: { tag: "connection-terminated" },
  ECONNABORTED: { tag: "connection-terminated" },
  EPIPE: { tag: "connection-terminated" },
  UND_ERR_SOCKET: { tag: "connection-terminated" },
  ETIMEDOUT: { tag: "connection-timeout" },
  UND_ERR_CONNECT_TIMEOUT: { tag: "connection-timeout" },
  EHOSTUNREACH: { tag: "destination-unavailable" },
  ENETUNREACH: { tag: "destination-IP-unroutable" },
  EADDRNOTAVAIL: { tag: "destination-IP-unroutable" },
  EMFILE: { tag: "connection-limit-reached" },
  HPE_HEADER_OVERFLOW: { tag: "HTTP-response-header-section-size", val: undefined },
  EPROTO: { tag: "TLS-protocol-error" },
};

const PATTERNS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^HPE_/, { tag: "HTTP-protocol-error" }],
  [/CERT|^UNABLE_TO_(GET|VERIFY)|SELF_SIGNED/, { tag: "TLS-certificate-error" }],
  [/^ERR_(SSL|TLS)/, { tag: "TLS-protocol-error" }],
];

/** The `error-code` of what a platform threw, where it says enough. */
export function knownCode(error: unknown): ErrorCode | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof HttpError) return at.errorCode;
    const { code } = at as { code?: unknown };
    if (typeof code !== "string") continue;
    const found = CODES[code] ?? PATTERNS.find(([pattern]) => pattern.test(code))?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The `error-code` of whatever was thrown.
 * @param conceal takes secrets out of what is told
 */
export function codeOf(error: unknown, conceal: (text: string) => string): ErrorCode {
  const known = knownCode(error);
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : String(error);
  return { tag: "internal-error", val: conceal(message) };
}
