import { Size } from "./bindings/test-collisions-right";

export class Item {
  constructor(private n: string) {}
  get(): string {
    return this.n;
  }
}

export function make(size: Size): string {
  return size.h;
}
