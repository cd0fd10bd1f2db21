export function run(): u32 {
  console.log("hello");
  console.assert(false, "no");
  console.time("t");
  console.timeEnd("t");
  trace("numbers", 2, 1, 2.5);
  return 3;
}
