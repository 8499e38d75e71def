import { KeyObject } from 'node:crypto';
import { decodePem, encodePem } from '@daasvader/attestation/pem.ts';
import { type Identity, issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Image } from './image.ts';
import { measure, sign } from './measure.ts';
import { readEif } from './read.ts';
import { decodeSignature, encodeSignature, type PcrSignature, type SigningKey } from './signature.ts';
import { bytesOf, imageOf } from './testing/image.ts';
import { encodeEif } from './write.ts';

let signer: SigningKey;
let other: SigningKey;
let signed: Image & { signature: PcrSignature };

beforeAll(async () => {
  signer = toSigningKey(await issueRoot('signer', Date.now()));
  other = toSigningKey(await issueRoot('other', Date.now()));
  const image = await sign(imageOf(), signer);
  signed = { ...image, signature: image.signature! };
});

describe('a signed image', () => {
  it('has the PCRs of the unsigned one, and PCR 8', async () => {
    expect(await measure(signed)).toEqual({
      ...(await measure(imageOf())),
      PCR8: expect.stringMatching(/^[0-9a-f]{96}$/),
    });
  });

  it('has a PCR 8 that depends on the certificate alone', async () => {
    const { PCR8 } = await measure(signed);
    expect(await measure(await sign(imageOf({ cmdline: 'quiet' }), signer))).toMatchObject({ PCR8 });
    expect((await measure(await sign(imageOf(), other))).PCR8).not.toBe(PCR8);
  });

  it('is read as what was written', async () => {
    expect((await readEif(await encodeEif(signed))).signature).toEqual(signed.signature);
  });

  it('can be signed anew by another', async () => {
    expect(await measure(await sign(signed, other))).toEqual(await measure(await sign(imageOf(), other)));
  });
});

describe('measure() refuses', () => {
  it.each([
    ['another kernel', { kernel: new Blob(['kernel?']) }],
    ['another command line', { cmdline: 'init=/bin/sh' }],
    ['another ramdisk', { ramdisks: [new Blob(['boot']), new Blob(['malware'])] }],
  ])('%s under the signature', async (_, parts) => {
    await refuses({ ...signed, ...parts }, 'eif_signature_invalid');
  });

  it("somebody else's certificate beside the signature", async () => {
    const signature = { ...signed.signature, certificate: other.certificate };
    await refuses({ ...signed, signature }, 'eif_signature_invalid');
  });

  it('any damaged byte of the signature', async () => {
    const { cose } = signed.signature;
    for (let at = 0; at < cose.length; at++) {
      const signature = { ...signed.signature, cose: cose.with(at, cose[at]! ^ 1) };
      await expect(measure({ ...signed, signature })).rejects.toMatchObject({ name: 'EifError' });
    }
  });

  it('certificates that could be taken for one another', async () => {
    const certificate = signer.certificate + other.certificate;
    await refuses({ ...signed, signature: { ...signed.signature, certificate } }, 'eif_certificate');
  });

  it('bytes behind the certificate', async () => {
    const certificate = encodePem(Buffer.concat([decodePem(signer.certificate)!, Buffer.alloc(1)]));
    await refuses({ ...signed, signature: { ...signed.signature, certificate } }, 'eif_certificate');
  });

  it('PEM that holds no certificate', async () => {
    const certificate = encodePem(Uint8Array.of(1, 2, 3));
    await refuses({ ...signed, signature: { ...signed.signature, certificate } }, 'eif_certificate');
  });
});

describe('sign() refuses', () => {
  it("a key that is not the certificate's", async () => {
    const signing = sign(imageOf(), { certificate: signer.certificate, key: other.key });
    await expect(signing).rejects.toMatchObject({ code: 'eif_certificate_key' });
  });
});

describe('decodeSignature() refuses', () => {
  it.each<[string, (section: Buffer) => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['no signature', () => Buffer.from([0x80])],
    [
      'two signatures',
      (section) => Buffer.concat([Buffer.from([0x82]), section.subarray(1), section.subarray(1)]),
    ],
    [
      'a list of indefinite length',
      (section) => Buffer.concat([Buffer.from([0x9f]), section.subarray(1), Buffer.from([0xff])]),
    ],
    ['bytes behind it', (section) => Buffer.concat([section, Buffer.from([0])])],
    ['a byte string instead of a list of bytes', () => entry(Buffer.from([0x41, 1]), Buffer.from([0x41, 1]))],
    ['bytes above 255', () => entry(Buffer.from([0x81, 0x19, 1, 0]), Buffer.from([0x81, 1]))],
    ['negative bytes', () => entry(Buffer.from([0x81, 0x20]), Buffer.from([0x81, 1]))],
    ['numbers that are not bytes', () => entry(Buffer.from([0x81, 0xf6]), Buffer.from([0x81, 1]))],
  ])('%s', (_, edit) => {
    const section = edit(Buffer.from(encodeSignature(signed.signature)));
    expect(() => decodeSignature(new Uint8Array(section))).toThrow(
      expect.objectContaining({ code: 'eif_signature_malformed' }),
    );
  });

  it('any truncation', async () => {
    const section = await bytesOf(new Blob([encodeSignature(signed.signature)]));
    for (let length = 0; length < section.length; length += 7)
      expect(() => decodeSignature(section.slice(0, length))).toThrow(/Cannot read signature of image/);
  });
});

async function refuses(image: Image, code: string): Promise<void> {
  await expect(measure(image)).rejects.toMatchObject({ name: 'EifError', code });
}

function toSigningKey({ certificate, privateKey }: Identity): SigningKey {
  return { certificate: encodePem(certificate), key: KeyObject.from(privateKey) };
}

/** A section whose values are these CBOR items. */
function entry(certificate: Buffer, signature: Buffer): Buffer {
  const key = (name: string) => Buffer.concat([Buffer.from([0x60 | name.length]), Buffer.from(name)]);
  return Buffer.concat([
    Buffer.from([0x81, 0xa2]),
    key('signing_certificate'),
    certificate,
    key('signature'),
    signature,
  ]);
}
