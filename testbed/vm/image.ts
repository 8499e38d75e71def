import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { VmError } from './error.ts';
import { type ImageConfig, packImages } from './image-archive.ts';
import { packTar, type TarEntry } from './tar.ts';
import { runInVm, type WorkerVm } from './vm.ts';

/** A small web server as a container image, made on the spot: no registry is asked for anything. */
export interface WebImageOptions {
  /** Full reference, such as `docker.io/library/hello:1`. */
  reference: string;
  /** What `GET /` answers. */
  page: string;
}

/** Port on which the image serves, above 1024 because it does not run as root. */
export const WEB_PORT = 8080;

const APPLETS = ['sh', 'httpd', 'cat', 'echo', 'hostname', 'id', 'ls', 'sleep', 'tar', 'wget'];
// As PID 1 the server would ignore SIGTERM, and every deletion would take the whole grace period.
const SERVE = `trap 'exit 0' TERM; httpd -f -vv -p ${WEB_PORT} -h /www & echo "serving on ${WEB_PORT}"; wait`;

const WEB_CONFIG: ImageConfig = {
  User: '65534:65534',
  Env: ['PATH=/bin'],
  Entrypoint: ['/bin/sh', '-c', SERVE],
  WorkingDir: '/',
  ExposedPorts: { [`${WEB_PORT}/tcp`]: {} },
};

/**
 * Builds the image as a docker-archive (what `docker save` writes). It runs as user 65534 with nothing
 * writable, which the restricted pod security standard accepts.
 * @param busybox a static busybox; the machine's unless given
 * @throws VmError as `readBusybox`
 */
export async function buildWebImage(options: WebImageOptions, busybox?: string): Promise<Buffer> {
  const layer = packTar(rootFilesystem(await readBusybox(busybox), options.page));
  return packImages([{ references: [options.reference], layers: [layer], config: WEB_CONFIG }]);
}

/** Where a VM's containerd listens, and the `ctr` that speaks with it. */
export interface ContainerdClient {
  /** Path of the `ctr` program. */
  ctr: string;
  /** Path of containerd's socket inside the VM. */
  address: string;
}

/**
 * Imports an archive into a VM's containerd, where its kubelet finds it (namespace k8s.io).
 * @throws VmError `command` when containerd refuses it or does not run
 */
export async function importImage(vm: WorkerVm, archive: Buffer, client: ContainerdClient): Promise<void> {
  const name = `run/image-${sha256(archive).slice(0, 16)}.tar`;
  await mkdir(join(vm.disk, 'run'), { recursive: true });
  await writeFile(join(vm.disk, name), archive);
  try {
    await runInVm(vm, [
      client.ctr,
      '--address',
      client.address,
      '--namespace',
      'k8s.io',
      'images',
      'import',
      `/${name}`,
    ]);
  } finally {
    await rm(join(vm.disk, name), { force: true });
  }
}

function rootFilesystem(busybox: Buffer, page: string): TarEntry[] {
  return [
    { type: 'directory', path: 'bin/', mode: 0o755 },
    { type: 'file', path: 'bin/busybox', mode: 0o755, content: busybox },
    ...APPLETS.map((name) => ({ type: 'symlink' as const, path: `bin/${name}`, target: 'busybox' })),
    { type: 'directory', path: 'www/', mode: 0o755 },
    { type: 'file', path: 'www/index.html', mode: 0o644, content: Buffer.from(page) },
  ];
}

/**
 * Reads a static busybox, which is all that a small image needs.
 * @param path the machine's unless given
 * @throws VmError `missing` without one, `invalid` when it is linked dynamically
 */
export async function readBusybox(path = findBusybox()): Promise<Buffer> {
  const program = await readFile(path);
  // The path of a loader inside the program: such a busybox needs libraries that the image lacks.
  if (program.includes('/ld-linux'))
    throw new VmError('invalid', `Cannot use ${path}: not static, install the package busybox-static`);
  return program;
}

function findBusybox(): string {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/bin', '/usr/bin'];
  const found = directories.map((directory) => join(directory, 'busybox')).find((path) => existsSync(path));
  if (found === undefined)
    throw new VmError(
      'missing',
      'Cannot build an image: no busybox here, install the package busybox-static',
    );
  return found;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
