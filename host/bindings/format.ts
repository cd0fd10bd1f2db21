/** The version of the generated text; a change that makes older text unusable must raise it. */
export const FORMAT = 3;
