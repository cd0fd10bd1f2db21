/** What stacks call the module between a guest and the host (`suspender.ts`), whose frames are none of the guest's. */
export const BETWEEN: string = "tenon:jspi";
