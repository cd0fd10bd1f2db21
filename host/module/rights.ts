/**
 * The part of a host that is needed where rights are granted or signatures demanded. Who loads it has loaded upkeep, and it
 * holds that too: bundlers that split make a chunk of its own of whatever two parts share, and a page that starts would have
 * more of them.
 */
export * from "./upkeep.ts";
export { demandGranted } from "../rights/demand.ts";
export { checkSigned } from "./source/signed.ts";
