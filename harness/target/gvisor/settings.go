package gvisor

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	leastRTO = time.Second
	timeWait = 4 * time.Minute

	tempValid     = 48 * time.Hour
	tempPreferred = 24 * time.Hour
	idgenRetries  = 3
)

// settings are what netstack offers for conformance, and how it is set. Otherwise it is as it comes.
var settings = []target.Setting{ // never written
	{Name: "HandleLocal", Value: "true", Why: "as gVisor's sentry sets it: the target's own addresses are not accepted from the link"},
	{Name: "IGMP, MLD", Value: "on in checks that need them", Why: "netstack reports no groups unless told to"},
	{Name: "TCPMinRTO", Value: "1s", Why: "RFC 6298, 2.4: an RTO below 1 s is rounded up to it; the default is 0.2 s"},
	{Name: "TCPTimeWaitTimeout", Value: "4m", Why: "RFC 9293, 3.6.1 (MUST-13): two maximum segment lifetimes of 2 minutes; the default is 1 minute"},
	{Name: "MaxTempAddrValidLifetime", Value: "48h", Why: "RFC 8981, 3.8, TEMP_VALID_LIFETIME; the default is that of RFC 4941"},
	{Name: "MaxTempAddrPreferredLifetime", Value: "24h", Why: "RFC 8981, 3.8, TEMP_PREFERRED_LIFETIME"},
	{Name: "AutoGenAddressConflictRetries", Value: "3", Why: "RFC 8981, 3.8, TEMP_IDGEN_RETRIES; RFC 7217, 7, IDGEN_RETRIES; the default is 0"},
}

// applySettings applies what settings say of TCP.
func applySettings(s *stack.Stack) error {
	rto, wait := tcpip.TCPMinRTOOption(leastRTO), tcpip.TCPTimeWaitTimeoutOption(timeWait)
	for _, o := range []tcpip.SettableTransportProtocolOption{&rto, &wait} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return fmt.Errorf("setting %T: %s", o, err)
		}
	}
	return nil
}
