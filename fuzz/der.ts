import { type Bytes, concatBytes } from '@daasvader/attestation/bytes.ts';
import { element } from '@daasvader/attestation/testing/der.ts';
import type { Mutator } from './mutate.ts';
import type { Random } from './random.ts';

/** A DER element as a tree, so that a change deep inside leaves all lengths above it right. */
interface Node {
  tag: number;
  contents: Bytes | Node[];
}

const TAGS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x18, 0x30, 0x31, 0xa0, 0xa3];
const CONSTRUCTED = 0x20;

/** Removes, repeats, moves or changes one element of a certificate. Other inputs stay as they are. */
export const mutateDer: Mutator = (bytes, random, other) => {
  const [tree, foreign] = [parse(bytes), parse(other)];
  if (tree === undefined) return bytes;
  const nodes = flatten(tree);
  const parents = nodes.filter(({ contents }) => Array.isArray(contents) && contents.length > 0);
  if (parents.length === 0) return bytes;
  const siblings = random.pick(parents).contents as Node[];
  // A copy: an element that held itself would have no end.
  change(siblings, random, structuredClone(random.pick(flatten(foreign ?? tree))));
  return encode(tree);
};

function change(siblings: Node[], random: Random, foreign: Node): void {
  const at = random.below(siblings.length);
  const node = siblings[at]!;
  switch (random.below(6)) {
    case 0:
      siblings.splice(at, 1);
      break;
    case 1:
      siblings.splice(at, 0, node);
      break;
    case 2:
      siblings.splice(random.below(siblings.length), 1, node);
      break;
    case 3:
      siblings.splice(at, random.below(2), foreign);
      break;
    case 4:
      siblings[at] = { ...node, tag: random.pick(TAGS) };
      break;
    default:
      if (!Array.isArray(node.contents)) siblings[at] = { ...node, contents: bend(node.contents, random) };
  }
}

/** Primitive contents with a byte changed, added or removed. */
function bend(bytes: Bytes, random: Random): Bytes {
  const at = random.below(bytes.length + 1);
  const kept = random.below(2);
  const added = Uint8Array.from({ length: random.below(3) }, () => random.below(256));
  return concatBytes(bytes.subarray(0, at), added, bytes.subarray(at + 1 - kept));
}

function flatten(node: Node): Node[] {
  return [node, ...(Array.isArray(node.contents) ? node.contents.flatMap(flatten) : [])];
}

function encode({ tag, contents }: Node): Bytes {
  return Array.isArray(contents) ? element(tag, ...contents.map(encode)) : element(tag, contents);
}

/** Reads one element loosely: only what it takes to find its parts. */
function parse(bytes: Bytes): Node | undefined {
  const nodes = parseAll(bytes, 0);
  return nodes?.length === 1 ? nodes[0] : undefined;
}

function parseAll(bytes: Bytes, depth: number): Node[] | undefined {
  const nodes: Node[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const [tag, first = 0] = bytes.subarray(offset);
    const width = first > 0x80 ? first - 0x80 : 0;
    const digits = bytes.subarray(offset + 2, offset + 2 + width);
    const length = width === 0 ? first : digits.reduce((sum, digit) => sum * 256 + digit, 0);
    const start = offset + 2 + width;
    offset = start + length;
    if (width > 2 || offset > bytes.length) return undefined;
    const contents = bytes.slice(start, offset);
    const isConstructed = (tag! & CONSTRUCTED) !== 0 && depth < 12;
    nodes.push({ tag: tag!, contents: (isConstructed && parseAll(contents, depth + 1)) || contents });
  }
  return nodes;
}
