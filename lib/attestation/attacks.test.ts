import { beforeAll, describe, expect, it } from 'vitest';
import { type Bytes, concatBytes, fromHex } from './bytes.ts';
import { PROTECTED_HEADER } from './cose.ts';
import { Tag } from './der.ts';
import type { Policy } from './policy.ts';
import * as cbor from './testing/cbor.ts';
import * as der from './testing/der.ts';
import { FIELDS, Fixture, NOW, replaceSignature } from './testing/fixture.ts';
import { encodePayload, envelope } from './testing/issue.ts';
import {
  authorityExtensions,
  type CertificateOptions,
  type Chain,
  issueChain,
  leafExtensions,
} from './testing/pki.ts';

const HOUR = 3_600_000;
/** Order of the P-384 group (SEC 2, §2.5.1). */
const ORDER = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
);

let pki: Fixture;
let genuine: Bytes;

beforeAll(async () => {
  pki = await Fixture.create();
  genuine = await pki.document();
});

describe('signature', () => {
  it('is checked: a bit flipped in payload or signature, the signature of another document', async () => {
    const other = await pki.document({ nonce: new Uint8Array(32) });
    const inPayload = genuine.with(30, genuine[30]! ^ 1);
    const inSignature = genuine.with(-1, genuine.at(-1)! ^ 1);
    for (const forged of [inPayload, inSignature, replaceSignature(genuine, other.subarray(-96))])
      expect(await pki.code(forged)).toBe('signature_invalid');
  });

  it('is by the leaf and not by one of its issuers', async () => {
    const chain: Chain = { ...pki.chain, leaf: { ...pki.chain.leaf, privateKey: pki.root.privateKey } };
    expect(await pki.code(await pki.document({}, chain))).toBe('signature_invalid');
  });

  it('is refused with r or s at 0, n, or beyond', async () => {
    const [r, s] = [genuine.slice(-96, -48), genuine.slice(-48)];
    for (const bad of [0n, ORDER, ORDER + 1n, 2n ** 384n - 1n].map(scalar))
      for (const pair of [concatBytes(bad, s), concatBytes(r, bad), concatBytes(bad, bad)])
        expect(await pki.code(replaceSignature(genuine, pair))).toBe('signature_invalid');
  });

  it('is accepted with either of s and n - s, so that the hash of a document identifies nothing', async () => {
    const s = BigInt(`0x${Buffer.from(genuine.slice(-48)).toString('hex')}`);
    const mirrored = replaceSignature(genuine, concatBytes(genuine.slice(-96, -48), scalar(ORDER - s)));
    expect(mirrored).not.toEqual(genuine);
    expect(await pki.code(mirrored)).toBe('accepted');
  });

  it('is accepted when r or s begins with a zero byte, as one in 128 does', async () => {
    let document = genuine;
    while (document.at(-96) !== 0 && document.at(-48) !== 0) document = await pki.document();
    expect(await pki.code(document)).toBe('accepted');
  });

  it('is refused when r or s is shifted over such a zero', async () => {
    let document = genuine;
    while (document.at(-96) !== 0) document = await pki.document();
    const [r, s] = [document.slice(-95, -48), document.slice(-48)];
    expect(await pki.code(replaceSignature(document, concatBytes(r, s, Uint8Array.of(0))))).toBe(
      'signature_invalid',
    );
  });

  it.each([0, 95, 97, 104])('is refused with a length of %i', async (length) => {
    const document = envelope(encodePayload(pki.entries()), new Uint8Array(length).fill(1));
    expect(await pki.code(document)).toBe('cose_signature_length');
  });
});

