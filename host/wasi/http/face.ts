/** The faces of `wasi:http` for guests. */
import type { IoError } from "../io/error.ts";
import type { WasiState } from "../state.ts";
import { FutureTrailers, IncomingBody, OutgoingBody } from "./bodies.ts";
import { type ErrorCode, knownCode } from "./errors.ts";
import { Fields } from "./fields.ts";
import {
  IncomingRequest,
  IncomingResponse,
  OutgoingRequest,
  OutgoingResponse,
  RequestOptions,
  ResponseOutparam,
} from "./messages.ts";
import { FutureIncomingResponse } from "./outgoing.ts";
import { serving } from "./serving.ts";

/** What guests make has the state of their instance. */
export function httpTypes(state: WasiState): object {
  const { waiting } = state;
  serving.add(state);
  return {
    Fields,
    FutureIncomingResponse,
    FutureTrailers,
    IncomingBody,
    IncomingRequest,
    IncomingResponse,
    OutgoingBody,
    OutgoingRequest: class extends OutgoingRequest {
      constructor(headers: Fields) {
        super(waiting, headers);
      }
    },
    OutgoingResponse: class extends OutgoingResponse {
      constructor(headers: Fields) {
        super(waiting, headers);
      }
    },
    RequestOptions,
    ResponseOutparam,
    httpErrorCode: (error: IoError): ErrorCode | undefined => knownCode(error.cause),
  };
}
