import { encodePem } from '@daasvader/attestation/pem.ts';
import { issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { type AdminIds, appointHost, proposeMeasurement, setConfig } from '@daasvader/chain/calls/admin.ts';
import { takeSeat } from '@daasvader/chain/calls/host.ts';
import { openRegistration, registerEnclave } from '@daasvader/chain/calls/operator.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import { createdObject, submit } from '@daasvader/chain/submit.ts';
import { publish } from '@daasvader/move/publish.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { type Devnet, startDevnet } from '../devnet/devnet.ts';
import { TestControlPlane } from './control-plane.ts';

/** A chain with the contracts, and a control plane that registered there and sits in the seat. */
export class SeatedCluster {
  readonly devnet: Devnet;
  readonly client: SuiGrpcClient;
  readonly deployment: Deployment & AdminIds;
  readonly controlPlane: TestControlPlane;

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
    const devnet = await startDevnet({ nitroRootPem: encodePem(root.certificate) });
    const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
    const signer = devnet.accounts[0]!;
    const published = await publish({
      client,
      signer,
      network: 'devnet-local',
      rpcUrl: devnet.url,
      delayMs: 0n,
    });
    const deployment = { ...published, adminCapId: published.adminCapId! };
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

  async close(): Promise<void> {
    await this.controlPlane.close();
    await this.devnet.close();
  }

  async #admit(): Promise<void> {
    const { deployment, controlPlane, client, admin } = this;
    const [pcr0, pcr1, pcr2] = [1, 2, 3].map((value) => new Uint8Array(48).fill(value));
    await submit(client, admin, (tx) => {
      proposeMeasurement(tx, deployment, { version: '1.0.0', pcr0: pcr0!, pcr1: pcr1!, pcr2: pcr2! });
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
    const enclaveId = createdObject(registered, '::enclave_registry::Enclave');
    await submit(client, admin, (tx) => takeSeat(tx, deployment, enclaveId));
  }
}
