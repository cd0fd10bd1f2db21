/** What valid components may use and this host lacks, with the words for it: one table for decoding, validation and planning. */
import { UnsupportedError, type UnsupportedFeature } from "../errors.ts";

/** What a component does with a feature, where that is the same for every component. */
const USES: Readonly<Partial<Record<UnsupportedFeature, string>>> = {
  "component-start": "has a start function",
  "component-values": "uses value definitions",
  "gc-types": "declares core types that refer to other types",
  memory64: "passes values through a 64-bit memory",
};

/**
 * The error for a component that uses a feature.
 * @param uses what it does with it, where it is not in the table
 */
export function lacks(
  feature: UnsupportedFeature,
  uses: string = USES[feature] ?? `needs ${feature}`,
): UnsupportedError {
  return new UnsupportedError(feature, `This component ${uses}, which this host does not support`);
}
