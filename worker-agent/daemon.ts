import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { SealKey } from '@daasvader/seal/seal.ts';
import { CheckError, type CheckPassed } from '@daasvader/verifier/checks.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { type VerifiedControlPlane, verifyControlPlane } from '@daasvader/verifier/verify.ts';
import type { Logger } from 'pino';
import type { ChainReader, WorkerOwner } from './chain.ts';
import type { WorkerConfig } from './config.ts';
import type { Identity } from './identity.ts';
import { joinCluster } from './join.ts';
import { forgetControlPlane, type K3sAgent, nodeKubeconfig, startK3s, stopOrphan } from './k3s.ts';
import { sealKeyFile, writePrivate } from './keys.ts';
import { OwnNode } from './node.ts';
import { renewSealKey } from './seal-renewal.ts';
import type { AgentState } from './state.ts';

const ROUND_MS = 2_000;
const DRAIN_MS = 30_000;
const MAX_BACKOFF_ROUNDS = 3;

/** What the daemon works with. */
export interface DaemonOptions {
  config: WorkerConfig;
  /** This node's address now, as other nodes reach it; asked in every round. */
  address: () => Promise<string>;
  /** PEM of the root to trust instead of AWS's. */
  root: string | undefined;
  sealKey: SealKey;
  identity: Identity;
  chain: ChainReader;
  /** Renews the seal token before it ends; without it, that is left to a person. */
  owner?: WorkerOwner | undefined;
  state: AgentState;
  log: Logger;
  report: (passed: CheckPassed) => void;
  /** Ms between two looks at the control plane. */
  roundMs?: number;
}

/**
 * Keeps the node joined to the control plane in the seat, and to no other: verifies before anything starts,
 * every hour and after every interruption; stops the kubelet when a check fails; leaves everything running
 * while the other side merely does not answer, or shows what may be old only because our clock is wrong: that
 * starts nothing, and whoever would show it on purpose could as well be silent.
 */
