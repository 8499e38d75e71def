import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { ANY, UNCHECKED } from './policy.ts';
import * as cbor from './testing/cbor.ts';
import { FIELDS, Fixture, NOW } from './testing/fixture.ts';
import { encodePayload } from './testing/issue.ts';
import { verifyAttestation } from './verify.ts';

const zero = new Uint8Array(48);
const [pcr0, pcr1] = [FIELDS.pcrs.get(0)!, FIELDS.pcrs.get(1)!];

let pki: Fixture;
let genuine: Uint8Array;

beforeAll(async () => {
  pki = await Fixture.create();
  genuine = await pki.document();
});

describe('verifyAttestation accepts', () => {
  it('a document that is everything the policy asks for, and says what it checked', async () => {
    const verified = await pki.verify(genuine, {
      pcrs: { 0: pcr0, 1: toHex(pcr1) },
      nonce: FIELDS.nonce!,
      userData: FIELDS.userData!,
    });
    expect(verified).toMatchObject({
      moduleId: FIELDS.moduleId,
      timestamp: NOW,
      digest: 'SHA384',
      root: { aws: false },
    });
    expect(verified.checks.filter(({ passed }) => passed !== true).map(({ name }) => name)).toEqual([
      'public_key',
    ]);
  });

  it.each([
    ['a definite payload map', (entries: Record<string, Uint8Array>) => cbor.map(...pairs(entries))],
    [
      'optional fields left out',
      ({ nonce, user_data, public_key, ...rest }: Record<string, Uint8Array>) => encodePayload(rest),
    ],
    [
      'another order of fields',
      (entries: Record<string, Uint8Array>) => cbor.map(...pairs(entries).reverse()),
    ],
    [
      'empty optional fields',
      (entries: Record<string, Uint8Array>) =>
        encodePayload({ ...entries, public_key: cbor.byteString(new Uint8Array()) }),
    ],
    [
      'user_data of 746 bytes',
      (entries: Record<string, Uint8Array>) =>
        encodePayload({ ...entries, user_data: cbor.byteString(new Uint8Array(746)) }),
    ],
    [
      'a nonce of 1025 bytes',
      (entries: Record<string, Uint8Array>) =>
        encodePayload({ ...entries, nonce: cbor.byteString(new Uint8Array(1025)) }),
    ],
  ])('%s, as real documents have or may have', async (_, change) => {
    expect(await pki.code(await pki.sign(change(pki.entries())))).toBe('accepted');
  });

  it('17 and 32 PCRs, and sparse ones', async () => {
    for (const indices of [[...Array(17).keys()], [...Array(32).keys()], [0, 1, 2, 31]]) {
      const pcrs = new Map(indices.map((index) => [index, new Uint8Array(48).fill(index + 1)]));
      expect(await pki.code(await pki.document({ pcrs }))).toBe('accepted');
    }
  });

  it('a document whose buffer is changed meanwhile, as it was', async () => {
    const shared = genuine.slice();
    const verification = pki.verify(shared);
    shared.fill(0);
    expect((await verification).moduleId).toBe(FIELDS.moduleId);
  });

  it('a document of debug mode only where the policy allows it', async () => {
    const pcrs = new Map([...FIELDS.pcrs].map(([index, pcr]) => [index, index < 3 ? zero : pcr]));
    const document = await pki.document({ pcrs });
    expect(await pki.code(document)).toBe('debug_mode');
    expect(await pki.code(document, { allowDebug: true, pcrs: { 0: zero } })).toBe('accepted');
  });
});

describe('verifyAttestation refuses a policy', () => {
  it.each([
    ['without PCRs', { pcrs: {} }, 'policy_pcrs_missing'],
    ['with undefined PCRs', { pcrs: undefined }, 'policy_pcrs_missing'],
    ['with null PCRs', { pcrs: null }, 'policy_pcrs_missing'],
    ['with an undefined PCR', { pcrs: { 0: undefined } }, 'policy_pcr_invalid'],
    ['with an empty PCR', { pcrs: { 0: '' } }, 'policy_pcr_invalid'],
    ['with a PCR of index 00', { pcrs: { 0: pcr1, '00': pcr0 } }, 'policy_pcr_invalid'],
    ['with a PCR of no index', { pcrs: { '': pcr0 } }, 'policy_pcr_invalid'],
    [
      'with PCRs in a Map, whose entries nobody would see',
      { pcrs: new Map([[0, pcr0]]) },
      'policy_pcrs_missing',
    ],
    ['with a PCR beyond the bank', { pcrs: { 32: pcr0 } }, 'policy_pcr_invalid'],
    ['that expects debug mode', { pcrs: { 0: zero } }, 'policy_pcr_zero'],
    ['with an undefined nonce', { nonce: undefined }, 'policy_expectation_missing'],
    ['with null user_data', { userData: null }, 'policy_expectation_missing'],
    ['with an undefined public key', { publicKey: undefined }, 'policy_expectation_missing'],
    ['with a nonce that is not hexadecimal', { nonce: 'xyz' }, 'policy_expectation_invalid'],
    ["with the nonce 'any', as a client may send it", { nonce: 'any' }, 'policy_expectation_invalid'],
    ["with the user_data 'any'", { userData: 'any' }, 'policy_expectation_invalid'],
    ["with the public key 'any'", { publicKey: 'any' }, 'policy_expectation_invalid'],
    ["with the PCRs 'any'", { pcrs: 'any' }, 'policy_pcrs_missing'],
    ["with the PCR 'any'", { pcrs: { 0: 'any' } }, 'policy_pcr_invalid'],
    ['with a PCR that is not checked', { pcrs: { 0: UNCHECKED } }, 'policy_pcr_invalid'],
    [
      'with a symbol of the same name',
      { nonce: Symbol(UNCHECKED.description) },
      'policy_expectation_invalid',
    ],
    ['with a root that is no certificate', { root: 'none' }, 'policy_root_invalid'],
    ['with an empty root', { root: new Uint8Array() }, 'policy_root_invalid'],
    ['with an age that is not a number', { maxAgeMs: Number.NaN }, 'policy_time_invalid'],
  ])('%s', async (_, policy, code) => {
    expect(await pki.code(genuine, policy as object)).toBe(code);
  });

  it('with a clock that is not a number', async () => {
    await expect(verifyAttestation(genuine, Number.NaN, ANY)).rejects.toMatchObject({
      code: 'policy_time_invalid',
    });
  });
});

