package isolation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"daasvader/k3s/publicnet"
)

const (
	// Of the kernel's nfnetlink_conntrack.h: what a dump is to be limited to, of tuples that are given beside it.
	ctaFilter           = 25
	ctaFilterOrigFlags  = 1
	ctaFilterReplyFlags = 2
	ctaFilterSource     = 1 << 0
	// maxFilters is up to how many addresses it is quicker to ask for one after another than for all connections there are.
	maxFilters = 5
)

// suspects are addresses whose connections may be refused now; all: anybody's may.
type suspects struct {
	addresses map[netip.Addr]bool
	all       bool
}

// endRefusedFlows makes the kernel forget the connections of suspects that the rules of now would not let begin, and those
// of pods that have gone: rules let pass what is established, and an address may have become another pod's.
func endRefusedFlows(s *state, of suspects, gone map[netip.Addr]bool, m publicnet.Local) (ended int, err error) {
	var refused [][]byte
	look := func(filters ...nl.NetlinkRequestData) error {
		request := conntrackRequest(nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP, filters...)
		return request.ExecuteIter(unix.NETLINK_NETFILTER, 0, func(message []byte) bool {
			if f, ok := parseFlow(message); ok && s.endsFlow(f, gone, m) {
				refused = append(refused, message)
			}
			return true
		})
	}
	if of.all || len(of.addresses) > maxFilters {
		err = look()
	} else {
		for address := range of.addresses {
			err = errors.Join(err, look(sourceFilter(nl.CTA_TUPLE_ORIG, ctaFilterOrigFlags, address)...),
				look(sourceFilter(nl.CTA_TUPLE_REPLY, ctaFilterReplyFlags, address)...))
		}
	}
	if err != nil {
		return 0, fmt.Errorf("Cannot read connections: %w", err)
	}
	for _, message := range refused {
		request := conntrackRequest(nl.IPCTNL_MSG_CT_DELETE, unix.NLM_F_ACK)
		request.AddRawData(message[nl.SizeofNfgenmsg:])
		if _, err := request.Execute(unix.NETLINK_NETFILTER, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ended, fmt.Errorf("Cannot end a connection that isolation refuses: %w", err)
		}
		ended++
	}
	return ended, nil
}

func conntrackRequest(operation, flags int, data ...nl.NetlinkRequestData) *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(int(netlink.ConntrackTable)<<8|operation, flags)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_INET, Version: nl.NFNETLINK_V0})
	for _, part := range data {
		request.AddData(part)
	}
	return request
}

// sourceFilter asks for connections whose packets of one direction come from an address.
func sourceFilter(tuple, flags int, address netip.Addr) []nl.NetlinkRequestData {
	of := nl.NewRtAttr(tuple|unix.NLA_F_NESTED, nil)
	of.AddRtAttr(nl.CTA_TUPLE_IP|unix.NLA_F_NESTED, nil).AddRtAttr(nl.CTA_IP_V4_SRC, address.AsSlice())
	filter := nl.NewRtAttr(ctaFilter|unix.NLA_F_NESTED, nil)
	filter.AddRtAttr(flags, nl.Uint32Attr(ctaFilterSource))
	return []nl.NetlinkRequestData{of, filter}
}

// endsFlow says whether a connection is one of pods, and refused.
func (s *state) endsFlow(f flow, gone map[netip.Addr]bool, m publicnet.Local) bool {
	if !s.cluster.Contains(f.from) && !s.cluster.Contains(f.to.address) {
		return false
	}
	return gone[f.from] || gone[f.to.address] || !s.allows(f.from, f.to, m)
}

// flow is a connection: who began it, and the end that it reached, which a Service's address only stands for. The answers
// tell that one.
type flow struct {
	from netip.Addr
	to   end
}

// parseFlow reads what it needs of a connection, of which a busy node has a hundred thousand.
func parseFlow(message []byte) (f flow, ok bool) {
	if len(message) < nl.SizeofNfgenmsg {
		return f, false
	}
	attributes(message[nl.SizeofNfgenmsg:], func(kind uint16, tuple []byte) {
		if kind != nl.CTA_TUPLE_ORIG && kind != nl.CTA_TUPLE_REPLY {
			return
		}
		attributes(tuple, func(part uint16, value []byte) {
			switch {
			case kind == nl.CTA_TUPLE_ORIG && part == nl.CTA_TUPLE_IP:
				f.from = sourceOf(value)
			case kind == nl.CTA_TUPLE_REPLY && part == nl.CTA_TUPLE_IP:
				f.to.address = sourceOf(value)
			case kind == nl.CTA_TUPLE_REPLY && part == nl.CTA_TUPLE_PROTO:
				attributes(value, func(part uint16, value []byte) {
					switch {
					case part == nl.CTA_PROTO_NUM && len(value) >= 1:
						f.to.protocol = value[0]
					case part == nl.CTA_PROTO_SRC_PORT && len(value) >= 2:
						f.to.port = binary.BigEndian.Uint16(value)
					}
				})
			}
		})
	})
	return f, f.from.IsValid() && f.to.address.IsValid()
}

func sourceOf(addresses []byte) (source netip.Addr) {
	attributes(addresses, func(kind uint16, value []byte) {
		if kind == nl.CTA_IP_V4_SRC && len(value) == 4 {
			source = netip.AddrFrom4([4]byte(value))
		}
	})
	return source
}

// attributes walks through netlink's: length and kind in two bytes each, the value, and what is missing to four bytes.
func attributes(data []byte, each func(kind uint16, value []byte)) {
	for len(data) >= unix.SizeofNlAttr {
		length := int(binary.NativeEndian.Uint16(data))
		if length < unix.SizeofNlAttr || length > len(data) {
			return
		}
		each(binary.NativeEndian.Uint16(data[2:])&nl.NLA_TYPE_MASK, data[unix.SizeofNlAttr:length])
		data = data[min((length+3)&^3, len(data)):]
	}
}
