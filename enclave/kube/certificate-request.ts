import { verify } from 'node:crypto';
import { DerReader, Tag } from '@daasvader/attestation/der.ts';
import { pointOf, publicKeyOf } from './p256.ts';

/** The longest request, in bytes of PEM; a kubelet's has about 600. */
const MAX_BYTES = 8_192;
const PEM = /^-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE REQUEST-----\n$/;
/** SEQUENCE { ecdsa-with-SHA256 }, without parameters (RFC 5758 §3.2). */
const ECDSA_WITH_SHA256 = '300a06082a8648ce3d040302';
/** extensionRequest (RFC 2985 §5.4.2) and id-ce-subjectAltName (RFC 5280 §4.2.1.6). */
const EXTENSION_REQUEST = '2a864886f70d01090e';
const SUBJECT_ALT_NAME = '551d11';
/** dNSName and iPAddress of a GeneralName. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/** What a kubelet asks for. */
export interface CertificateRequest {
  /** DER, to be compared and never interpreted. */
  readonly subject: Uint8Array;
  /** Uncompressed point of P-256, whose private key signed the request. */
  readonly publicKey: Uint8Array;
  readonly dnsNames: string[];
  /** IPv4, dotted. */
  readonly addresses: string[];
}

/**
 * Reads a certificate request of the one form in which kubelets write them (Go's crypto/x509): P-256, at most one
 * attribute, and in it alternative names alone. Each byte is accounted for; whatever could be read in a second way is
 * refused.
 *
 * @throws {RangeError | AttestationError} when it has any other form, or its own key did not sign it
 */
export function readCertificateRequest(pem: string): CertificateRequest {
  const file = new DerReader(decodePem(pem));
  const request = file.enter(Tag.sequence, 'the request');
  file.end('the request');
  const info = request.element(Tag.sequence, 'CertificationRequestInfo');
  demand(
    toHex(request.element(Tag.sequence, 'signatureAlgorithm').raw) === ECDSA_WITH_SHA256,
    'it is not signed with ECDSA and SHA-256',
  );
  const bits = request.contents(Tag.bitString, 'signature');
  request.end('the request');
  const asked = readInfo(new DerReader(info.contents));
  const isSigned =
    bits[0] === 0 && verify('sha256', info.raw, publicKeyOf(asked.publicKey), bits.subarray(1));
  demand(isSigned, 'it is not signed by its own key');
  return asked;
}

function decodePem(pem: string): Uint8Array<ArrayBuffer> {
  demand(pem.length <= MAX_BYTES, `it is longer than ${MAX_BYTES} bytes`);
  const der = new Uint8Array(Buffer.from(PEM.exec(pem)?.[1] ?? '', 'base64'));
  // Encoded again it must be the same text, so that no reader of PEM finds anything else in it.
  demand(encodeRequest(der) === pem, 'it is not one block of PEM and nothing else');
  return der;
}

/** A request, in DER, as PEM: lines of 64 characters, as Go writes them. */
export function encodeRequest(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines}-----END CERTIFICATE REQUEST-----\n`;
}

function readInfo(info: DerReader): CertificateRequest {
  demand(toHex(info.unsigned('version')) === '00', 'its version is not 0');
  const subject = info.element(Tag.sequence, 'subject').raw;
  const publicKey = pointOf(info.element(Tag.sequence, 'subjectPKInfo').raw);
  const attributes = info.enter(Tag.context0, 'attributes');
  info.end('CertificationRequestInfo');
  const names = attributes.next === undefined ? { dnsNames: [], addresses: [] } : readAttribute(attributes);
  attributes.end('attributes');
  return { subject, publicKey, ...names };
}

function readAttribute(attributes: DerReader) {
  const attribute = attributes.enter(Tag.sequence, 'attribute');
  demand(toHex(attribute.oid('attribute')) === EXTENSION_REQUEST, 'it has another attribute than extensions');
  const values = attribute.enter(Tag.set, 'attribute values');
  attribute.end('attribute');
  const extensions = values.enter(Tag.sequence, 'extensions');
  values.end('attribute values');
  const extension = extensions.enter(Tag.sequence, 'extension');
  extensions.end('extensions');
  demand(
    toHex(extension.oid('extension')) === SUBJECT_ALT_NAME,
    'it has another extension than alternative names',
  );
  const value = extension.enter(Tag.octetString, 'extension value');
  extension.end('extension');
  const names = readNames(value.enter(Tag.sequence, 'alternative names'));
  value.end('extension value');
  return names;
}

function readNames(names: DerReader) {
  demand(names.next !== undefined, 'its alternative names are none');
  const [dnsNames, addresses]: string[][] = [[], []];
  while (names.next !== undefined) {
    if (names.next === DNS_NAME) dnsNames!.push(readText(names.contents(DNS_NAME, 'dNSName')));
    else addresses!.push(readAddress(names.contents(IP_ADDRESS, 'alternative name')));
  }
  return { dnsNames: dnsNames!, addresses: addresses! };
}

function readText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  demand(/^[a-z0-9.-]{1,253}$/.test(text), 'an alternative name is no DNS name');
  return text;
}

function readAddress(bytes: Uint8Array): string {
  demand(bytes.length === 4, 'an alternative name is neither a DNS name nor an IPv4 address');
  return bytes.join('.');
}

function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new RangeError(`Cannot read the certificate request: ${otherwise}`);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
