import { describe, expect, it } from 'vitest';
import { readParentCid } from './command-line.ts';

const MACHINE = 'reboot=k panic=-1 virtio_mmio.device=4K@0xfeb00e00:24';

describe('readParentCid', () => {
  it('is the parent instance on AWS when nothing is said', () => {
    expect(readParentCid(MACHINE)).toBe(3);
  });

  it('is what the command line says, the last word when it says several', () => {
    expect(readParentCid(`daasvader.parent_cid=2 ${MACHINE}`)).toBe(2);
    expect(readParentCid(`daasvader.parent_cid=7 ${MACHINE} daasvader.parent_cid=2`)).toBe(2);
  });

  it('refuses what is no context id of another side', () => {
    for (const cid of ['', '0', '1', '-2', '2.5', 'host', '4294967295', '2x'])
      expect(() => readParentCid(`daasvader.parent_cid=${cid}`)).toThrow(
        expect.objectContaining({ code: 'command-line' }),
      );
  });
});
