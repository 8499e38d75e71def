import { InitError } from './error.ts';

/** The parameter of the kernel's command line by which a machine that is not AWS's says where the parent is. */
export const PARENT_CID = 'daasvader.parent_cid';
/** The parent instance of a Nitro enclave, always. */
const AWS_PARENT_CID = 3;
/** Below are the hypervisor and ourselves; the largest number stands for any (vsock(7)). */
const MIN_CID = 2;
const MAX_CID = 0xffff_fffe;

/**
 * The context id of the other side of the vsock device, from the kernel's command line. The hypervisor appends to that
 * line what it likes; whom it lets us reach is its choice anyway.
 *
 * @throws InitError `command-line`
 */
export function readParentCid(commandLine: string): number {
  const prefix = `${PARENT_CID}=`;
  const word = commandLine.split(/\s+/).findLast((each) => each.startsWith(prefix));
  if (word === undefined) return AWS_PARENT_CID;
  const cid = Number(word.slice(prefix.length));
  if (Number.isInteger(cid) && cid >= MIN_CID && cid <= MAX_CID) return cid;
  throw new InitError(
    'command-line',
    `Cannot use ${word}: not a vsock context id from ${MIN_CID} to ${MAX_CID}`,
  );
}
