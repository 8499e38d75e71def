/**
 * A chain on disk in a process to be killed: it sends as fast as it can and writes each digest to stdout when the chain
 * has acknowledged it. Arguments: the directory.
 */
import { writeSync } from 'node:fs';
import { Chain } from '../chain.ts';
import { deriveKeypair, Faucet } from '../faucet.ts';

const chain = await Chain.open({
  stateDir: process.argv[2]!,
  secret: new Uint8Array(32),
  framework: () => {
    throw new TypeError('Cannot start: the test makes the genesis');
  },
  allocations: [],
  now: Date.now,
});
const faucet = new Faucet(chain, deriveKeypair(chain.secret, 'faucet'));
for (let amount = 1n; ; amount += 1n) {
  const { digest } = await faucet.request(`0x${'7'.repeat(64)}`, amount);
  writeSync(1, `${digest}\n`);
}