describe('algorithm', () => {
  it.each([
    ['ES256', 'a10126', 'cose_algorithm'],
    ['ES512', 'a1013823', 'cose_algorithm'],
    ['none', 'a10100', 'cose_algorithm'],
    ['ES384 as text', 'a101654553333834', 'cose_algorithm'],
    ['no header', 'a0', 'cose_protected_header'],
    ['a further header', 'a2013822182a00', 'cose_protected_header'],
    ['an indefinite header twice', 'bf013822013822ff', 'cbor_duplicate_key'],
    ['an indefinite header', 'bf013822ff', 'cose_protected_header'],
    ['a padded number', 'a101390022', 'cbor_not_minimal'],
    ['an empty string', '', 'cbor_truncated'],
  ])('is ES384 and not %s, even where it is signed', async (_, header, code) => {
    expect(await pki.code(await pki.signWithHeader(fromHex(header)!))).toBe(code);
  });

  it('does not come from the unprotected header', async () => {
    const payload = cbor.byteString(encodePayload(pki.entries()));
    const unprotected = cbor.map([cbor.uint(1), cbor.negative(-7)]);
    const signature = cbor.byteString(genuine.slice(-96));
    const document = cbor.array(cbor.byteString(PROTECTED_HEADER), unprotected, payload, signature);
    expect(await pki.code(document)).toBe('cose_unprotected_header');
  });

  it.each([
    ['ecdsa-with-SHA256', der.sequence(der.oid('2a8648ce3d040302'))],
    ['ECDSA with parameters', der.sequence(der.oid('2a8648ce3d040303'), fromHex('0500')!)],
  ])('of a certificate is not %s', async (_, signatureAlgorithm) => {
    expect(await pki.code(await pki.documentFrom({ zonal: { signatureAlgorithm } }))).toBe(
      'certificate_algorithm',
    );
  });

  it.each([
    ['P-256', '2a8648ce3d030107', 65],
    ['a compressed point', '2b81040022', 49],
  ])('of a key is not %s', async (_, curve, length) => {
    const algorithm = der.sequence(der.oid('2a8648ce3d0201'), der.oid(curve));
    const publicKeyInfo = der.sequence(algorithm, der.bitString(new Uint8Array(length).fill(4)));
    expect(await pki.code(await pki.documentFrom({ enclave: { publicKeyInfo } }))).toBe(
      'certificate_public_key',
    );
  });

  it('of a key is a point on the curve', async () => {
    const algorithm = der.sequence(der.oid('2a8648ce3d0201'), der.oid('2b81040022'));
    const publicKeyInfo = der.sequence(algorithm, der.bitString(new Uint8Array(97).fill(4)));
    expect(await pki.code(await pki.documentFrom({ enclave: { publicKeyInfo } }))).toBe(
      'certificate_public_key',
    );
  });
});

describe('root', () => {
  it('is the pinned one, not the first of the bundle, even with the same name', async () => {
    const impostor = await Fixture.create('test-root');
    expect(await pki.code(await impostor.document())).toBe('chain_root_untrusted');
  });

  it('is not AWS unless it is AWS', async () => {
    expect(await pki.code(genuine, { root: undefined })).toBe('chain_root_untrusted');
  });

  it('does not vouch for a chain of another root that merely starts with it', async () => {
    const impostor = await Fixture.create('test-root');
    const issuers = [pki.root, ...impostor.chain.issuers.slice(1)];
    expect(await pki.code(await impostor.document({}, { ...impostor.chain, issuers }))).toBe(
      'chain_signature_invalid',
    );
  });

  it('comes first: a bundle in another order is refused', async () => {
    const reversed = { ...pki.chain, issuers: [...pki.chain.issuers].reverse() };
    expect(await pki.code(await pki.document({}, reversed))).toBe('chain_root_untrusted');
    const [root, regional, zonal, instance] = pki.chain.issuers;
    const swapped = { ...pki.chain, issuers: [root!, zonal!, regional!, instance!] };
    expect(await pki.code(await pki.document({}, swapped))).toBe('chain_path_length');
  });

  it('is followed without gaps', async () => {
    const issuers = pki.chain.issuers.toSpliced(2, 1);
    expect(await pki.code(await pki.document({}, { ...pki.chain, issuers }))).toBe('chain_issuer_mismatch');
  });
});

