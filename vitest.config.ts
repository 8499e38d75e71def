import { defineConfig } from 'vitest/config';

/** Beside their sources too, but they make network namespaces, or drive a browser that root installs. */
const NEED_ROOT = [
  'k3s/k3s.test.ts',
  'testbed/vm/internet.test.ts',
  'testbed/vm/vm.test.ts',
  'verify-page/page.test.ts',
];

// Unit tests stand beside their sources and run side by side. Whole-system tests under test/ share the
// machine's network, iptables and cgroups, so they run one at a time. Those of the image need an emulated Nitro machine.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{lib,cli,contracts,demo,eif,enclave,fuzz,host-proxy,k3s,testbed,verify-page,worker-agent}/**/*.test.ts',
            'test/boundaries.test.ts',
          ],
          exclude: ['testbed/nitro/**', ...NEED_ROOT],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/*.test.ts', 'test/hostile/*.test.ts', ...NEED_ROOT],
          exclude: ['test/boundaries.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'nitro',
          include: ['testbed/nitro/**/*.test.ts', 'test/nitro/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
  },
});
