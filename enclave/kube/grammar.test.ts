import { expect, test } from 'vitest';
// The node's own test reads the same table: containerd takes each for an image of the same registry.
import images from '../../k3s/agent/testdata/images.json' with { type: 'json' };
import { isImage } from './grammar.ts';

test.each(images)('image $reference: accepted $accepted', ({ reference, accepted }) => {
  expect(isImage(reference)).toBe(accepted);
});

test('an image reference of more than 255 characters is refused', () => {
  expect(isImage(`ghcr.io/${'a'.repeat(247)}`)).toBe(true);
  expect(isImage(`ghcr.io/${'a'.repeat(248)}`)).toBe(false);
});
