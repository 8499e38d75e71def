import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { logOutput } from '@daasvader/program/standard-output.ts';
import { passedLine } from '@daasvader/verifier/print.ts';
import type { Command } from 'commander';
import pino from 'pino';
import { ownAddress } from '../address.ts';
import type { WorkerOwner } from '../chain.ts';
import type { WorkerConfig } from '../config.ts';
import { Daemon } from '../daemon.ts';
import { serveHealth } from '../health.ts';
import { NODE_METRICS } from '../k3s.ts';
import { identityKeyFile, readIdentity, readSealKey, readWallet, sealKeyFile } from '../keys.ts';
import { AgentState } from '../state.ts';
import { openChain, openOwner } from '../sui-chain.ts';
import { type CommonOptions, configOf, rootOf, walletFileOf, withCommon, withRoot } from './options.ts';

/** `run`: keeps the node joined until SIGTERM or SIGINT drains it; a second signal skips the drain. */
export function runCommand(command: Command): void {
  withRoot(withCommon(command)).action(run);
}

async function run(options: CommonOptions): Promise<void> {
  const config = await configOf(options);
  const sealKey = await readSealKey(sealKeyFile(config.stateDir), config.node.seal_token);
  const identity = await readIdentity(identityKeyFile(config.stateDir), config.stateDir);
  const root = await rootOf(config);
  const log = pino({ name: 'worker-agent' }, logOutput);
  if (root !== undefined)
    log.warn({ root: config.security.attestation_root }, "trusting another root than AWS's");
  const state = new AgentState(config.node.id, root === undefined ? 'AWS' : 'given');
  state.on('phase', (phase) => log.info({ phase }, 'phase'));
  const address = () => ownAddress(config);
  const { stop, hurry } = onSignals();
  const chain = openChain(config, stop);
  const report = (passed: Parameters<typeof passedLine>[0]) =>
    log.info({ check: passed.check }, passedLine(passed));
  const owner = await ownerOf(config, stop);
  if (owner === undefined) log.warn('no wallet or a fixed seal token here: it is not renewed by itself');
  const daemon = new Daemon({ config, address, root, sealKey, identity, chain, owner, state, log, report });
  const health = await serveHealth(state, {
    port: config.node.port,
    tls: tlsOf(config),
    sealToken: () => daemon.sealToken,
    nodeMetrics: NODE_METRICS,
  });
  await daemon.run(stop, hurry);
  health.closeAllConnections();
  health.close();
  process.exit(); // a connection that was being opened would hold the process until it fails
}

/** Who can renew the seal token: with the wallet at hand, and when nobody has written the token into the configuration. */
async function ownerOf(config: WorkerConfig, signal: AbortSignal): Promise<WorkerOwner | undefined> {
  const file = walletFileOf(config);
  if (config.node.seal_token !== undefined || !existsSync(file)) return undefined;
  return openOwner(config, await readWallet(file, config.sui.wallet_address), signal);
}

function tlsOf({
  security: { tls_cert: cert, tls_key: key },
}: WorkerConfig): { cert: string; key: string } | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function onSignals(): { stop: AbortSignal; hurry: AbortSignal } {
  const [stop, hurry] = [new AbortController(), new AbortController()];
  setMaxListeners(0, stop.signal); // every round listens while it sleeps
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort());
  return { stop: stop.signal, hurry: hurry.signal };
}