export class Daemon {
  readonly #options: DaemonOptions;
  #controlPlane: VerifiedControlPlane | undefined;
  #k3s: K3sAgent | undefined;
  /** The one that k3s was started with, and the one that was seen last. */
  #address = { used: '', seen: '' };
  #sealKey: SealKey;
  /** By a clock that nobody sets. */
  #verifyAt = 0;
  #failures = 0;
  #interrupted = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#sealKey = options.sealKey;
  }

  /** The seal token that holds now. */
  get sealToken(): string {
    return this.#sealKey.publicKey;
  }

  /**
   * Works until `stop` is aborted, then drains the node and stops the kubelet.
   * @param hurry aborted when there is no time to drain
   */
  async run(stop: AbortSignal, hurry: AbortSignal): Promise<void> {
    const { state, roundMs = ROUND_MS } = this.#options;
    while (!stop.aborted) {
      await this.#round(stop);
      const backoff = 2 ** Math.min(this.#failures, MAX_BACKOFF_ROUNDS) - 1;
      await sleep(roundMs * Math.max(1, backoff), undefined, { signal: stop }).catch(() => undefined);
    }
    state.enter('draining');
    await this.#drain(AbortSignal.any([hurry, AbortSignal.timeout(DRAIN_MS)]));
    await this.#stopK3s();
    await this.#controlPlane?.endpoint.close();
    state.enter('stopped');
  }

  async #round(stop: AbortSignal): Promise<void> {
    try {
      await this.#probe();
      if (performance.now() >= this.#verifyAt) await this.#verify(stop);
      stop.throwIfAborted();
      await this.#followAddress();
      if (this.#k3s === undefined) await this.#start();
      await this.#uncordon(stop);
      this.#failures = 0;
    } catch (error) {
      if (stop.aborted) return; // called off: that says nothing about the other side
      this.#failures += 1;
      await this.#fail(error);
    }
  }

  /** An interruption, or another TLS key, makes the next verification due now. */
  async #probe(): Promise<void> {
    if (this.#controlPlane === undefined) return;
    try {
      await this.#controlPlane.endpoint.probe();
      if (this.#interrupted) this.#verifyAt = 0;
      this.#interrupted = false;
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      this.#interrupted = error.code !== 'tls_key';
      if (this.#interrupted) throw error;
      this.#verifyAt = 0;
    }
  }

  async #verify(signal: AbortSignal): Promise<void> {
    const { config, chain, root, report, state, log } = this.#options;
    if (this.#k3s === undefined) state.enter('verifying');
    const readCluster = () => chain.readCluster();
    const { apiEndpoint } = config;
    const found = await verifyControlPlane({ apiEndpoint, readCluster, root, report, signal });
    const bootId = Buffer.from(found.binding.bootId).toString('hex');
    const known = this.#controlPlane?.binding.bootId;
    await this.#controlPlane?.endpoint.close();
    this.#controlPlane = found;
    this.#verifyAt = performance.now() + config.security.attestation_interval * 1000;
    state.verified(bootId);
    log.info({ bootId }, 'control plane verified');
    await this.#renewSealKey();
    if (known !== undefined && !Buffer.from(known).equals(found.binding.bootId)) await this.#leaveFormer();
  }

  // The node goes on with the token that it has: a renewal that failed is tried again at the next verification.
  async #renewSealKey(): Promise<void> {
    const { config, chain, owner, log } = this.#options;
    if (owner === undefined) return;
    const [file, former] = [sealKeyFile(config.stateDir), this.sealToken];
    try {
      this.#sealKey = await renewSealKey({
        file,
        nodeId: config.node.id,
        current: this.#sealKey,
        chain,
        owner,
      });
      if (this.sealToken !== former) log.info({ sealToken: this.sealToken }, 'seal token renewed');
    } catch (error) {
      log.warn({ error: reasonOf(error) }, 'cannot renew the seal token now');
    }
  }

  // Another boot of the enclave has another CA: what the node holds is worth nothing there.
  async #leaveFormer(): Promise<void> {
    this.#options.log.warn('another enclave took the seat: joining anew');
    await this.#stopK3s();
    this.#options.state.enter('verifying');
  }

  // The kubelet takes its address when it starts, so it is started again, and its pods go on. An address counts once it
  // was seen twice: a link that comes and goes restarts nothing.
  async #followAddress(): Promise<void> {
    const former = this.#address;
    const seen = await this.#options.address();
    this.#address = { ...former, seen };
    const controlPlane = this.#controlPlane;
    if (this.#k3s === undefined || controlPlane === undefined) return;
    if (seen === former.used || seen !== former.seen) return;
    this.#options.log.warn({ from: former.used, to: seen }, 'another address: starting k3s agent again');
    await this.#stopK3s();
    try {
      await this.#startK3s(controlPlane);
    } catch (error) {
      this.#options.state.enter('verifying'); // from where the next round joins
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { config, identity, state, log, report } = this.#options;
    const controlPlane = this.#controlPlane;
    if (controlPlane === undefined) return;
    state.enter('joining');
    await joinCluster(controlPlane, {
      nodeId: config.node.id,
      address: this.#address.seen,
      sealKey: this.#sealKey,
      identity,
      masterEndpoint: config.k3s.master_endpoint,
      dataDir: config.k3s.data_dir,
      kubeconfigFile: this.#bootstrapKubeconfig,
      report,
      warn: (message) => log.warn(message),
    });
    await this.#forgetOther(controlPlane);
    await this.#startK3s(controlPlane);
    state.enter('running');
  }

  async #startK3s({ binding }: VerifiedControlPlane): Promise<void> {
    const { config, state, log } = this.#options;
    const { seen: address } = this.#address;
    this.#k3s = await startK3s({
      binary: config.k3s.binary,
      masterEndpoint: config.k3s.master_endpoint,
      bootstrapKubeconfig: this.#bootstrapKubeconfig,
      nodeId: config.node.id,
      address,
      overlayPort: config.node.overlay_port,
      dataDir: config.k3s.data_dir,
      clusterCidr: binding.clusterCidr,
      serviceCidr: binding.serviceCidr,
      pidFile: this.#pidFile,
      log,
    });
    this.#address.used = address;
    this.#watch(this.#k3s);
    state.started();
  }

  // Credentials of another control plane would keep the kubelet from using the new bootstrap credential.
  async #forgetOther({ binding }: VerifiedControlPlane): Promise<void> {
    const { config } = this.#options;
    const file = join(config.stateDir, `joined-${Buffer.from(binding.caSha256).toString('hex')}`);
    if (existsSync(file)) return;
    await forgetControlPlane(config.k3s.data_dir);
    await writePrivate(file, '');
  }

  #watch(k3s: K3sAgent): void {
    k3s.ended
      .then((how) => this.#onEnded(k3s, how))
      .catch((error: unknown) => this.#options.log.error({ error: reasonOf(error) }, 'k3s agent ended'));
  }

  #onEnded(k3s: K3sAgent, how: string): void {
    if (this.#k3s !== k3s) return; // stopped by us
    this.#k3s = undefined;
    this.#verifyAt = 0;
    this.#failures += 1;
    if (this.#options.state.status.phase === 'running') this.#options.state.enter('verifying');
    this.#options.log.error({ how }, 'k3s agent ended');
  }

  async #fail(error: unknown): Promise<void> {
    const { state, log } = this.#options;
    if (error instanceof CheckError && !error.mayBeClock) {
      log.error({ check: error.check, expected: error.expected, actual: error.actual }, error.message);
      this.#verifyAt = 0;
      await this.#stopK3s();
      state.enter('refused');
      state.failed('refused', `${error.check}: ${error.message}`);
      return;
    }
    if (!(error instanceof Error)) throw error;
    log.warn(
      { error: reasonOf(error), code: (error as { code?: unknown }).code },
      'cannot attend to the control plane now',
    );
    state.failed('unreachable', reasonOf(error));
  }

  async #stopK3s(): Promise<void> {
    const running = this.#k3s;
    this.#k3s = undefined;
    await (running === undefined ? stopOrphan(this.#pidFile) : running.stop());
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { config, log } = this.#options;
    if (this.#k3s === undefined || !existsSync(nodeKubeconfig(config.k3s.data_dir))) return;
    try {
      await writePrivate(this.#cordonedFile, '');
      await this.#node(signal).drain(signal);
    } catch (error) {
      log.warn({ error: reasonOf(error) }, 'stopping without a complete drain');
    }
  }

  // Only what our own drain at shutdown cordoned; an owner's drain stays until the owner takes it back.
  async #uncordon(signal: AbortSignal): Promise<void> {
    const { config, chain } = this.#options;
    if (!existsSync(this.#cordonedFile) || !existsSync(nodeKubeconfig(config.k3s.data_dir))) return;
    const worker = await chain.readWorker(config.node.id);
    if (worker?.status !== 'draining') await this.#node(signal).setSchedulable(true);
    await rm(this.#cordonedFile, { force: true });
  }

  get #bootstrapKubeconfig(): string {
    return join(this.#options.config.stateDir, 'bootstrap.kubeconfig');
  }

  get #pidFile(): string {
    return join(this.#options.config.stateDir, 'k3s.pid');
  }

  get #cordonedFile(): string {
    return join(this.#options.config.stateDir, 'cordoned');
  }

  #node(signal: AbortSignal): OwnNode {
    const { config } = this.#options;
    return new OwnNode(nodeKubeconfig(config.k3s.data_dir), config.node.id, signal);
  }
}
