import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCircles, type ImportGraph, reach, readImportGraph } from './support/import-graph.ts';

// Who may import whom. Imports of types alone do not exist when a program runs, and do not count. Starting another
// part's program is no import.

/** By part, the parts that its files may import besides their own. `testing` is what a part has for tests alone. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  // What more than one part needs.
  'lib/attestation': [],
  'lib/checkpoint': [],
  'lib/seal': [],
  'lib/vsock': [],
  'lib/eif': ['lib/attestation'],
  'lib/program': ['lib/attestation'],
  'lib/chain': ['lib/checkpoint', 'lib/program'],
  'lib/move': ['lib/chain'],
  'lib/verifier': ['lib/attestation', 'lib/chain', 'lib/program'],

  // What is shipped: the image and its recipe, and what hosts, providers and users run.
  enclave: [
    'lib/attestation',
    'lib/chain',
    'lib/checkpoint',
    'lib/program',
    'lib/seal',
    'lib/verifier',
    'lib/vsock',
    'verify-page',
  ],
  'verify-page': ['lib/attestation', 'lib/verifier'],
  eif: ['lib/eif'],
  'host-proxy': ['lib/attestation', 'lib/chain', 'lib/program', 'lib/vsock'],
  'worker-agent': ['lib/attestation', 'lib/chain', 'lib/program', 'lib/seal', 'lib/verifier', 'lib/vsock'],
  cli: ['lib/attestation', 'lib/chain', 'lib/eif', 'lib/move', 'lib/program', 'lib/verifier'],

  // What stands in for something real, and who shows and measures with it.
  testbed: [
    'enclave',
    'enclave/testing',
    'host-proxy',
    'lib/attestation',
    'lib/attestation/testing',
    'lib/chain',
    'lib/checkpoint',
    'lib/move',
    'lib/program',
    'lib/seal',
    'lib/verifier',
    'lib/vsock',
    'testbed/testing',
  ],
  demo: ['cli', 'lib/chain', 'lib/verifier', 'testbed'],
  bench: [
    'cli',
    'enclave',
    'host-proxy',
    'lib/attestation',
    'lib/attestation/testing',
    'lib/chain',
    'lib/checkpoint',
    'lib/verifier',
    'lib/vsock',
    'testbed',
    'testbed/testing',
  ],
  fuzz: ['lib/attestation', 'lib/attestation/testing'],
  contracts: [],
  k3s: [],
};

/** By room of the enclave, the rooms that its files may import besides their own; what lies beside them is for all. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  init: ['boot', 'nsm'],
  boot: ['api', 'audit', 'chain', 'kube', 'nsm'],
  api: ['audit', 'chain', 'kube', 'nsm'],
  kube: ['audit', 'chain'],
  chain: ['audit', 'nsm'],
  audit: [],
  nsm: [],
};

/** Tests, and what is for tests, import whatever they test, and the testbed. */
const IS_TEST = /^test\/|\.test\.ts$|\/testing\/|^testbed\/(?:[a-z]+\/)?test\//;

