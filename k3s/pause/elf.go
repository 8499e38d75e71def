// Package pause makes the image that holds a pod's namespaces open, so that no node ever pulls it.
package pause

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// code sleeps for ever. As the first process of a pod's process namespace it must also reap orphans, which the kernel
// does by itself for a process that ignores SIGCHLD.
var code = map[string][]byte{
	"amd64": {
		0xb8, 13, 0, 0, 0, // mov eax, 13 (rt_sigaction)
		0xbf, 17, 0, 0, 0, // mov edi, 17 (SIGCHLD)
		0x48, 0x8d, 0x35, 19, 0, 0, 0, // lea rsi, [rip+19] (the structure at the end)
		0x31, 0xd2, // xor edx, edx (the former action is not wanted)
		0x41, 0xba, 8, 0, 0, 0, // mov r10d, 8 (size of a signal mask)
		0x0f, 0x05, // syscall
		0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp back to mov eax, 34
		1, 0, 0, 0, 0, 0, 0, 0, // sa_handler = SIG_IGN
		0, 0, 0, 0, 0, 0, 0, 0, // sa_flags
		0, 0, 0, 0, 0, 0, 0, 0, // sa_restorer
		0, 0, 0, 0, 0, 0, 0, 0, // sa_mask
	},
}

const (
	loadAddress   = 0x400000
	elfHeaderSize = 64
	segmentSize   = 56
)

// program returns a static executable: an ELF header, one loaded segment, and the code.
func program(architecture string) ([]byte, error) {
	text, ok := code[architecture]
	if !ok {
		return nil, fmt.Errorf("Cannot build the pause image: architecture %s is not supported, amd64 is", architecture)
	}
	const start = elfHeaderSize + segmentSize
	size := uint64(start + len(text))
	var out bytes.Buffer
	out.WriteString("\x7fELF\x02\x01\x01") // 64 bits, little-endian, version 1
	out.Write(make([]byte, 9))
	for _, field := range []any{
		// Executable, x86-64, version, entry, offset of the segment's header, no sections, flags, sizes and counts.
		uint16(2), uint16(62), uint32(1), uint64(loadAddress + start), uint64(elfHeaderSize), uint64(0), uint32(0),
		uint16(elfHeaderSize), uint16(segmentSize), uint16(1), uint16(0), uint16(0), uint16(0),
		// Loaded, readable and executable, from offset 0 to its address, size in the file and in memory, alignment.
		uint32(1), uint32(5), uint64(0), uint64(loadAddress), uint64(loadAddress), size, size, uint64(4096),
	} {
		if err := binary.Write(&out, binary.LittleEndian, field); err != nil {
			return nil, err
		}
	}
	out.Write(text)
	return out.Bytes(), nil
}
