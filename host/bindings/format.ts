/** The version of the generated text; a change that makes older text unusable must raise it. Negated where calls may wait. */
export const FORMAT = 4;
