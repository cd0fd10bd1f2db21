/** Names that two interfaces share are looked for in namespaces; a file of its own does as well as a block. */
import { Answer } from "./bindings/test-lib-api-2-0-0";
import * as leftTypes from "./bindings/test-collisions-left";
import * as older from "./older";
import * as right from "./right";

export { right };

export namespace left {
  export class Item {
    constructor(private n: u32) {}
    get(): u32 {
      return this.n;
    }
  }
  export function make(size: leftTypes.Size): u32 {
    return size.w;
  }
  export function onlyLeft(): string {
    return "left";
  }
}

export { older as testLibApi100 };

export namespace testLibApi200 {
  export function ask(): Answer {
    return Answer.yes("two");
  }
}

export function weigh(item: left.Item): u32 {
  return item.get() * 2;
}

export function only(): u32 {
  return 1;
}
