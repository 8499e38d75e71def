import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareTcb, describeTcb, LIST } from './tcb.ts';

const ADVICE =
  'what is in the image has changed; if that is meant, write its list anew: bin/node eif/rootfs/tcb.ts';

describe('the list of what is in the image', () => {
  it('is what is in the image', async () => {
    const now = await describeTcb(resolve(import.meta.dirname, '../..'));
    expect(compareTcb(await readFile(LIST, 'utf8'), now), ADVICE).toEqual([]);
  });

  const list = 'a, at most 16 KiB\n  x.ts\nb, at most 16 KiB\n  x.ts\n\np 1.0.0, 2 files, at most 3 KiB\n';

  it.each([
    ['another source', '  x.ts\nb', '  x.ts\n  y.ts\nb', ['+ a/y.ts']],
    ['a source less', 'b, at most 16 KiB\n  x.ts', 'b, at most 16 KiB', ['- b/x.ts']],
    ['sources that outgrow their room', 'a, at most 16', 'a, at most 32', ['a has grown from 16 to 32 KiB']],
    ['another version', '1.0.0', '1.0.1', ['+ p 1.0.1, 2 files', '- p 1.0.0, 2 files']],
    ['another file of a package', '2 files', '3 files', ['+ p 1.0.0, 3 files', '- p 1.0.0, 2 files']],
    ['a larger package', '3 KiB', '4 KiB', ['p 1.0.0, 2 files has grown from 3 to 4 KiB']],
  ])('tells of %s', (_what, old, now, differences) => {
    expect(compareTcb(list, list.replace(old, now))).toEqual(differences);
  });

  it('tells nothing of what has shrunk', () => {
    expect(compareTcb(list, list.replace('3 KiB', '2 KiB'))).toEqual([]);
  });
});
