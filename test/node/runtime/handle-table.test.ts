/**
 * Rules of the handle table that no call of a synchronous component reaches: while a handle is lent, the guest that holds
 * it does not run. The specification has them all the same ("trap_if(h.num_lends != 0)").
 */
import { expect, test } from "vitest";
import { HandleTable, Lends } from "../../../host/abi/handle-table.ts";
import { Quota } from "../../../host/abi/quota.ts";
import { thrown } from "./support.ts";

const limits = { hostCallBytes: 1_000, resources: 10 };

test("a lent handle is neither dropped nor given away, and is both again when the call has returned", () => {
  const table = new HandleTable(new Quota(limits));
  const [dropped, given] = [table.add(3, 40, true, undefined), table.add(3, 41, true, undefined)];
  const lends = new Lends();
  for (const index of [dropped, given, dropped]) lends.add(table.get(index, 3));
  expect(thrown(() => table.drop(dropped, 3))).toMatchObject({ code: "invalid-handle" });
  expect(thrown(() => table.takeOwn(given, 3))).toMatchObject({ code: "invalid-handle" });
  expect([table.rep(dropped, 3), table.rep(given, 3)]).toEqual([40, 41]);
  lends.end();
  expect(table.drop(dropped, 3)).toMatchObject({ rep: 40, lends: 0 });
  expect(table.takeOwn(given, 3)).toBe(41);
  expect(thrown(() => table.get(dropped, 3))).toMatchObject({ code: "invalid-handle" });
});
