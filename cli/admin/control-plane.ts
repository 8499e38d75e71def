import { acceptState, appointHost, beginAnew, revokeSeat } from '@daasvader/chain/calls/admin.ts';
import type { Command } from 'commander';
import { parseAddress, parseCount, parseDigest } from '../arguments.ts';
import { type SignedOptions, signed } from '../context.ts';
import { sendAsAdmin } from './send.ts';

/** Commands about who may be the control plane, and about the state that it keeps. */
export function controlPlaneCommands(): Command[] {
  return [appoint(), revoke(), anew(), accept()];
}

function appoint(): Command {
  return signed(
    'appoint-host',
    'give an account a seat for its enclave; the first at once, others after the delay',
  )
    .argument('<address>', 'of the host account', parseAddress)
    .action((host: string, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) => appointHost(tx, ids, host)),
    );
}

function revoke(): Command {
  return signed('revoke-seat', "take an account's seat away, at once, also one that waits")
    .argument('<address>', 'of the host account', parseAddress)
    .action((host: string, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) => revokeSeat(tx, ids, host)),
    );
}

function anew(): Command {
  return signed(
    'begin-anew',
    'let the next control plane begin with nothing: another CA, all workers join again; after the delay',
  ).action((options: SignedOptions) => sendAsAdmin(options, beginAnew));
}

function accept(): Command {
  return signed(
    'accept-state',
    'take older state as the newest there is, when newer is lost; after the delay',
  )
    .argument('<position>', 'of its last write', parseCount)
    .argument('<digest>', 'SHA-256 there, in hex', parseDigest)
    .action((position: bigint, digest: Uint8Array, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) => acceptState(tx, ids, { position, digest })),
    );
}
