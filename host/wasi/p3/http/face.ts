/** The faces of `wasi:http` 0.3 for guests. Its resources need no state, so that what one guest makes another can handle. */
import { Fields } from "../../http/fields.ts";
import type { Face } from "../../state.ts";
import { Request, RequestOptions, Response } from "./messages.ts";

export const httpTypes: Face = () => ({ Fields, Request, RequestOptions, Response });
