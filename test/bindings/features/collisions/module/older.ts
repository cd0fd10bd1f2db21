import { Answer } from "./bindings/test-lib-api-1-0-0";

export function ask(): Answer {
  return Answer.yes(1);
}
