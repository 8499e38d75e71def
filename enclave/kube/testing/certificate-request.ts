import { generateKeyPairSync, type KeyPairKeyObjectResult, sign } from 'node:crypto';
import { Tag } from '@daasvader/attestation/der.ts';
import { bitString, element, extension, integer, oid, sequence } from '@daasvader/attestation/testing/der.ts';
import { encodeRequest } from '../certificate-request.ts';

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
export const ORGANIZATION = '55040a';
export const COMMON_NAME = '550403';

/** What a request shall say; what is left out is as a kubelet writes it, encoded. */
export interface RequestParts {
  version?: Uint8Array;
  subject?: Uint8Array;
  publicKeyInfo?: Uint8Array;
  attributes?: Uint8Array;
  trailing?: Uint8Array;
  algorithm?: Uint8Array;
  /** The whole CertificationRequestInfo in another encoding. */
  info?: (contents: Uint8Array[]) => Uint8Array;
  signature?: (real: Uint8Array) => Uint8Array;
  keys?: KeyPairKeyObjectResult;
}

/** A key pair as kubelets make theirs. */
export const newKeys = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
const KEYS = newKeys();

/** A request, in DER, signed by its own key. */
export function requestDer(parts: RequestParts = {}): Uint8Array {
  const { publicKey, privateKey } = parts.keys ?? KEYS;
  const contents = [
    parts.version ?? integer(Uint8Array.of(0)),
    parts.subject ?? nodeName('worker-1'),
    parts.publicKeyInfo ?? publicKey.export({ type: 'spki', format: 'der' }),
    parts.attributes ?? element(Tag.context0),
    parts.trailing ?? new Uint8Array(),
  ];
  const info = parts.info?.(contents) ?? sequence(...contents);
  const real = sign('sha256', info, privateKey);
  return sequence(info, parts.algorithm ?? ECDSA_WITH_SHA256, bitString(parts.signature?.(real) ?? real));
}

/** The same as PEM, as Go writes it. */
export const requestPem = (parts: RequestParts = {}) => encodeRequest(requestDer(parts));

/** A Name of parts, each of one attribute unless several are given. */
export const name = (...parts: Uint8Array[][]) => sequence(...parts.map((part) => element(Tag.set, ...part)));

/** An attribute of a Name, as PrintableString unless told otherwise. */
export const attribute = (type: string, text: string | Uint8Array, tag: number = Tag.printableString) =>
  sequence(oid(type), element(tag, typeof text === 'string' ? Buffer.from(text) : text));

/** The subject of a node. */
export const nodeName = (node: string) =>
  name([attribute(ORGANIZATION, 'system:nodes')], [attribute(COMMON_NAME, `system:node:${node}`)]);

/** Attributes of a request that asks for extensions; each list of them is an attribute of its own. */
export const asking = (...lists: Uint8Array[][]) =>
  element(
    Tag.context0,
    ...lists.map((extensions) =>
      sequence(oid('2a864886f70d01090e'), element(Tag.set, sequence(...extensions))),
    ),
  );

/** Alternative names; addresses as their bytes. */
export const alternativeNames = (dnsNames: string[], addresses: number[][] = []) =>
  extension(
    '551d11',
    false,
    sequence(
      ...dnsNames.map((each) => element(0x82, Buffer.from(each))),
      ...addresses.map((each) => element(0x87, Uint8Array.from(each))),
    ),
  );
