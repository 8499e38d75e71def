import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, constants, lstat, mkdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Identity } from '@daasvader/attestation/testing/pki.ts';
import { PARENT_CID } from '@daasvader/enclave/init/command-line.ts';
import { connectPath } from '@daasvader/vsock/unix-socket.ts';
import { VsockError } from '@daasvader/vsock/vsock.ts';
import { Child } from './child.ts';
import { EmulatorError } from './error.ts';
import { writeIdentity } from './pki.ts';

/** Nitro gives an image no less than four times its size (nitro-cli refuses with E26). */
const MEMORY_PER_IMAGE_BYTE = 4;
const MIB = 1 << 20;

/** An enclave's certificate lives 3 hours; another is issued well before. */
const RENEW_MS = 3_600_000;
const DEVICE_START_MS = 10_000;
const POLL_MS = 20;

/** Where the guest reaches its host, VMADDR_CID_HOST; on AWS the parent is at 3. */
const HOST_CID = 2;

// Names in the machine's own directory, where both programs run: no path needs escaping in QEMU's options.
const DEVICE_SOCKET = 'vhost.sock';
const IDENTITY = 'identity.pem';

/** What is booted, on what, and where it shows. */
export interface MachineOptions {
  /** From `buildPrograms`. */
  readonly programs: string;
  /** The EIF. */
  readonly image: string;
  /** Who vouches for the machine's documents; from `loadRoot`. */
  readonly root: Identity;
  /**
   * Unix socket of the vsock device: the host dials the guest there (`HybridHost`), and the guest's connections to
   * port P of the host arrive at `<vsock>_P`, where the host must listen before it boots an image that dials at once.
   * The machine keeps its other files in `<vsock>.machine` and removes all of them when it ends.
   */
  readonly vsock: string;
  readonly memoryMib: number;
  readonly cpus: number;
  /** The guest's context id, 4 or more as on AWS; the host's is 2. Machines may have the same. */
  readonly cid: number;
  /** Boot in debug mode: PCR 0 to 2 are zero in documents. */
  readonly debug?: boolean;
  /** What the guest's kernel and init print. The guest is hostile: whoever keeps it bounds it. */
  readonly onConsole: (bytes: Buffer) => void;
}

/** Why a machine is no longer running. */
export interface MachineExit {
  /** `stopped` by `stop()`, `halted` by the guest, or `failed`: QEMU or the vsock device died. */
  readonly cause: 'stopped' | 'halted' | 'failed';
  /** A sentence for a log line. */
  readonly reason: string;
}

/**
 * A Nitro Enclave on an emulated machine. QEMU measures the image itself and has an NSM that signs.
 *
 *     guest ── virtio ── QEMU ── vhost.sock ── vhost-device-vsock ── <vsock>, <vsock>_P ── host
 *
 * Its processes end with the one that booted it, however that ends.
 */
export class Machine {
  /** `i-…-enc…`, as documents have it: the instance is the same under the same root, the enclave new at each boot. */
  readonly moduleId: string;
  /** Settles, and never rejects, when the machine's processes are gone and its files are removed. */
  readonly exited: Promise<MachineExit>;
  readonly #stopping = new AbortController();

  private constructor(options: MachineOptions, device: Child) {
    const instance = instanceOf(options.root);
    this.moduleId = `${instance}-enc${randomBytes(8).toString('hex')}`;
    const qemu = new Child('QEMU', qemuCommand(options, this.moduleId, instance), {
      cwd: directoryOf(options),
      env: { TMPDIR: directoryOf(options) }, // where QEMU unpacks the image
      onOutput: options.onConsole,
    });
    this.exited = this.#run(options, qemu, device);
  }

  /**
   * Powers a machine on. How far the image gets is seen on its console and over vsock.
   *
   * @throws EmulatorError `tool-missing`, `image`, `memory`, `in-use` or `start`
   * @throws VsockError `path` when `vsock` cannot be a socket
   */
  static async boot(options: MachineOptions): Promise<Machine> {
    await checkPrograms(options);
    await checkMemory(options);
    await claim(options);
    try {
      await writeIdentity(join(directoryOf(options), IDENTITY), options.root, Date.now());
      return new Machine(options, await startDevice(options));
    } catch (error) {
      await removeFiles(options);
      throw error;
    }
  }