describe('authority', () => {
  const usage = (bits: number) => [der.basicConstraints(true), der.keyUsage(bits)];

  it.each<[string, Record<string, Partial<CertificateOptions>>, string]>([
    ['a leaf issued a leaf', { instance: { extensions: leafExtensions() } }, 'chain_not_ca'],
    ['no BasicConstraints', { zonal: { extensions: [der.keyUsage(0x84)] } }, 'chain_not_ca'],
    ['no KeyUsage', { zonal: { extensions: [der.basicConstraints(true)] } }, 'chain_key_usage'],
    ['no right to sign certificates', { zonal: { extensions: usage(0x80) } }, 'chain_key_usage'],
    ['a path that is too long', { regional: { extensions: authorityExtensions(1) } }, 'chain_path_length'],
    [
      'a path of zero with an issuer below',
      { zonal: { extensions: authorityExtensions(0) } },
      'chain_path_length',
    ],
    ['a leaf that is an authority', { enclave: { extensions: authorityExtensions() } }, 'chain_leaf_is_ca'],
    ['a leaf that may not sign', { enclave: { extensions: [der.keyUsage(0x04)] } }, 'chain_key_usage'],
    [
      'a leaf without extensions that allow anything',
      { enclave: { extensions: [der.basicConstraints(false)] } },
      'chain_key_usage',
    ],
    ['another issuer named', { zonal: { issuerName: 'somebody else' } }, 'chain_issuer_mismatch'],
  ])('is refused: %s', async (_, changes, code) => {
    expect(await pki.code(await pki.documentFrom(changes))).toBe(code);
  });
});

describe('time', () => {
  it('is the verifier’s own: an old document does not bring its own time', async () => {
    expect(await pki.code(genuine, { maxAgeMs: 365 * 24 * HOUR }, NOW + 3 * HOUR + 1000)).toBe(
      'certificate_expired',
    );
    expect(await pki.code(genuine, {}, NOW - HOUR / 2)).toBe('certificate_not_yet_valid');
  });

  it.each(['regional', 'zonal', 'instance', 'enclave'])('is within the validity of %s', async (level) => {
    const past = await pki.documentFrom({ [level]: { notBefore: NOW - 2 * HOUR, notAfter: NOW - 1000 } });
    const future = await pki.documentFrom({ [level]: { notBefore: NOW + 61_000, notAfter: NOW + HOUR } });
    expect(await pki.code(past)).toBe('certificate_expired');
    expect(await pki.code(future)).toBe('certificate_not_yet_valid');
  });

  it('is fresh, although the leaf lives for hours', async () => {
    expect(await pki.code(genuine, {}, NOW + 300_000)).toBe('accepted');
    expect(await pki.code(genuine, {}, NOW + 300_001)).toBe('document_too_old');
    expect(await pki.code(await pki.document({ timestamp: NOW + 60_000 }))).toBe('accepted');
    expect(await pki.code(await pki.document({ timestamp: NOW + 60_001 }))).toBe('document_from_future');
  });

  it('may be 60 s behind that at which a certificate begins, and not behind its end', async () => {
    const [notBefore, notAfter] = [NOW + 1000, NOW + HOUR];
    const early = await pki.documentFrom({ enclave: { notBefore, notAfter } });
    expect(await pki.code(early, {}, notBefore - 60_000)).toBe('accepted');
    expect(await pki.code(early, {}, notBefore - 60_001)).toBe('certificate_not_yet_valid');
    expect(await pki.code(early, { maxSkewMs: 0 }, notBefore - 1)).toBe('certificate_not_yet_valid');
    expect(await pki.code(early, { maxAgeMs: 2 * HOUR }, notAfter)).toBe('accepted');
    expect(await pki.code(early, { maxAgeMs: 2 * HOUR }, notAfter + 1)).toBe('certificate_expired');
  });

  it.each<[string, number, Partial<Policy>, string]>([
    ['slow beyond the leaf', -HOUR / 2, {}, 'begins in 1799 s, so this clock is at least as far behind'],
    ['slow', -60_001, {}, "this clock is 60.001 s behind the document's: check it"],
    ['fast', 300_001, {}, 'too old, unless this clock is ahead: it is 300.001 s old'],
    [
      'fast, as the answer to our nonce shows',
      300_001,
      { nonce: FIELDS.nonce! },
      "it answers the nonce and is 300.001 s old, so this clock may be ahead of the document's: check it",
    ],
  ])('is told as the reason, with by how much, when the clock is %s', async (_, offset, policy, why) => {
    const verification = pki.verify(genuine, policy, NOW + offset);
    await expect(verification).rejects.toMatchObject({
      message: expect.stringContaining(why),
      mayBeClock: true,
    });
  });

  it('of every certificate counts at every verification: none is remembered', async () => {
    const short = await pki.documentFrom({ zonal: { notAfter: NOW + 1000 } });
    expect(await pki.code(short)).toBe('accepted');
    expect(await pki.code(short, {}, NOW + 2000)).toBe('certificate_expired');
  });
});

