import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { newKeys } from '@daasvader/enclave/kube/testing/certificate-request.ts';
import { credentialMessage } from '@daasvader/verifier/credential-message.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { type Attack, refused, refusedOrCut, survived } from './attack.ts';
import { type Field, HOSTILE_ADDRESS } from './field.ts';
import { describe } from './peer.ts';

const SILENT_CONNECTIONS = 300;
const ATTESTATIONS = 300;
const JOINS = 1_500;
const ANSWER_TIMEOUT_MS = 10_000;
/** A point of P-256 as the API takes it: uncompressed, in hex. */
const POINT_BYTES = 65;

const path = (text: string) =>
  refused(`reads Secrets by way of ${text}`, ({ outsider }) => outsider.try({ path: text }));

/** What somebody without any credential tries, on both ports of the host's relay. */
export const OUTSIDER_ATTACKS: Attack[] = [
  ...[
    '/api/v1/secrets',
    '//api/v1/secrets',
    '/api/v1/attestation/../secrets',
    '/api/v1/attestation%2f..%2fsecrets',
    '/api/v1/attestation;/../secrets',
    '/readyz/../api/v1/secrets',
    '/api/v1/namespaces/kube-system/secrets?/api/v1/attestation',
    'https://127.0.0.1/api/v1/secrets',
  ].map(path),
  refused('calls itself the administrator in a header', ({ outsider }) =>
    outsider.try({
      path: '/api/v1/secrets',
      headers: { 'x-remote-user': 'system:admin', 'x-remote-group': 'system:masters' },
    }),
  ),
  refused('guesses a bootstrap token', ({ outsider }) =>
    outsider.try({ path: '/api/v1/nodes', headers: { authorization: 'Bearer abcdef.0123456789abcdef' } }),
  ),
  refused('opens a node’s tunnel', ({ outsider }) =>
    outsider.try({
      path: '/v1-k3s/connect',
      headers: { connection: 'upgrade', upgrade: 'daasvader-tunnel-2' },
    }),
  ),
  refused('smuggles a second request with two lengths', (field) =>
    raw(
      field.cluster.addresses.kubernetesUrl,
      smuggled('content-length: 4\r\ntransfer-encoding: chunked\r\n'),
    ),
  ),
  refused('smuggles a second request to the enclave’s own port', (field) =>
    raw(field.cluster.addresses.apiUrl, smuggled('content-length: 4\r\ncontent-length: 400\r\n')),
  ),
  refused('asks a credential for somebody else’s address', async (field) => {
    const { address } = field.victim.user;
    return credential(field, await signed(field, new Ed25519Keypair(), { address }));
  }),
  refused('asks a credential without a stake', async (field) =>
    credential(field, await signed(field, new Ed25519Keypair())),
  ),
  refused('asks a credential with a signature for another cluster', async (field) =>
    credential(field, await signed(field, new Ed25519Keypair(), { cluster: `0x${'1'.repeat(64)}` })),
  ),
  refused('asks a credential with a signature of an hour ago', async (field) =>
    credential(field, await signed(field, new Ed25519Keypair(), { timestampMs: Date.now() - 3_600_000 })),
  ),
  ...Object.entries({
    'not on the curve': `04${'11'.repeat(64)}`,
    'at infinity': '00',
    compressed: `02${'11'.repeat(32)}`,
    'that is a PEM file': '-----BEGIN CERTIFICATE REQUEST-----',
  }).map(([what, publicKey]) =>
    refused(`asks a credential for a key ${what}`, async (field) =>
      credential(field, await signed(field, new Ed25519Keypair(), { publicKey })),
    ),
  ),
  refused('sends the members of a credential twice', ({ outsiderApi: api }) =>
    api.try({ method: 'POST', path: '/api/v1/kubeconfig', body: '{"address":"0x1","address":"0x2"}' }),
  ),
  refusedOrCut('sends 2 MiB to the credential route', ({ outsiderApi }) =>
    outsiderApi.try({ method: 'POST', path: '/api/v1/kubeconfig', body: `"${'x'.repeat(2 << 20)}"` }),
  ),
  refused('joins as the honest worker, with a key of its own', ({ outsiderApi: api }) =>
    join(api, 'worker-1', '11'.repeat(32)),
  ),
  refused('asks for the counter of a worker that does not exist', ({ outsiderApi: api }) =>
    api.try({ path: `${ROUTE.joinCounter}?node_id=nobody` }),
  ),
  survived(`opens ${SILENT_CONNECTIONS} connections and says nothing`, async (field) => {
    const sockets = await openSilently(field.cluster.addresses.kubernetesUrl);
    try {
      return await field.isServed();
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }),
  survived(`asks for ${ATTESTATIONS} attestation documents at once`, async (field) => {
    const nonce = '11'.repeat(16);
    const flood = Promise.allSettled(
      Array.from({ length: ATTESTATIONS }, () =>
        field.outsider.try({ path: `/api/v1/attestation?nonce=${nonce}` }),
      ),
    );
    const served = await field.isServed();
    await flood;
    return served;
  }),
  {
    attack: `joins as ${JOINS} workers that do not exist, to flush the history`,
    expected: 'what was there is still there',
    refusal: /^still there/,
    run: async (field) => {
      const before = await history(field);
      for (let sent = 0; sent < JOINS; sent += 100)
        await Promise.allSettled(
          Array.from({ length: 100 }, (_, index) =>
            join(field.outsiderApi, `nobody-${sent + index}`, '22'.repeat(32)),
          ),
        );
      const after = await history(field);
      const lost = before.filter((entry) => !after.includes(entry));
      return lost.length === 0
        ? `still there: ${before.length} entries`
        : `${lost.length} of ${before.length} lost`;
    },
  },
];

function join(api: Field['api'], node: string, sealToken: string): Promise<string> {
  return api.try({
    method: 'POST',
    path: ROUTE.registerWorker,
    headers: { authorization: `Bearer ${sealToken}` },
    body: {
      ...{ node_id: node, seal_token: sealToken, ip_address: '10.0.0.1' },
      ...{ nonce: '11'.repeat(32), counter: '1', signature: '11'.repeat(64) },
    },
  });
}

interface Claim {
  address?: string;
  cluster?: string;
  timestampMs?: number;
  publicKey?: string;
}

/** The body of a request for a credential that `keypair` signed, whatever it claims. */
async function signed({ cluster }: Field, keypair: Ed25519Keypair, claim: Claim = {}): Promise<object> {
  const {
    address = keypair.toSuiAddress(),
    cluster: clusterId = cluster.deployment.registryId,
    timestampMs = Date.now(),
    publicKey = newKeys()
      .publicKey.export({ type: 'spki', format: 'der' })
      .subarray(-POINT_BYTES)
      .toString('hex'),
  } = claim;
  const message = credentialMessage(clusterId, { address, publicKey, timestampMs });
  const { signature } = await keypair.signPersonalMessage(message);
  return { address, public_key: publicKey, timestamp_ms: timestampMs, signature };
}

function credential({ outsiderApi: api }: Field, body: object): Promise<string> {
  return api.try({ method: 'POST', path: '/api/v1/kubeconfig', body });
}

/** What the enclave tells of what it did. */
async function history({ api }: Field): Promise<string[]> {
  const { data } = await api.object<{ data: object[] }>({ path: '/api/transactions/history' });
  return data.map((entry) => JSON.stringify(entry));
}

function smuggled(lengths: string): string {
  const inner = 'GET /api/v1/secrets HTTP/1.1\r\nhost: x\r\n\r\n';
  return `POST /api/v1/register-worker HTTP/1.1\r\nhost: x\r\n${lengths}\r\n0\r\n\r\n${inner}`;
}

/** Sends bytes over TLS and gives the first answer. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false });
  let answer = '';
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  socket.once('secureConnect', () => socket.write(text)).once('error', reject);
  socket.on('data', (part: Buffer) => (answer += part)).once('close', () => resolve(answer));
  const seen = await promise;
  const [, status = '0'] = /^HTTP\/1\.1 (\d+)/.exec(seen) ?? [];
  const answers = seen.split('HTTP/1.1 ').length - 1;
  return answers > 1 && !/^4/.test(status)
    ? `${answers} answers: ${seen.slice(0, 80)}`
    : describe({ status: Number(status), text: `${answers} answer` });
}

/** Connections from one address, which stay open and silent. */
async function openSilently(url: string): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const open = () =>
    connectTcp({ host: hostname, port: Number(port), localAddress: HOSTILE_ADDRESS }).on('error', () => {});
  const sockets = Array.from({ length: SILENT_CONNECTIONS }, open);
  await sleep(1_000); // all of them have arrived, or were turned away
  return sockets;
}
