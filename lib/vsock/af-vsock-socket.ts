import koffi from 'koffi';

// The system calls of vsock(7) that Node has no words for, and struct sockaddr_vm of linux/vm_sockets.h. Each answers
// with an errno, 0 when all went well.

const AF_VSOCK = 40;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const POLLOUT = 4;
const VMADDR_CID_ANY = 0xffff_ffff;
const ADDRESS_BYTES = 16;

const libc = koffi.load('libc.so.6');
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  connect: libc.func('int connect(int fd, const uint8_t *address, uint32_t length)'),
  bind: libc.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
  poll: libc.func('int poll(uint8_t *fds, unsigned long count, int timeout)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int name, uint8_t *value, uint8_t *length)'),
  close: libc.func('int close(int fd)'),
};

/** A stream socket that does not block; `fd` means nothing when there is an error. */
export function open(): { fd: number; error: number } {
  const fd = calls.socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) as number;
  return { fd, error: errorOf(fd) };
}

/** Starts to connect; EINPROGRESS means that it is under way. */
export function connect(fd: number, cid: number, port: number): number {
  return errorOf(calls.connect(fd, address(cid, port), ADDRESS_BYTES));
}

/** Takes a port at every CID of this machine. */
export function bind(fd: number, port: number): number {
  return errorOf(calls.bind(fd, address(VMADDR_CID_ANY, port), ADDRESS_BYTES));
}

/** Whether a connection under way has been established or has failed. */
export function isSettled(fd: number): boolean {
  const pollFd = Buffer.alloc(8);
  pollFd.writeInt32LE(fd, 0);
  pollFd.writeInt16LE(POLLOUT, 4);
  return calls.poll(pollFd, 1, 0) > 0;
}

/** What came of a connection that is settled. */
export function socketError(fd: number): number {
  const [value, length] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeInt32LE(4);
  return errorOf(calls.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length)) || value.readInt32LE();
}

export function close(fd: number): void {
  calls.close(fd);
}

function address(cid: number, port: number): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  bytes.writeUInt16LE(AF_VSOCK, 0);
  bytes.writeUInt32LE(port, 4);
  bytes.writeUInt32LE(cid, 8);
  return bytes;
}

function errorOf(result: number): number {
  return result < 0 ? koffi.errno() : 0;
}
