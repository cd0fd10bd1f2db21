/** A calculator: numbers, a variant, a list, and errors as ordinary values. */
import { Result, Shape, ShapeTag, err, ok } from "./bindings/calc";

export function add(a: i32, b: i32): i32 {
  return a + b;
}

export function area(shape: Shape): Result<f64, string> {
  switch (shape.tag) {
    case ShapeTag.Circle: {
      const radius = shape.asCircle;
      if (radius < 0) return err<f64, string>("The radius is negative");
      return ok<f64, string>(Math.PI * radius * radius);
    }
    case ShapeTag.Rectangle: {
      const size = shape.asRectangle;
      if (size.width < 0 || size.height < 0) return err<f64, string>("A side is negative");
      return ok<f64, string>(size.width * size.height);
    }
    default:
      return ok<f64, string>(0);
  }
}

export function sum(values: i32[]): i64 {
  let total: i64 = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

export function divide(a: i32, b: i32): Result<i32, string> {
  if (b == 0) return err<i32, string>("Division by zero");
  // The smallest s32 divided by -1 has no s32 quotient: that one is left to trap.
  return ok<i32, string>(a / b);
}
