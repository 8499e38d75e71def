/*
 * The smallest enclave: an /init that lets its host talk to the NSM, so that a test sees what the machine really does.
 *
 * It connects to port 5000 of the host (CID 2). Each message, in both directions, is a length (32 bits, little endian)
 * and as many bytes: a request for the NSM (CBOR), and its response. Length 0 stands for a request that the kernel
 * refused. When the host closes the connection, the machine ends.
 */
#include <linux/vm_sockets.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 5000

/* linux/nsm.h, which is newer than some C libraries' headers */
#define NSM_REQUEST_MAX_SIZE 0x1000
#define NSM_RESPONSE_MAX_SIZE 0x3000
struct iovec_pair { uint64_t request, request_length, response, response_length; };
#define NSM_IOCTL_RAW _IOWR(0x0A, 0x0, struct iovec_pair)

static uint8_t request[4 * NSM_REQUEST_MAX_SIZE], response[NSM_RESPONSE_MAX_SIZE];

static void end(const char *what)
{
    printf("nsm-relay: %s\n", what);
    fflush(stdout);
    reboot(RB_AUTOBOOT);
    exit(1);
}

static int read_all(int fd, void *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = read(fd, (char *)to + done, length - done);
        if (count <= 0) return 0;
        done += count;
    }
    return 1;
}

static void write_all(int fd, const void *from, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = write(fd, (const char *)from + done, length - done);
        if (count <= 0) end("the host does not read");
        done += count;
    }
}

int main(void)
{
    struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = PORT };
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL); /* where the kernel has not done so itself */
    int nsm = open("/dev/nsm", O_RDWR), peer = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (nsm < 0) end("cannot open /dev/nsm");
    if (connect(peer, (struct sockaddr *)&host, sizeof(host)) < 0) end("cannot connect to the host");
    printf("nsm-relay: connected\n");
    for (uint32_t length; read_all(peer, &length, sizeof(length)) && length <= sizeof(request);) {
        if (!read_all(peer, request, length)) break;
        struct iovec_pair raw = { (uintptr_t)request, length, (uintptr_t)response, sizeof(response) };
        uint32_t answered = ioctl(nsm, NSM_IOCTL_RAW, &raw) == 0 ? raw.response_length : 0;
        write_all(peer, &answered, sizeof(answered));
        write_all(peer, response, answered);
    }
    end("the host is gone");
}