describe('expectations', () => {
  it('of nonce, user_data and public_key bind the document to this session', async () => {
    const other = new Uint8Array(32);
    expect(await pki.code(genuine, { nonce: other })).toBe('nonce_mismatch');
    expect(await pki.code(genuine, { userData: other })).toBe('user_data_mismatch');
    expect(await pki.code(genuine, { publicKey: other })).toBe('public_key_missing');
    expect(await pki.code(await pki.document({ publicKey: FIELDS.nonce }), { publicKey: other })).toBe(
      'public_key_mismatch',
    );
  });

  it('tell absent from empty', async () => {
    const absent = await pki.document({ nonce: null, userData: null });
    const empty = await pki.document({ nonce: new Uint8Array() });
    expect(await pki.code(absent, { nonce: '' })).toBe('nonce_missing');
    expect(await pki.code(absent, { userData: '' })).toBe('user_data_missing');
    expect(await pki.code(empty, { nonce: '' })).toBe('accepted');
  });

  it('of PCRs go by index, whatever else is in the bank', async () => {
    const value = FIELDS.pcrs.get(0)!;
    const sparse = await pki.document({
      pcrs: new Map([...FIELDS.pcrs].filter(([index]) => index < 3 || index > 8)),
    });
    expect(await pki.code(sparse, { pcrs: { 8: value } })).toBe('pcr_missing');
    expect(await pki.code(sparse, { pcrs: { 9: value } })).toBe('pcr_mismatch');
    expect(await pki.code(await pki.document({ pcrs: new Map([[1, value]]) }))).toBe('pcr_missing');
  });

  it.each([0, 1, 2])('find debug mode in PCR %i although PCR 3 and 4 are set', async (index) => {
    const pcrs = new Map([...FIELDS.pcrs, [index, new Uint8Array(48)]] as [number, Uint8Array][]);
    expect(await pki.code(await pki.document({ pcrs }))).toBe('debug_mode');
  });
});

describe('CBOR', () => {
  const payload = () => encodePayload(pki.entries());

  it.each<[string, () => Uint8Array, string]>([
    [
      'a key twice',
      () => concatBytes(payload().subarray(0, -1), cbor.text('nonce'), cbor.NULL, cbor.BREAK),
      'cbor_duplicate_key',
    ],
    ['trailing bytes', () => concatBytes(payload(), Uint8Array.of(0)), 'cbor_trailing_bytes'],
    ['no break', () => payload().slice(0, -1), 'cbor_truncated'],
    [
      'a break in a definite map',
      () => concatBytes(Uint8Array.of(0xaf), payload().subarray(1)),
      'cbor_unexpected_break',
    ],
    [
      'a break for a value',
      () => concatBytes(Uint8Array.of(0xbf), cbor.text('nonce'), cbor.BREAK),
      'cbor_unexpected_break',
    ],
    [
      'a huge map',
      () => concatBytes(cbor.paddedHead(5, 2 ** 52, 8), payload().subarray(1)),
      'cbor_unexpected_break',
    ],
    ['a huge array', () => cbor.paddedHead(4, 2 ** 52, 8), 'cbor_truncated'],
    ['a huge string', () => cbor.paddedHead(2, 2 ** 52, 8), 'cbor_truncated'],
    [
      'a number of 64 bits',
      () => concatBytes(Uint8Array.of(0x1b), new Uint8Array(8).fill(255)),
      'cbor_integer_too_large',
    ],
    ['depth', () => new Uint8Array(10_000).fill(0x81), 'cbor_too_deep'],
    ['endless nesting', () => new Uint8Array(10_000).fill(0x9f), 'cbor_too_deep'],
    [
      'a padded length',
      () => concatBytes(cbor.paddedHead(5, 1, 1), cbor.text('x'), cbor.NULL),
      'cbor_not_minimal',
    ],
    ['a string in chunks', () => Uint8Array.of(0x5f, 0x41, 0, 0xff), 'cbor_unsupported'],
    ['a tag', () => Uint8Array.of(0xc1, 0), 'cbor_unsupported'],
    ['a float', () => Uint8Array.of(0xf9, 0, 0), 'cbor_unsupported'],
    ['undefined', () => Uint8Array.of(0xf7), 'cbor_unsupported'],
    ['a map for a key', () => cbor.map([cbor.map(), cbor.NULL]), 'cbor_key_type'],
    ['text that is not UTF-8', () => Uint8Array.of(0x61, 0xff), 'cbor_invalid_text'],
  ])('is refused with %s, even where it is signed', async (_, bytes, code) => {
    expect(await pki.code(await pki.sign(bytes()))).toBe(code);
  });
});

