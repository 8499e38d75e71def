import { mkdirSync } from 'node:fs';
import { mount } from './system.ts';

const NOSUID = 2;
const NODEV = 4;
const NOEXEC = 8;
const STRICT = NOSUID | NODEV | NOEXEC;

/** Everything that is mounted over the initramfs: type, where, flags, options. */
const MOUNTS = [
  ['proc', '/proc', STRICT, ''],
  ['sysfs', '/sys', STRICT, ''],
  ['devtmpfs', '/dev', NOSUID | NOEXEC, 'mode=0755'],
  ['tmpfs', '/run', STRICT, 'mode=0755'],
  ['tmpfs', '/tmp', STRICT, 'mode=1777'],
] as const;

/** Mounts the kernel's file systems and the scratch space. */
export function mountFileSystems(): void {
  for (const [type, target, flags, options] of MOUNTS) {
    mkdirSync(target, { recursive: true });
    mount(type, target, flags, options);
  }
}
