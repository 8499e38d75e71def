import { describe, expect, it } from 'vitest';
import { type Binding, decodeBinding, encodeBinding, userData } from './binding.ts';
import { concatBytes, toHex } from './bytes.ts';

const address = (digit: string) => `0x${digit.repeat(64)}`;
const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);

/** The vector that the Move tests of `enclave_registry` assert as well. */
const VECTOR: { binding: Binding; bcs: string; userData: string } = {
  binding: {
    chainId: '4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S',
    packageId: address('1'),
    clusterId: address('2'),
    operator: address('3'),
    tlsSpkiSha256: filled(32, 0x44),
    caSha256: filled(32, 0x55),
    hpkePublicKey: filled(32, 0x66),
    committeeDigest: filled(32, 0x77),
    committeeEpoch: 0x0102030405060708n,
    bootId: filled(16, 0x88),
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
  },
  bcs: '022c3462746975694d507645454e737474705a4337435a353344727543334d4167667a6e446241535a3744523653111111111111111111111111111111111111111111111111111111111111111122222222222222222222222222222222222222222222222222222222222222223333333333333333333333333333333333333333333333333333333333333333204444444444444444444444444444444444444444444444444444444444444444205555555555555555555555555555555555555555555555555555555555555555206666666666666666666666666666666666666666666666666666666666666666207777777777777777777777777777777777777777777777777777777777777777080706050403020110888888888888888888888888888888880c31302e34322e302e302f31360c31302e34332e302e302f3136',
  userData: 'af5d7cc58d7bf6d2cea86e40c05cbec66752c23af0110d0f506d35b2cc7489fc',
};

describe('binding', () => {
  it('has the bytes and the hash of the shared vector', async () => {
    expect(toHex(encodeBinding(VECTOR.binding))).toBe(VECTOR.bcs);
    expect(toHex(await userData(VECTOR.binding))).toBe(VECTOR.userData);
  });

  it('reads back what it wrote', () => {
    expect(decodeBinding(encodeBinding(VECTOR.binding))).toEqual(VECTOR.binding);
  });

  it('changes its hash with every field', async () => {
    const others: Partial<Binding>[] = [
      { chainId: '4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6T' },
      { packageId: address('9') },
      { clusterId: address('9') },
      { operator: address('9') },
      { tlsSpkiSha256: filled(32, 9) },
      { caSha256: filled(32, 9) },
      { hpkePublicKey: filled(32, 9) },
      { committeeDigest: filled(32, 9) },
      { committeeEpoch: 9n },
      { bootId: filled(16, 9) },
      { clusterCidr: '10.44.0.0/16' },
      { serviceCidr: '10.44.0.0/16' },
    ];
    const hashes = await Promise.all(others.map((other) => userData({ ...VECTOR.binding, ...other })));
    expect(new Set([...hashes.map(toHex), VECTOR.userData]).size).toBe(others.length + 1);
  });

  it.each([
    ['a short key', { hpkePublicKey: filled(31, 1) }],
    ['a long boot id', { bootId: filled(17, 1) }],
    ['a short address', { operator: '0x5' }],
    ['an address in capitals', { operator: address('A') }],
    ['a chain id of 128 characters', { chainId: 'x'.repeat(128) }],
    ['a chain id that is not text', { chainId: '\ud800' }],
    ['a negative epoch', { committeeEpoch: -1n }],
    ['an epoch of 65 bits', { committeeEpoch: 2n ** 64n }],
    ['a range of pods that is no network', { clusterCidr: '10.42.0.1/16' }],
    ['a range of Services in another spelling', { serviceCidr: '10.43.00.0/16' }],
  ])('refuses to write %s', (_, field) => {
    expect(() => encodeBinding({ ...VECTOR.binding, ...field })).toThrow(
      expect.objectContaining({ code: 'binding_field' }),
    );
  });

  it('refuses to read another version, trailing bytes, truncated bytes padded lengths and text that is none', () => {
    const bytes = encodeBinding(VECTOR.binding);
    const padded = concatBytes(bytes.subarray(0, 1), Uint8Array.of(bytes[1]! | 0x80, 0), bytes.subarray(2));
    const refusals = [
      bytes.with(0, 1),
      concatBytes(bytes, filled(1, 0)),
      bytes.subarray(0, -1),
      padded,
      bytes.with(2, 0xff),
      bytes.with(-1, '3'.charCodeAt(0)), // 10.43.0.0/13 has bits beyond its prefix
      filled(0, 0),
    ];
    const codes = refusals.map((refused) => {
      try {
        return decodeBinding(refused);
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    expect(codes).toEqual([
      'binding_version',
      'binding_malformed',
      'binding_malformed',
      'binding_malformed',
      'binding_malformed',
      'binding_malformed',
      'binding_version',
    ]);
  });
});
