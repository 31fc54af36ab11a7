//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The timings of the ARP table, through rtnetlink: a user namespace does not show their sysctls (net.ipv4.neigh.*).
// The numbers are those of linux/neighbour.h.
const (
	ndtaName  = 1
	ndtaParms = 6

	ndtpaIfindex           = 1
	ndtpaBaseReachableTime = 4 // times are 64 bits, in ms
	ndtpaRetransTime       = 5
	ndtpaMcastProbes       = 11 // counts are 32 bits
	ndtpaLocktime          = 15

	ndtmsgLen = 4 // struct ndtmsg: family and padding
)

// setNeighLocktime lets every packet update an ARP entry, as linux:rfc wants it. It gives the setting by the name of
// its sysctl.
func setNeighLocktime(device string, index int) (target.Setting, error) {
	made := target.Setting{
		Name: "net.ipv4.neigh." + device + ".locktime", Value: "0",
		Why: "RFC 826: every packet of a known sender updates its entry; by default updates within 1 s are ignored",
	}
	parms := nl.NewRtAttr(ndtaParms, nil)
	parms.AddRtAttr(ndtpaIfindex, nl.Uint32Attr(uint32(index)))
	parms.AddRtAttr(ndtpaLocktime, nl.Uint64Attr(0))
	req := nl.NewNetlinkRequest(unix.RTM_SETNEIGHTBL, unix.NLM_F_ACK)
	req.AddData(rawData{unix.AF_INET, 0, 0, 0})
	req.AddData(nl.NewRtAttr(ndtaName, nl.ZeroTerminated("arp_cache")))
	req.AddData(parms)
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return target.Setting{}, fmt.Errorf("%s cannot be set: %w", made.Name, err)
	}
	return made, nil
}

// neighParams are the timings of the ARP table for one interface.
type neighParams struct {
	baseReachable, retrans, locktime time.Duration
	multicastProbes                  int // requests before giving up
}

func readNeighParams(index int) (neighParams, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGHTBL, unix.NLM_F_DUMP)
	req.AddData(rawData{unix.AF_INET, 0, 0, 0})
	tables, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGHTBL)
	if err != nil {
		return neighParams{}, fmt.Errorf("the timings of the ARP table cannot be read: %w", err)
	}
	for _, table := range tables {
		attrs, err := nl.ParseRouteAttr(table[ndtmsgLen:])
		if err != nil {
			return neighParams{}, err
		}
		for _, a := range attrs {
			if a.Attr.Type&nl.NLA_TYPE_MASK != ndtaParms {
				continue
			}
			parms, err := nl.ParseRouteAttr(a.Value)
			if err != nil {
				return neighParams{}, err
			}
			if p, of := parseNeighParams(parms); of == index {
				return p, nil
			}
		}
	}
	return neighParams{}, errors.New("the ARP table has no timings for the interface")
}

func parseNeighParams(attrs []syscall.NetlinkRouteAttr) (p neighParams, index int) {
	for _, a := range attrs {
		var n uint64
		switch len(a.Value) {
		case 4:
			n = uint64(binary.NativeEndian.Uint32(a.Value))
		case 8:
			n = binary.NativeEndian.Uint64(a.Value)
		}
		switch ms := time.Duration(n) * time.Millisecond; a.Attr.Type {
		case ndtpaIfindex:
			index = int(n)
		case ndtpaBaseReachableTime:
			p.baseReachable = ms
		case ndtpaRetransTime:
			p.retrans = ms
		case ndtpaMcastProbes:
			p.multicastProbes = int(n)
		case ndtpaLocktime:
			p.locktime = ms
		}
	}
	return p, index
}

// rawData is a message header that the netlink package has no type for.
type rawData []byte

func (d rawData) Len() int          { return len(d) }
func (d rawData) Serialize() []byte { return d }