describe('verifyAttestation refuses a payload', () => {
  const pcrs = (...entries: [Uint8Array, Uint8Array][]) => cbor.map(...entries);
  const pcr = cbor.byteString(pcr0);

  it.each([
    ['of a NitroTPM', { nitrotpm_pcrs: cbor.map() }, 'document_nitrotpm'],
    [
      'of a NitroTPM by its module, whatever its fields',
      { module_id: cbor.text('i-05473b8eb5f575457-tpm0000000000000000') },
      'document_nitrotpm',
    ],
    ['with an unknown field', { extra: cbor.NULL }, 'document_field_unknown'],
    ['with null for its certificate', { certificate: cbor.NULL }, 'document_field_missing'],
    ['with text for its certificate', { certificate: cbor.text('x') }, 'document_field_type'],
    [
      'with an empty certificate',
      { certificate: cbor.byteString(new Uint8Array()) },
      'document_certificate_size',
    ],
    [
      'with a huge certificate',
      { certificate: cbor.byteString(new Uint8Array(1025)) },
      'document_certificate_size',
    ],
    ['with an empty cabundle', { cabundle: cbor.array() }, 'document_cabundle_size'],
    [
      'with a long cabundle',
      { cabundle: cbor.array(...Array(9).fill(cbor.byteString(zero))) },
      'document_cabundle_size',
    ],
    ['with null for its cabundle', { cabundle: cbor.NULL }, 'document_field_missing'],
    ['with an empty module_id', { module_id: cbor.text('') }, 'document_module_id'],
    ['with another digest', { digest: cbor.text('SHA256') }, 'document_digest'],
    ['with timestamp 0', { timestamp: cbor.uint(0) }, 'document_timestamp'],
    ['with a negative timestamp', { timestamp: cbor.negative(-5) }, 'document_timestamp'],
    ['with a timestamp as text', { timestamp: cbor.text('1') }, 'document_field_type'],
    ['without any PCR', { pcrs: pcrs() }, 'document_pcr_count'],
    ['with PCR 32', { pcrs: pcrs([cbor.uint(32), pcr]) }, 'document_pcr_index'],
    ['with PCR -1', { pcrs: pcrs([cbor.negative(-1), pcr]) }, 'document_pcr_index'],
    ['with PCR "0"', { pcrs: pcrs([cbor.text('0'), pcr]) }, 'document_pcr_index'],
    ['with one PCR twice', { pcrs: pcrs([cbor.uint(0), pcr], [cbor.uint(0), pcr]) }, 'cbor_duplicate_key'],
    [
      'with a PCR of 32 bytes',
      { pcrs: pcrs([cbor.uint(0), cbor.byteString(new Uint8Array(32))]) },
      'document_pcr_length',
    ],
    ['with a nonce as text', { nonce: cbor.text('x') }, 'document_field_type'],
    [
      'with user_data beyond an NSM request',
      { user_data: cbor.byteString(new Uint8Array(4097)) },
      'document_field_size',
    ],
  ])('%s', async (_, change, code) => {
    expect(await pki.code(await pki.sign({ ...pki.entries(), ...change }))).toBe(code);
  });

  it.each(['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'])(
    'without %s',
    async (name) => {
      const { [name]: _, ...rest } = pki.entries();
      expect(await pki.code(await pki.sign(rest))).toBe('document_field_missing');
    },
  );

  it('that is not a map', async () => {
    expect(await pki.code(await pki.sign(cbor.array()))).toBe('document_structure');
  });
});

function pairs(entries: Record<string, Uint8Array>): Uint8Array[][] {
  return Object.entries(entries).map(([name, value]) => [cbor.text(name), value]);
}