describe('envelope', () => {
  it('may carry tag 18 once, and means the same', async () => {
    const tag = Uint8Array.of(0xd2);
    expect(await pki.code(concatBytes(tag, genuine))).toBe('accepted');
    expect(await pki.code(concatBytes(tag, tag, genuine))).toBe('cbor_unsupported');
    expect(await pki.code(concatBytes(Uint8Array.of(0xd8, 18), genuine))).toBe('cbor_unsupported');
    expect(await pki.code(concatBytes(Uint8Array.of(0xd1), genuine))).toBe('cbor_unsupported');
  });

  it.each<[string, () => Uint8Array, string]>([
    ['nothing', () => new Uint8Array(), 'cbor_truncated'],
    ['three items', () => concatBytes(Uint8Array.of(0x83), genuine.subarray(1)), 'cbor_trailing_bytes'],
    ['a map', () => cbor.map(), 'cose_structure'],
    [
      'an array of indefinite length',
      () => concatBytes(Uint8Array.of(0x9f), genuine.subarray(1), cbor.BREAK),
      'cose_structure',
    ],
    ['a padded count', () => concatBytes(cbor.paddedHead(4, 4, 1), genuine.subarray(1)), 'cbor_not_minimal'],
    ['five items', () => concatBytes(Uint8Array.of(0x85), genuine.subarray(1), cbor.NULL), 'cose_structure'],
    [
      'an unprotected header of indefinite length',
      () => concatBytes(genuine.subarray(0, 6), Uint8Array.of(0xbf, 0xff), genuine.subarray(7)),
      'cose_unprotected_header',
    ],
    [
      'an array for the unprotected header',
      () => concatBytes(genuine.subarray(0, 6), cbor.array(), genuine.subarray(7)),
      'cose_unprotected_header',
    ],
    [
      'a padded length of the protected header',
      () => concatBytes(genuine.subarray(0, 1), Uint8Array.of(0x58, 4), genuine.subarray(2)),
      'cbor_not_minimal',
    ],
    [
      'a payload in chunks',
      () => concatBytes(genuine.subarray(0, 7), Uint8Array.of(0x5f), genuine.subarray(7), cbor.BREAK),
      'cbor_unsupported',
    ],
    ['trailing bytes', () => concatBytes(genuine, Uint8Array.of(0)), 'cbor_trailing_bytes'],
    ['an empty payload', () => envelope(new Uint8Array(), new Uint8Array(96)), 'cose_payload_size'],
    [
      'a payload of 16385 bytes',
      () => envelope(new Uint8Array(16_385), new Uint8Array(96)),
      'cose_payload_size',
    ],
    ['a megabyte', () => new Uint8Array(1 << 20), 'document_too_large'],
    [
      'no payload',
      () => cbor.array(cbor.byteString(PROTECTED_HEADER), cbor.map(), cbor.NULL, cbor.NULL),
      'cose_structure',
    ],
  ])('is refused with %s', async (_, bytes, code) => {
    expect(await pki.code(bytes())).toBe(code);
  });
});

describe('memory', () => {
  const taken = async (document: Uint8Array) => {
    const before = process.memoryUsage().arrayBuffers;
    await pki.code(document);
    return process.memoryUsage().arrayBuffers - before;
  };

  it('is not taken for a document that is too large', async () => {
    expect(await taken(new Uint8Array(1 << 28))).toBeLessThan(1 << 20);
  });

  it('is not taken because a document says that more will come', async () => {
    for (const major of [2, 3, 4, 5]) {
      const claim = concatBytes(genuine.subarray(0, 7), cbor.paddedHead(major, 2 ** 40, 8));
      expect(await taken(claim)).toBeLessThan(1 << 20);
    }
  });
});

