import { Size } from "./bindings/w";

export function greet(name: string): string {
  return "Hello, " + name + "!";
}

export function add(a: i32, b: i32): i32 {
  return a + b;
}

export function areas(sizes: Size[]): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < sizes.length; i++) sum += sizes[i].width * sizes[i].height;
  return sum;
}

export function scale(sizes: Size[]): Size[] {
  for (let i = 0; i < sizes.length; i++) {
    sizes[i].width *= 2;
    sizes[i].height *= 2;
  }
  return sizes;
}