/** What holds for everything that is loaded with a part, however many imports are in between. */
const NEVER_LOADS: readonly { who: RegExp; whom: RegExp; because: string }[] = [
  {
    who: /^(?:enclave|lib|verify-page|eif|host-proxy|worker-agent|cli)\//,
    whom: /^testbed\/|\/testing\//,
    because: 'what is shipped is real',
  },
  {
    who: /^lib\/chain\//,
    whom: /^lib\/move\//,
    because: 'who reads the contracts needs no compiler and no VM',
  },
  { who: /^host-proxy\//, whom: /^enclave\//, because: 'the host is trusted with availability only' },
  { who: /^verify-page\//, whom: /^(?:enclave|host-proxy)\//, because: 'the page judges them' },
  { who: /^testbed\//, whom: /^(?:demo|test)\//, because: 'they are made with it' },
];

/** What a browser runs of the verifier's page: it has neither Node nor packages. */
const IN_BROWSER = 'verify-page/start.ts';

/** The part that a file belongs to; undefined for one at the top, which configures a tool. */
function partOf(file: string): string | undefined {
  const [part] = /^(?:lib\/)?[^/]+(?=\/)/.exec(file) ?? [];
  return part && file.includes('/testing/') ? `${part}/testing` : part;
}

/** Imports that the table does not have. */
function findTrespasses(graph: ImportGraph, table: typeof MAY_IMPORT): string[] {
  const trespasses: string[] = [];
  for (const [file, imports] of graph) {
    const part = partOf(file);
    if (part === undefined || IS_TEST.test(file)) continue;
    const allowed = table[part];
    if (allowed === undefined) trespasses.push(`${file} is of no part in the table`);
    for (const imported of imports.filter((name) => graph.has(name))) {
      const other = partOf(imported) ?? imported;
      if (other !== part && !allowed?.includes(other)) trespasses.push(`${file} imports ${imported}`);
    }
  }
  return trespasses;
}

/** Imports between rooms of the enclave that the table does not have. */
function findIntrusions(graph: ImportGraph, rooms: typeof ROOMS): string[] {
  const roomOf = (file: string) => /^enclave\/([^/]+)\//.exec(file)?.[1];
  return [...graph].flatMap(([file, imports]) => {
    const room = roomOf(file);
    if (room === undefined || IS_TEST.test(file)) return [];
    const isAllowed = (other: string) => other === room || rooms[room]?.includes(other);
    return imports
      .filter((imported) => !isAllowed(roomOf(imported) ?? room))
      .map((imported) => `${file} imports ${imported}`);
  });
}

/** What is loaded against a rule. */
function findBreaches(graph: ImportGraph, { who, whom, because }: (typeof NEVER_LOADS)[number]): string[] {
  return [...graph.keys()]
    .filter((file) => who.test(file) && !IS_TEST.test(file))
    .flatMap((file) => {
      const found = [...reach(graph, [file])].find((loaded) => whom.test(loaded));
      return found === undefined ? [] : [`${file} loads ${found}, but ${because}`];
    });
}

/** What is imported that is no file of the repository. */
function findForeign(graph: ImportGraph, entry: string): string[] {
  return [...reach(graph, [entry])].filter((name) => !graph.has(name));
}

describe('in this repository', () => {
  const graph = readImportGraph(resolve(import.meta.dirname, '..'));

  test('each part imports the parts that it may', () => {
    expect(findTrespasses(graph, MAY_IMPORT)).toEqual([]);
  });

  test('each room of the enclave imports the rooms that it may', () => {
    expect(findIntrusions(graph, ROOMS)).toEqual([]);
  });

  test('each part in the table is there', () => {
    const parts = new Set([...graph.keys()].map(partOf));
    expect(Object.keys(MAY_IMPORT).filter((part) => !parts.has(part))).toEqual([]);
  });

  test.each(NEVER_LOADS)('$who never loads $whom: $because', (rule) => {
    expect(findBreaches(graph, rule)).toEqual([]);
  });

  test('what runs in the browser is our own and loads nothing of Node', () => {
    expect(graph.has(IN_BROWSER)).toBe(true);
    expect(findForeign(graph, IN_BROWSER)).toEqual([]);
  });

  test('no imports go in a circle', () => {
    expect(findCircles(graph)).toEqual([]);
  });
});

describe('in a repository that was made up', () => {
  const graph: ImportGraph = new Map([
    ['enclave/main.ts', ['lib/a/a.ts', 'koa']],
    ['enclave/main.test.ts', ['testbed/cluster.ts']],
    ['lib/a/a.ts', ['lib/a/b.ts']],
    ['lib/a/b.ts', ['lib/a/testing/c.ts', 'lib/a/d.ts']],
    ['lib/a/d.ts', ['lib/a/a.ts', 'node:fs']],
    ['lib/a/testing/c.ts', []],
    ['testbed/cluster.ts', ['enclave/main.ts']],
    ['other/x.ts', []],
    ['vitest.config.ts', []],
  ]);
  const table = { enclave: [], 'lib/a': [], testbed: ['enclave'] };

  test('an import that the table does not have is found, but for those of tests, and a part that it does not have', () => {
    expect(findTrespasses(graph, table)).toEqual([
      'enclave/main.ts imports lib/a/a.ts',
      'lib/a/b.ts imports lib/a/testing/c.ts',
      'other/x.ts is of no part in the table',
    ]);
    const allowed = { enclave: ['lib/a'], 'lib/a': ['lib/a/testing'], testbed: ['enclave'], other: [] };
    expect(findTrespasses(graph, allowed)).toEqual([]);
  });

  test('an import between rooms that their table does not have is found, but for those of tests', () => {
    const files: ImportGraph = new Map([
      ['enclave/kube/a.ts', ['enclave/chain/b.ts', 'enclave/log.ts', 'enclave/kube/c.ts']],
      ['enclave/chain/b.ts', ['enclave/kube/a.ts']],
      ['enclave/chain/b.test.ts', ['enclave/kube/a.ts']],
      ['enclave/attic/d.ts', ['enclave/kube/a.ts']],
    ]);
    expect(findIntrusions(files, { kube: ['chain'], chain: [] })).toEqual([
      'enclave/chain/b.ts imports enclave/kube/a.ts',
      'enclave/attic/d.ts imports enclave/kube/a.ts',
    ]);
  });

  test('what is loaded at the end of many imports is found', () => {
    const rule = { who: /^enclave\//, whom: /\/testing\//, because: 'so' };
    expect(findBreaches(graph, rule)).toEqual(['enclave/main.ts loads lib/a/testing/c.ts, but so']);
    expect(findBreaches(graph, { ...rule, whom: /^testbed\// })).toEqual([]);
  });

  test('what comes with Node, and a package, is found at the end of many imports', () => {
    expect(findForeign(graph, 'enclave/main.ts')).toEqual(['koa', 'node:fs']);
    expect(findForeign(graph, 'lib/a/testing/c.ts')).toEqual([]);
  });

  test('a circle is found, in each file of it, and a file that imports itself', () => {
    expect(findCircles(graph).map((circle) => circle.split(' ')[0])).toEqual([
      'lib/a/a.ts',
      'lib/a/b.ts',
      'lib/a/d.ts',
    ]);
    expect(findCircles(new Map([['a.ts', ['a.ts']]]))).toHaveLength(1);
    expect(
      findCircles(
        new Map([
          ['a.ts', ['b.ts', 'c.ts']],
          ['b.ts', ['c.ts']],
          ['c.ts', []],
        ]),
      ),
    ).toEqual([]);
  });
});