describe('certificate', () => {
  const ca = authorityExtensions(1);
  const raw = (constraints: string) => [
    der.extension('551d13', true, fromHex(constraints)!),
    der.keyUsage(0x84),
  ];
  const dates = (notBefore: Uint8Array) => ({ validity: der.sequence(notBefore, der.time(NOW + HOUR)) });
  const utc = (text: string) => der.element(Tag.utcTime, new TextEncoder().encode(text));
  const cut = der.extension('551d93', false, der.sequence());
  const point = concatBytes(Uint8Array.of(4), new Uint8Array(96));
  const spki = der.sequence(
    der.sequence(der.oid('2a8648ce3d0201'), der.oid('2b81040022')),
    der.bitString(point),
  );

  it.each<[string, Partial<CertificateOptions>, string]>([
    ['a trailing field', { trailing: der.sequence() }, 'certificate_malformed'],
    ['an extension twice', { extensions: [...ca, ca[0]!] }, 'certificate_duplicate_extension'],
    [
      'BasicConstraints twice, CA last',
      { extensions: [der.basicConstraints(false), ...ca] },
      'certificate_duplicate_extension',
    ],
    [
      'an unknown critical extension',
      { extensions: [...ca, der.extension('551d1e', true, der.sequence())] },
      'certificate_unknown_critical_extension',
    ],
    ['TRUE written as 1', { extensions: raw('3003010101') }, 'certificate_malformed'],
    ['FALSE written out', { extensions: raw('3003010100') }, 'certificate_malformed'],
    ['a path length without CA', { extensions: raw('3003020100') }, 'certificate_malformed'],
    ['a negative path length', { extensions: raw('30060101ff0201ff') }, 'certificate_malformed'],
    ['a padded path length', { extensions: raw('30070101ff02020001') }, 'certificate_malformed'],
    ['an indefinite length', { extensions: raw('30800101ff0000') }, 'certificate_malformed'],
    ['a padded length', { extensions: raw('3081030101ff') }, 'certificate_malformed'],
    ['something after BasicConstraints', { extensions: raw('30030101ff0500') }, 'certificate_malformed'],
    [
      'a key usage without bits',
      { extensions: [ca[0]!, der.extension('551d0f', true, fromHex('030100')!)] },
      'certificate_malformed',
    ],
    ['version 1', { version: new Uint8Array() }, 'certificate_version'],
    [
      'version 4',
      { version: der.element(Tag.context0, der.integer(Uint8Array.of(3))) },
      'certificate_version',
    ],
    ['an empty serial number', { serialNumber: fromHex('0200')! }, 'certificate_malformed'],
    ['a padded serial number', { serialNumber: fromHex('02020001')! }, 'certificate_malformed'],
    [
      'a padded object identifier, which would hide a second BasicConstraints',
      { extensions: [...ca, der.extension('55801d13', false, der.sequence())] },
      'certificate_malformed',
    ],
    ['an object identifier cut short', { extensions: [...ca, cut] }, 'certificate_malformed'],
    ['unique identifiers', { publicKeyInfo: concatBytes(spki, fromHex('810100')!) }, 'certificate_malformed'],
    ['the 31st of February', dates(utc('250231000000Z')), 'certificate_date'],
    ['a date without seconds', dates(utc('2502010000Z')), 'certificate_date'],
    ['a date in a time zone', dates(utc('250201000000+0100')), 'certificate_date'],
    [
      'GeneralizedTime before 2050',
      dates(der.element(Tag.generalizedTime, new TextEncoder().encode('20250201000000Z'))),
      'certificate_date',
    ],
  ])('is refused with %s', async (_, change, code) => {
    expect(await pki.code(await pki.documentFrom({ zonal: change }))).toBe(code);
  });

  it('may carry unknown extensions that are not critical', async () => {
    const extensions = [...ca, der.extension('551d1f', false, der.sequence())];
    expect(await pki.code(await pki.documentFrom({ zonal: { extensions } }))).toBe('accepted');
  });

  it.each<[string, (r: Bytes, s: Bytes) => Uint8Array[], string]>([
    ['r of 0', (_, s) => [fromHex('020100')!, der.integer(s)], 'chain_signature_invalid'],
    ['r of the order', (_, s) => [der.integer(scalar(ORDER)), der.integer(s)], 'chain_signature_invalid'],
    [
      'a negative r',
      (r, s) => [der.element(Tag.integer, Uint8Array.of(0x80), r), der.integer(s)],
      'certificate_malformed',
    ],
    [
      'a padded r',
      (r, s) => [der.element(Tag.integer, new Uint8Array(2), r), der.integer(s)],
      'certificate_malformed',
    ],
    [
      'r of 49 bytes',
      (r, s) => [der.element(Tag.integer, Uint8Array.of(1), r), der.integer(s)],
      'certificate_malformed',
    ],
    ['a third number', (r, s) => [der.integer(r), der.integer(s), der.integer(s)], 'certificate_malformed'],
    ['one number', (r) => [der.integer(r)], 'certificate_malformed'],
  ])('is refused with a signature that has %s', async (_, numbers, code) => {
    const signatureValue = (pair: Bytes) =>
      der.bitString(der.sequence(...numbers(pair.slice(0, 48), pair.slice(48))));
    expect(await pki.code(await pki.documentFrom({ zonal: { signatureValue } }))).toBe(code);
  });

  it('is refused with a signature of r and s in place of DER, or with bits to spare', async () => {
    const raw = { signatureValue: (pair: Bytes) => der.bitString(pair) };
    const spare = { signatureValue: (pair: Bytes) => der.bitString(pair, 1) };
    for (const zonal of [raw, spare])
      expect(await pki.code(await pki.documentFrom({ zonal }))).toBe('certificate_malformed');
  });

  it('names the same algorithm inside and outside of what is signed', async () => {
    const outerAlgorithm = der.sequence(der.oid('2a8648ce3d040302'));
    expect(await pki.code(await pki.documentFrom({ zonal: { outerAlgorithm } }))).toBe(
      'certificate_algorithm',
    );
  });

  it('may have a serial number of any length and sign, and extensions in any order', async () => {
    for (const serial of [
      '020100',
      '020101',
      '0201ff',
      `0214${'7f'.repeat(20)}`,
      `0215${'00ff'.repeat(10)}7f`,
    ])
      expect(await pki.code(await pki.documentFrom({ zonal: { serialNumber: fromHex(serial)! } }))).toBe(
        'accepted',
      );
    const reversed = { extensions: authorityExtensions(1).reverse() };
    expect(await pki.code(await pki.documentFrom({ zonal: reversed }))).toBe('accepted');
  });

  it('may bear names of any string type, which are compared as they are', async () => {
    const names = [0x0c, 0x13, 0x14, 0x16].map((tag) => named(tag, 'x.y'));
    for (const subjectName of names)
      expect(await pki.code(await pki.documentFrom({ enclave: { subjectName } }))).toBe('accepted');
    for (const subjectName of [named(0x03, 'x'), named(0x1f, 'x'), named(0x0c, 'x').with(-1, 0xff)])
      expect(await pki.code(await pki.documentFrom({ enclave: { subjectName } }))).toBe(
        'certificate_malformed',
      );
  });

  it('is one certificate, without bytes behind it', async () => {
    const leaf = {
      ...pki.chain.leaf,
      certificate: concatBytes(pki.chain.leaf.certificate, Uint8Array.of(0)),
    };
    expect(await pki.code(await pki.document({}, { ...pki.chain, leaf }))).toBe('certificate_malformed');
  });

  it('that outlives 2049 is dated as such', async () => {
    const chain = await issueChain(pki.root, NOW, { regional: { notAfter: Date.UTC(2055, 0, 1) } });
    expect(await pki.code(await pki.document({}, chain))).toBe('accepted');
  });
});

/** A Name of one common name of this string type. */
function named(tag: number, name: string): Bytes {
  const value = der.element(tag, new TextEncoder().encode(name));
  return der.sequence(der.element(Tag.set, der.sequence(der.oid('550403'), value)));
}

function scalar(value: bigint): Bytes {
  return fromHex(value.toString(16).padStart(96, '0'))!;
}
