import { constants } from 'node:os';
import koffi from 'koffi';
import { InitError } from './error.ts';

// The system calls that only PID 1 needs and Node has no words for.

const libc = koffi.load('libc.so.6');
const calls = {
  mount: libc.func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  ),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  ioctl: libc.func('int ioctl(int fd, unsigned long request, uint8_t *argument)'),
  close: libc.func('int close(int fd)'),
  setrlimit: libc.func('int setrlimit(int resource, const uint8_t *limits)'),
  waitpid: libc.func('int waitpid(int pid, void *status, int options)'),
  clock_settime: libc.func('int clock_settime(int clock, const uint8_t *time)'),
  reboot: libc.func('int reboot(int command)'),
};

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const CLOCK_REALTIME = 0;
const RLIMIT_NOFILE = 7;
const WNOHANG = 1;
const RB_AUTOBOOT = 0x0123_4567;

/** @throws InitError `system-call`, as all here */
export function mount(type: string, target: string, flags: number, data: string): void {
  check(`mount ${target}`, calls.mount(type, target, type, flags, data));
}

/** A control of a device that is open. */
export function ioctl(fd: number, request: number, argument: Buffer): void {
  check(`control device with 0x${request.toString(16)}`, calls.ioctl(fd, request, argument));
}

/** Calls `use` with a socket on which network interfaces can be controlled. */
export function withInetSocket(use: (fd: number) => void): void {
  const fd = check('open a socket', calls.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    use(fd);
  } finally {
    calls.close(fd);
  }
}

/** How many files this process and its children may have open. */
export function limitOpenFiles(count: number): void {
  const limits = Buffer.alloc(16);
  limits.writeBigUInt64LE(BigInt(count), 0);
  limits.writeBigUInt64LE(BigInt(count), 8);
  check('limit open files', calls.setrlimit(RLIMIT_NOFILE, limits));
}

/** Sets the wall clock, to ms since 1970. */
export function setTime(time: number): void {
  const timespec = Buffer.alloc(16);
  timespec.writeBigInt64LE(BigInt(Math.floor(time / 1_000)), 0);
  timespec.writeBigInt64LE(BigInt(time % 1_000) * 1_000_000n, 8);
  check('set the clock', calls.clock_settime(CLOCK_REALTIME, timespec));
}

/** Takes the exit status of a child that has ended, so that the kernel forgets it. */
export function reap(pid: number): void {
  calls.waitpid(pid, null, WNOHANG);
}

/** Ends the machine at once. */
export function endMachine(): never {
  calls.reboot(RB_AUTOBOOT);
  // The kernel takes the end of PID 1 for a panic, which ends the machine as well.
  process.exit(1);
}

function check(action: string, result: number): number {
  if (result >= 0) return result;
  const number = koffi.errno();
  const name = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  throw new InitError('system-call', `Cannot ${action}: ${name ?? `error ${number}`}`);
}