  /** Cuts the power. An enclave has no power button: what is to be finished must be finished before. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.exited;
  }

  async #run(options: MachineOptions, qemu: Child, device: Child): Promise<MachineExit> {
    const failed = (reason: string): MachineExit => ({ cause: 'failed', reason });
    const exit = await Promise.race([
      renewUntilStopped(options, this.#stopping.signal),
      device.ended.then(({ reason }) => failed(reason)),
      qemu.ended.then(({ code, reason }): MachineExit => {
        return code === 0 ? { cause: 'halted', reason: 'the guest ended the machine' } : failed(reason);
      }),
    ]);
    this.#stopping.abort();
    await qemu.end();
    await device.end();
    await removeFiles(options);
    return exit;
  }
}

/** A machine may run for longer than a certificate: its NSM reads the file again for each document. */
async function renewUntilStopped(options: MachineOptions, signal: AbortSignal): Promise<MachineExit> {
  try {
    for (;;) {
      await delay(RENEW_MS, undefined, { signal });
      await writeIdentity(join(directoryOf(options), IDENTITY), options.root, Date.now());
    }
  } catch (error) {
    if (signal.aborted) return { cause: 'stopped', reason: 'the machine was stopped' };
    return { cause: 'failed', reason: `Cannot renew the machine's certificate: ${(error as Error).message}` };
  }
}

function qemuCommand(options: MachineOptions, moduleId: string, instance: string): string[] {
  const { programs, image, memoryMib, cpus, debug } = options;
  return [
    resolve(programs, 'bin/qemu-system-x86_64'),
    ...['-M', `nitro-enclave,vsock=vsock,id=${moduleId},parent-id=${instance},memory-backend=memory`],
    // vhost-device-vsock reads the guest's memory, so it must be shared.
    ...['-object', `memory-backend-memfd,id=memory,size=${memoryMib}M,share=on`],
    ...['-m', `${memoryMib}M`, '-smp', String(cpus)],
    // TCG works on every machine; /dev/kvm may be there and not serve.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max'],
    ...['-chardev', `socket,id=vsock,path=${DEVICE_SOCKET}`],
    ...['-global', `virtio-nsm-device.identity=${IDENTITY}`],
    ...(debug ? ['-global', 'virtio-nsm-device.debug=on'] : []),
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot'],
    ...['-kernel', resolve(image), '-append', appendedCommandLine()],
  ];
}

/**
 * What follows the image's own command line, and is not measured, as what the hypervisor appends on AWS is not. Under
 * TCG a guest must be told how fast its time stamp counter runs, or its clock falls behind by seconds at a time.
 */
function appendedCommandLine(): string {
  const [, mhz] = /^cpu MHz\s*: ([\d.]+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
  const clock = mhz === undefined ? [] : [`tsc_early_khz=${Math.round(Number(mhz) * 1_000)}`, 'tsc=reliable'];
  return [`${PARENT_CID}=${HOST_CID}`, ...clock].join(' ');
}

async function startDevice(options: MachineOptions): Promise<Child> {
  const command = [
    resolve(options.programs, 'bin/vhost-device-vsock'),
    `--socket=${DEVICE_SOCKET}`,
    `--uds-path=${resolve(options.vsock)}`,
    `--guest-cid=${options.cid}`,
    // Kernels from 6.12 split larger packets over several descriptors, at which a buffer of 64 KiB stalls for ever.
    '--tx-buffer-size=32768',
  ];
  const device = new Child('vhost-device-vsock', command, { cwd: directoryOf(options) });
  const died = device.ended.then(({ reason }) => reason);
  const deadline = Date.now() + DEVICE_START_MS;
  while (!(await exists(join(directoryOf(options), DEVICE_SOCKET)))) {
    const late = Date.now() > deadline ? 'no socket in time' : undefined;
    const reason = late ?? (await Promise.race([died, delay(POLL_MS)]));
    if (reason === undefined) continue;
    await device.end();
    throw new EmulatorError('start', `Cannot start the vsock device: ${reason}`);
  }
  return device;
}

async function checkPrograms({ programs }: MachineOptions): Promise<void> {
  for (const name of ['qemu-system-x86_64', 'vhost-device-vsock']) {
    const path = join(programs, 'bin', name);
    await access(path, constants.X_OK).catch((cause) => {
      throw new EmulatorError('tool-missing', `Cannot run ${path}: make it with testbed/nitro/build`, {
        cause,
      });
    });
  }
}

async function checkMemory({ image, memoryMib }: MachineOptions): Promise<void> {
  const { size } = await stat(image).catch((cause) => {
    throw new EmulatorError('image', `Cannot boot ${image}: it cannot be read`, { cause });
  });
  const wanted = Math.ceil((size * MEMORY_PER_IMAGE_BYTE) / MIB);
  if (memoryMib < wanted)
    throw new EmulatorError('memory', `Cannot boot ${image} with ${memoryMib} MiB: it needs ${wanted} MiB`);
}

/** Makes the machine's directory, in place of one that a killed machine left. */
async function claim(options: MachineOptions): Promise<void> {
  const { vsock } = options;
  if (await isAlive(vsock))
    throw new EmulatorError('in-use', `Cannot boot on ${vsock}: another machine has it; stop it first`);
  const found = await lstat(vsock).catch(() => undefined);
  if (found && !found.isSocket())
    throw new EmulatorError(
      'in-use',
      `Cannot boot on ${vsock}: a file that is not a socket is there; move it away`,
    );
  await removeFiles(options);
  await mkdir(directoryOf(options), { recursive: true, mode: 0o700 });
}

async function isAlive(path: string): Promise<boolean> {
  try {
    (await connectPath(path)).destroy();
    return true;
  } catch (error) {
    if (error instanceof VsockError && error.code === 'refused') return false;
    throw error;
  }
}

async function removeFiles(options: MachineOptions): Promise<void> {
  await rm(directoryOf(options), { recursive: true, force: true });
  await rm(options.vsock, { force: true });
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

function directoryOf({ vsock }: MachineOptions): string {
  return `${resolve(vsock)}.machine`;
}

/** The parent instance's id, in AWS's form: of the machine where the root was made. */
function instanceOf({ certificate }: Identity): string {
  return `i-${createHash('sha256').update(certificate).digest('hex').slice(0, 17)}`;
}
