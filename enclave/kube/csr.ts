import { isDeepStrictEqual } from 'node:util';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { Name } from '@peculiar/x509';
import { type CertificateRequest, readCertificateRequest } from './certificate-request.ts';
import { BOOTSTRAP_GROUP } from './roles.ts';
import type { Leaf } from './signer.ts';

/** The longest that a node certificate may live, in seconds; also what a request gets that asks for nothing. */
export const MAX_CERTIFICATE_SECONDS = 86_400;

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING_SIGNER = 'kubernetes.io/kubelet-serving';
const NODE_GROUP = 'system:nodes';
const NODE_PREFIX = 'system:node:';
/** The longest name of a node: with its prefix it fits into the 64 characters of a common name. */
export const MAX_NODE_NAME = 64 - NODE_PREFIX.length;
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
export type Decision =
  | { readonly verdict: 'deny' | 'ignore'; readonly reason: string }
  | {
      readonly verdict: 'approve';
      readonly reason: string;
      /** What was proven, from which the certificate is made. */
      readonly leaf: Leaf;
    };

/**
 * Decides a certificate signing request of a node: its first client certificate, its renewal or its serving
 * certificate. Nothing else is signed for nodes, and each only under its own name.
 */
export function decideCsr(csr: V1CertificateSigningRequest, admission: NodeAdmission): Decision {
  const { signerName } = csr.spec;
  if (signerName !== CLIENT_SIGNER && signerName !== SERVING_SIGNER)
    return { verdict: 'ignore', reason: 'other signer' };
  try {
    return signerName === CLIENT_SIGNER ? decideClient(csr, admission) : decideServing(csr, admission);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { verdict: 'deny', reason: error.message };
  }
}

/** Characters of a refusal, part of which who asks has written: it is kept in the history, and shown to everybody. */
const MAX_REASON = 300;

class Refusal extends Error {
  constructor(why: string) {
    super(why.slice(0, MAX_REASON));
  }
}

function decideClient(csr: V1CertificateSigningRequest, admission: NodeAdmission): Decision {
  const { username = '' } = csr.spec;
  const isRenewal = username.startsWith(NODE_PREFIX);
  const node = isRenewal ? nodeOfUser(csr) : nodeOfToken(csr, admission);
  const { publicKey, dnsNames, addresses } = readOwn(csr, node, admission);
  if (dnsNames.length + addresses.length > 0)
    throw new Refusal('a client certificate has no alternative names');
  const lifetimeSeconds = checkTerms(csr, 'client auth');
  if (!isRenewal && !admission.claimToken(tokenOf(username), Buffer.from(publicKey).toString('hex')))
    throw new Refusal(`token ${tokenOf(username)} was used with another key`);
  return {
    verdict: 'approve',
    reason: `${isRenewal ? 'renewal for' : 'bootstrap of'} node ${node}`,
    leaf: leafOf(node, publicKey, { purpose: 'client', lifetimeSeconds }),
  };
}

/**
 * The one name of a kubelet is its node's: by it, and through that node's own tunnel, the API server calls it. A kubelet
 * always asks for its addresses too and takes no certificate without them. They are its own word and mean nothing:
 * nobody dials a kubelet by address, and a node's name, being one DNS label, is never read as an address.
 */
function decideServing(csr: V1CertificateSigningRequest, admission: NodeAdmission): Decision {
  const node = nodeOfUser(csr);
  const { publicKey, dnsNames, addresses } = readOwn(csr, node, admission);
  if (!isDeepStrictEqual(dnsNames, [node]))
    throw new Refusal(`the alternative names are ${dnsNames.join(', ') || 'none'}, not ${node}`);
  const lifetimeSeconds = checkTerms(csr, 'server auth');
  return {
    verdict: 'approve',
    reason: `serving certificate of node ${node}`,
    leaf: leafOf(node, publicKey, { purpose: 'server', dnsNames, addresses, lifetimeSeconds }),
  };
}

function leafOf(
  node: string,
  publicKey: Uint8Array,
  terms: Pick<Leaf, 'purpose' | 'lifetimeSeconds'> & Partial<Leaf>,
): Leaf {
  return {
    organization: NODE_GROUP,
    commonName: NODE_PREFIX + node,
    publicKey,
    dnsNames: [],
    addresses: [],
    ...terms,
  };
}

/** Who asks was proven to the API server, by a node's certificate or by a bootstrap token. */
function nodeOfUser({ spec: { username = '', groups = [] } }: V1CertificateSigningRequest): string {
  if (!username.startsWith(NODE_PREFIX) || !groups.includes(NODE_GROUP))
    throw new Refusal(`${username} is no node`);
  return username.slice(NODE_PREFIX.length);
}

function nodeOfToken(
  { spec: { username = '', groups = [] } }: V1CertificateSigningRequest,
  admission: NodeAdmission,
): string {
  if (!groups.includes(BOOTSTRAP_GROUP)) throw new Refusal(`${username} is not of ${BOOTSTRAP_GROUP}`);
  const node = admission.nodeOfToken(tokenOf(username));
  if (node === undefined) throw new Refusal(`token ${tokenOf(username)} is of no node`);
  return node;
}

function tokenOf(username: string): string {
  return username.startsWith(TOKEN_PREFIX) ? username.slice(TOKEN_PREFIX.length) : '';
}

/** Reads the request and checks that it is for the node that asks, which must be admitted, and nobody else. */
function readOwn(
  { spec }: V1CertificateSigningRequest,
  node: string,
  admission: NodeAdmission,
): CertificateRequest {
  if (!admission.isAdmitted(node)) throw new Refusal(`node ${node} is not admitted`);
  const request = read(spec.request);
  const name = new Name([{ O: [NODE_GROUP] }, { CN: [NODE_PREFIX + node] }]);
  if (!Buffer.from(name.toArrayBuffer()).equals(request.subject))
    throw new Refusal(`the subject is not O=${NODE_GROUP}, CN=${NODE_PREFIX}${node}`);
  return request;
}

function read(encoded: string): CertificateRequest {
  try {
    return readCertificateRequest(Buffer.from(encoded, 'base64').toString('latin1'));
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error));
  }
}

/** Checks usages and duration; the duration is returned, in seconds. */
function checkTerms({ spec }: V1CertificateSigningRequest, purpose: string): number {
  const { usages = [], expirationSeconds: seconds = MAX_CERTIFICATE_SECONDS } = spec;
  const required = ['digital signature', purpose];
  // RSA keys also encipher keys, and who asks may not know better; nobody gets it.
  const allowed = new Set([...required, 'key encipherment']);
  const isGood =
    required.every((usage) => usages.includes(usage)) && usages.every((usage) => allowed.has(usage));
  if (!isGood) throw new Refusal(`usages are ${usages.join(', ')}, not ${required.join(', ')}`);
  if (seconds > MAX_CERTIFICATE_SECONDS) throw new Refusal(`wants to live ${seconds} s, more than a day`);
  return seconds;
}
