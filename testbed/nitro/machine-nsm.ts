import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttestationRequest, NsmDescription } from '@daasvader/enclave/nsm/nsm.ts';
import type { TrustedNsm } from '../cluster/chain-cluster.ts';
import { Machine } from './machine.ts';
import { loadRoot } from './pki.ts';
import { Relay } from './testing/relay.ts';

const MEASURED = [0, 1, 2];

/** What a {@link MachineNsm} is booted with. */
export interface MachineNsmOptions {
  /** From `buildPrograms`. */
  readonly programs: string;
  /** The image of `buildRelayImage`. */
  readonly image: string;
  /** Holds the root, which machines of the same directory share, and the machine's sockets. */
  readonly directory: string;
  /** Tells machines of one directory apart. */
  readonly name: string;
  readonly debug?: boolean;
}

/** The NSM of an emulated machine, on which nothing runs but what hands it our requests. */
export class MachineNsm implements TrustedNsm {
  readonly rootPem: string;
  readonly #machine: Machine;
  readonly #relay: Relay;

  private constructor(rootPem: string, machine: Machine, relay: Relay) {
    this.rootPem = rootPem;
    this.#machine = machine;
    this.#relay = relay;
  }

  static async boot({ directory, name, ...options }: MachineNsmOptions): Promise<MachineNsm> {
    const root = await loadRoot(directory, Date.now());
    const vsock = join(directory, name);
    const relay = await Relay.listen(vsock);
    const size = { memoryMib: 256, cpus: 1, cid: 4 };
    const machine = await Machine.boot({ ...options, ...size, root, vsock, onConsole: () => {} });
    return new MachineNsm(await readFile(join(directory, 'root.pem'), 'utf8'), machine, relay);
  }

  async describe(): Promise<NsmDescription> {
    const pcrs = new Map<number, Uint8Array>();
    for (const index of MEASURED) {
      const { DescribePCR } = await this.#relay.ask({ DescribePCR: { index } });
      pcrs.set(index, DescribePCR.data);
    }
    return { moduleId: this.#machine.moduleId, pcrs };
  }

  async attest({ nonce, userData, publicKey }: AttestationRequest): Promise<Uint8Array> {
    const fields = { nonce: nonce ?? null, user_data: userData ?? null, public_key: publicKey ?? null };
    return (await this.#relay.ask({ Attestation: fields })).Attestation.document;
  }

  async random(): Promise<Uint8Array> {
    return (await this.#relay.ask('GetRandom')).GetRandom.random;
  }

  /** Cuts the power. */
  stop(): Promise<void> {
    return this.#machine.stop();
  }
}
