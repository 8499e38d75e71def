import { encodePem } from '@daasvader/attestation/pem.ts';
import { issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { type AdminIds, appointHost, proposeMeasurement, setConfig } from '@daasvader/chain/calls/admin.ts';
import { takeSeat } from '@daasvader/chain/calls/host.ts';
import { takeLead } from '@daasvader/chain/calls/lead.ts';
import {
  type Act,
  activateWorker,
  beginAct,
  type OperatorIds,
  openRegistration,
  registerEnclave,
} from '@daasvader/chain/calls/operator.ts';
import { stakeAndRegisterWorker } from '@daasvader/chain/calls/worker-owner.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { createdObject, type Submitted, submit } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import type { Devnet } from '../devnet/devnet.ts';
import { startPublishedDevnet } from './published-devnet.ts';
import { TestControlPlane } from './test-control-plane.ts';

/** How long a transaction of the operator may be held back. */
const HOLD_MS = 60_000n;
/** In MIST. */
const WORKER_STAKE = 5_000_000_000n;

/** A chain with the contracts, and a control plane that registered there, sits in its seat and leads. */
export class SeatedCluster {
  readonly devnet: Devnet;
  readonly client: SuiGrpcClient;
  readonly deployment: Deployment & AdminIds;
  controlPlane: TestControlPlane;
  /** Of the lead that {@link operate} speaks for. */
  term = 1n;
  #enclaveId = '';

  private constructor(
    devnet: Devnet,
    client: SuiGrpcClient,
    deployment: Deployment & AdminIds,
    controlPlane: TestControlPlane,
  ) {
    this.devnet = devnet;
    this.client = client;
    this.deployment = deployment;
    this.controlPlane = controlPlane;
  }

  static async start(): Promise<SeatedCluster> {
    const root = await issueRoot('test-root', Date.now());
    const { devnet, client, deployment } = await startPublishedDevnet(encodePem(root.certificate));
    const controlPlane = await TestControlPlane.start(0, root, deployment);
    const cluster = new SeatedCluster(devnet, client, deployment, controlPlane);
    await cluster.#admit();
    await cluster.#seat();
    return cluster;
  }

  /** Admin of the cluster and, to keep it short, its host too. */
  get admin(): Signer {
    return this.devnet.accounts[0]!;
  }

  /** What the operator calls with. */
  get operatorIds(): OperatorIds {
    return { ...this.deployment, enclaveId: this.#enclaveId };
  }

  /** Sends one transaction of the operator, which begins with an act. */
  async operate(build: (tx: Transaction, ids: OperatorIds, act: Act) => void): Promise<Submitted> {
    const { client, controlPlane, operatorIds: ids } = this;
    const notAfterMs = BigInt(await new ContractReader(client, ids).timeMs()) + HOLD_MS;
    return submit(client, controlPlane.operator, (tx) =>
      build(tx, ids, beginAct(tx, ids, { term: this.term, notAfterMs })),
    );
  }

  /** Registers a worker and says that it is ready, so that there is one to order from. */
  async addWorker(owner: Signer, nodeId: string): Promise<void> {
    const { client, deployment } = this;
    const keys = { sealToken: 'a'.repeat(64), identityKey: new Uint8Array(32).fill(1) };
    const args = { stake: WORKER_STAKE, nodeId, ...keys };
    await submit(client, owner, (tx) => stakeAndRegisterWorker(tx, deployment, args));
    await this.operate((...operator) => activateWorker(...operator, { nodeId, counter: 1n }));
  }

  /** Has another enclave of the same host, with keys and a CA of its own, take over seat, lead and port. */
  async replace(): Promise<void> {
    const { port, root } = this.controlPlane;
    await this.controlPlane.close();
    this.controlPlane = await TestControlPlane.start(port, root, this.deployment);
    this.term += 1n;
    await this.#seat();
  }

  async close(): Promise<void> {
    await this.controlPlane.close();
    await this.devnet.close();
  }

  async #admit(): Promise<void> {
    const { deployment, controlPlane, client, admin } = this;
    const [pcr0, pcr1, pcr2] = [1, 2, 3].map((value) => new Uint8Array(48).fill(value));
    await submit(client, admin, (tx) => {
      proposeMeasurement(tx, deployment, {
        ...{ version: '1.0.0', pcr0: pcr0!, pcr1: pcr1!, pcr2: pcr2! },
        ...{ releaseDigest: new Uint8Array(32), stateFormat: 1n },
      });
      setConfig(tx, deployment, controlPlane.binding);
      appointHost(tx, deployment, admin.toSuiAddress());
    });
  }

  async #seat(): Promise<void> {
    const { deployment, controlPlane, client, devnet, admin } = this;
    const { operator, binding } = controlPlane;
    await devnet.faucet(operator.toSuiAddress());
    const opened = await submit(client, operator, (tx) => openRegistration(tx, deployment));
    const ticketId = createdObject(opened, '::enclave_registry::RegistrationTicket');
    const document = await controlPlane.attest(Buffer.from(ticketId.slice(2), 'hex'));
    const registered = await submit(client, operator, (tx) =>
      registerEnclave(tx, deployment, { ...binding, ticketId, document }),
    );
    this.#enclaveId = createdObject(registered, '::enclave_registry::Enclave');
    await submit(client, admin, (tx) => takeSeat(tx, deployment, this.#enclaveId));
    await submit(client, operator, (tx) => takeLead(tx, this.operatorIds, this.term - 1n));
  }
}
