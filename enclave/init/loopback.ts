import { ioctl, withInetSocket } from './system.ts';

const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** struct ifreq of netdevice(7): 16 bytes of name, then the flags. */
const IFREQ_BYTES = 40;
const FLAGS_OFFSET = 16;

/** Brings up the loopback interface, over which the parts of Kubernetes speak to each other. There is no other. */
export function bringUpLoopback(): void {
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write('lo');
  request.writeUInt16LE(IFF_UP, FLAGS_OFFSET);
  withInetSocket((fd) => ioctl(fd, SIOCSIFFLAGS, request));
}
