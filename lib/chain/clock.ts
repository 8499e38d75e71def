/** `Clock` is a shared object with a well-known id. */
export const CLOCK_ID = '0x6';
