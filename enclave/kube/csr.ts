import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { BOOTSTRAP_GROUP } from './roles.ts';

/** The longest that a node certificate may live, in seconds; also the signer's own default. */
export const MAX_CERTIFICATE_SECONDS = 86_400;

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING_SIGNER = 'kubernetes.io/kubelet-serving';
const NODE_PREFIX = 'system:node:';
const TOKEN_PREFIX = 'system:bootstrap:';

/** What the enclave knows about the nodes that ask. */
export interface NodeAdmission {
  /** The node that a bootstrap token was made for, unless it is unknown or has expired. */
  nodeOfToken(tokenId: string): string | undefined;
  /** Ties a token to the first public key that it asks with; false when it was another. */
  claimToken(tokenId: string, publicKey: string): boolean;
  /** Whether the chain wants this node, still. */
  isAdmitted(node: string): boolean;
}

/** The answer to a signing request; `ignore` leaves it to somebody else. */
export interface Decision {
  readonly verdict: 'approve' | 'deny' | 'ignore';
  readonly reason: string;
}

/**
 * Decides a certificate signing request of a node: its first client certificate, its renewal or its serving
 * certificate. Nothing else is signed for nodes, and each only under its own name.
 */
export async function decideCsr(
  csr: V1CertificateSigningRequest,
  admission: NodeAdmission,
): Promise<Decision> {
  const { signerName } = csr.spec;
  if (signerName !== CLIENT_SIGNER && signerName !== SERVING_SIGNER)
    return { verdict: 'ignore', reason: 'other signer' };
  try {
    const reason = await (signerName === CLIENT_SIGNER
      ? checkClient(csr, admission)
      : checkServing(csr, admission));
    return { verdict: 'approve', reason };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { verdict: 'deny', reason: error.message };
  }
}

class Refusal extends Error {}

async function checkClient(csr: V1CertificateSigningRequest, admission: NodeAdmission): Promise<string> {
  const request = await readRequest(csr, ['digital signature', 'client auth']);
  if (request.alternativeNames.length > 0) throw new Refusal('a client certificate has no alternative names');
  const { username = '', groups = [] } = csr.spec;
  if (username.startsWith(NODE_PREFIX)) {
    admitNode(request.node, nodeOfUser(username, groups), admission);
    return `renewal for node ${request.node}`;
  }
  const tokenId = username.startsWith(TOKEN_PREFIX) ? username.slice(TOKEN_PREFIX.length) : '';
  if (!groups.includes(BOOTSTRAP_GROUP)) throw new Refusal(`${username} is not of ${BOOTSTRAP_GROUP}`);
  admitNode(request.node, admission.nodeOfToken(tokenId), admission);
  if (!admission.claimToken(tokenId, request.publicKey))
    throw new Refusal(`token ${tokenId} was used with another key`);
  return `bootstrap of node ${request.node}`;
}

async function checkServing(csr: V1CertificateSigningRequest, admission: NodeAdmission): Promise<string> {
  const request = await readRequest(csr, ['digital signature', 'server auth']);
  const { username = '', groups = [] } = csr.spec;
  admitNode(request.node, nodeOfUser(username, groups), admission);
  checkServingNames(request);
  return `serving certificate of node ${request.node}`;
}

/**
 * The one name of a kubelet is its node's: by it, and through that node's own tunnel, the API server calls it. A kubelet
 * always asks for its addresses too and takes no certificate without them. They are its own word and mean nothing:
 * nobody dials a kubelet by address, and a node's name, being one DNS label, is never read as an address.
 */
function checkServingNames({ node, alternativeNames }: NodeRequest): void {
  const own = `dns:${node}`;
  const strange = alternativeNames.find((name) => name !== own && !name.startsWith('ip:'));
  if (strange !== undefined) throw new Refusal(`alternative name ${strange} is not ${own}`);
  if (!alternativeNames.includes(own)) throw new Refusal(`the alternative names lack ${own}`);
}

function nodeOfUser(username: string, groups: readonly string[]): string | undefined {
  if (!username.startsWith(NODE_PREFIX) || !groups.includes('system:nodes')) return undefined;
  return username.slice(NODE_PREFIX.length);
}

function admitNode(asked: string, entitled: string | undefined, admission: NodeAdmission): void {
  if (asked !== entitled) throw new Refusal(`asks for node ${asked}, is entitled to ${entitled ?? 'none'}`);
  if (!admission.isAdmitted(asked)) throw new Refusal(`node ${asked} is not admitted`);
}

interface NodeRequest {
  readonly node: string;
  readonly publicKey: string;
  readonly alternativeNames: string[];
}

/** Reads the request and checks what all three kinds have in common: signature, subject, usages and duration. */
async function readRequest(csr: V1CertificateSigningRequest, required: string[]): Promise<NodeRequest> {
  const request = parse(csr.spec.request);
  if (!(await request.verify())) throw new Refusal('the request is not signed by its own key');
  checkUsages(csr.spec.usages ?? [], required);
  const seconds = csr.spec.expirationSeconds ?? MAX_CERTIFICATE_SECONDS;
  if (seconds > MAX_CERTIFICATE_SECONDS) throw new Refusal(`wants to live ${seconds} s, more than a day`);
  const names = request.subjectName
    .toJSON()
    .flatMap((part) => Object.entries(part).map(([key, value]) => `${key}=${value}`));
  const node = request.subjectName.getField('CN')[0]?.slice(NODE_PREFIX.length) ?? '';
  const expected = ['O=system:nodes', `CN=${NODE_PREFIX}${node}`];
  if (node === '' || names.toSorted().join() !== expected.toSorted().join()) {
    throw new Refusal(`subject is ${names.join(', ')}, not ${expected.join(', ')}`);
  }
  return {
    node,
    publicKey: Buffer.from(request.publicKey.rawData).toString('hex'),
    alternativeNames: namesOf(request),
  };
}

/** All alternative names: what we read must be what the signer reads, so there is one place for them and no other. */
function namesOf(request: Pkcs10CertificateRequest): string[] {
  if (request.attributes.length > 1) throw new Refusal('the request has attributes beside its extensions');
  return request.extensions
    .filter((each) => each instanceof SubjectAlternativeNameExtension)
    .flatMap(({ names }) => names.items.map(({ type, value }) => `${type}:${value}`));
}

function parse(encoded: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(Buffer.from(encoded, 'base64').toString('latin1'));
  } catch {
    throw new Refusal('the request is not PKCS #10');
  }
}

function checkUsages(usages: readonly string[], required: readonly string[]): void {
  // RSA keys also encipher keys; nothing else is ever needed.
  const allowed = new Set([...required, 'key encipherment']);
  const good =
    required.every((usage) => usages.includes(usage)) && usages.every((usage) => allowed.has(usage));
  if (!good) throw new Refusal(`usages are ${usages.join(', ')}, not ${required.join(', ')}`);
}
