import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { EnclaveError } from '../error.ts';
import { spkiOf } from './p256.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Characters that are written and printed in one way alone, and 64 at most (X.520, ub-common-name), as OpenSSL demands. */
const NAME = /^[A-Za-z0-9:.-]{1,64}$/;
/** Tolerates clocks that run behind ours, by as much as the server's own certificates do. */
const BACKDATE_SECONDS = 300;
/** id-kp-clientAuth and id-kp-serverAuth (RFC 5280 §4.2.1.12). */
const PURPOSES = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;

/** What a certificate says: only what was proven, each field by itself. */
export interface Leaf {
  readonly organization?: string;
  readonly commonName: string;
  /** Uncompressed point of P-256. */
  readonly publicKey: Uint8Array;
  readonly purpose: keyof typeof PURPOSES;
  readonly dnsNames: readonly string[];
  /** IPv4 addresses, dotted. */
  readonly addresses: readonly string[];
  /** From now on. */
  readonly lifetimeSeconds: number;
}

/** A certificate that was signed. */
export interface Certificate {
  readonly pem: string;
  readonly expiresAtMs: number;
}

/**
 * Signs certificates from fields. Nothing of what anybody sent is copied: each is encoded here, read again with another
 * parser, and handed out only when it says what it should.
 */
export class CertificateSigner {
  readonly #authority: X509Certificate;
  readonly #key: Buffer;
  readonly #now: () => number;

  /** @param authority certificate and private key, in PEM */
  constructor(authority: { certificate: string; key: string }, now: () => number = Date.now) {
    this.#authority = new X509Certificate(authority.certificate);
    this.#key = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' });
    this.#now = now;
  }

  /** Reads an authority's files, `prefix.crt` and `prefix.key`. */
  static async load(prefix: string): Promise<CertificateSigner> {
    const [certificate, key] = await Promise.all(
      ['crt', 'key'].map((kind) => readFile(`${prefix}.${kind}`, 'utf8')),
    );
    return new CertificateSigner({ certificate: certificate!, key: key! });
  }

  /**
   * Signs a certificate.
   *
   * @throws {EnclaveError} `credential` when the name does not fit or the outcome says anything else
   */
  async sign(leaf: Leaf): Promise<Certificate> {
    const strange = [leaf.commonName, leaf.organization ?? leaf.commonName].find((name) => !NAME.test(name));
    if (strange !== undefined)
      throw refuse(
        `${JSON.stringify(strange)} is not a name of letters, digits, colons, dots and dashes, 64 at most`,
      );
    const now = Math.floor(this.#now() / 1_000) * 1_000;
    const validity = [now - BACKDATE_SECONDS * 1_000, now + leaf.lifetimeSeconds * 1_000] as const;
    const authority = new ParsedCertificate(this.#authority.raw);
    const signed = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: subjectOf(leaf),
      issuer: authority.subjectName,
      publicKey: new Uint8Array(spkiOf(leaf.publicKey)),
      notBefore: new Date(validity[0]),
      notAfter: new Date(validity[1]),
      extensions: extensionsOf(leaf, authority),
      signingKey: await crypto.subtle.importKey('pkcs8', new Uint8Array(this.#key), ALGORITHM, false, [
        'sign',
      ]),
      signingAlgorithm: ALGORITHM,
    });
    const pem = `${signed.toString('pem')}\n`;
    this.#assertSays(new X509Certificate(pem), leaf, validity);
    return { pem, expiresAtMs: validity[1] };
  }

  /** Reads what was signed with OpenSSL, which shares no code with what encoded it. */
  #assertSays(certificate: X509Certificate, leaf: Leaf, validity: readonly [number, number]): void {
    const expected = {
      subject: subjectOf(leaf)
        .flatMap((part) => Object.entries(part).map(([key, [value]]) => `${key}=${value}`))
        .join('\n'),
      publicKey: spkiOf(leaf.publicKey).toString('hex'),
      purposes: [PURPOSES[leaf.purpose]],
      isAuthority: false,
      names: namesOf(leaf).map(({ type, value }) => `${type === 'dns' ? 'DNS' : 'IP Address'}:${value}`),
      validity,
      isIssued: true,
    };
    const actual: typeof expected = {
      subject: certificate.subject,
      publicKey: certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('hex'),
      purposes: certificate.keyUsage as (typeof expected)['purposes'],
      isAuthority: certificate.ca,
      names: certificate.subjectAltName?.split(', ') ?? [],
      validity: [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)],
      isIssued: certificate.checkIssued(this.#authority) && certificate.verify(this.#authority.publicKey),
    };
    if (!isDeepStrictEqual(actual, expected)) {
      throw refuse(`it says ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
    }
  }
}

function subjectOf({ organization, commonName }: Leaf): JsonName {
  return [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }];
}

function namesOf({ dnsNames, addresses }: Leaf) {
  return [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ];
}

function extensionsOf(leaf: Leaf, authority: ParsedCertificate) {
  const names = namesOf(leaf);
  const issuerKey = authority.getExtension(SubjectKeyIdentifierExtension);
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([PURPOSES[leaf.purpose]]),
    ...(issuerKey ? [new AuthorityKeyIdentifierExtension(issuerKey.keyId)] : []),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

/** A positive number of 126 random bits in hex, whose first digits make it its own shortest form. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function refuse(why: string): EnclaveError {
  return new EnclaveError('credential', `Cannot sign the certificate: ${why}`);
}
