package ieee802154

import (
	"cmp"
	"math/rand/v2"
	"time"

	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Config is what a station begins with, the attributes of its PIB by their names in sections 8.4 and 9.5 where they have
// one, and bounds.
type Config struct {
	Extended link.Addr // macExtendedAddress, of 8 octets
	PAN      uint16    // macPanId; wire.Broadcast: none yet
	Short    uint16    // macShortAddress; 0 and wire.Broadcast: none
	Channel  int       // 0 means 26
	Power    int       // dBm

	// NoAckRequest: data frames to one station do not ask for acknowledgements.
	NoAckRequest bool
	// NoAckReply: what asks for an acknowledgement gets none from here. It is for a radio that acknowledges by itself; those
	// of driver/radio and driver/zep do not.
	NoAckReply bool
	// Version2015 has data frames be of version 2. Else they are of version 0, or 1 when they are secured or longer than
	// the edition of 2003 takes.
	Version2015 bool

	Aloha       bool          // frames are sent without listening first (6.2.5)
	MinBE       int           // macMinBe; 0 means 3, negative 0
	MaxBE       int           // macMaxBe; 0 means 5
	MaxBackoffs int           // macMaxCsmaBackoffs; 0 means 4, negative none
	MaxRetries  int           // macMaxFrameRetries; 0 means 3, negative none
	AckWait     time.Duration // macAckWaitDuration; 0 means 864 us, that of 2450 MHz, and twice the radio's Latency

	Random *rand.Rand // of backoffs and first sequence numbers

	Security Security

	Queue   int // frames that wait for the channel, those of the interface's queues not counted; 0 means 4
	Senders int // of whom the last frame is remembered, to know a duplicate; 0 means 32
	Pending int // frames that wait at a coordinator for stations that poll; 0 means 8
	Members int // stations that a coordinator takes in; 0 means 32, negative none

	// Undelivered is told of each frame that was given up: the station did not acknowledge it, or the channel was never
	// clear. It may be nil.
	Undelivered func(to link.Addr, why Failure)
}

// A Failure is why a frame was given up.
type Failure uint8

const (
	NoAck           Failure = iota // NO_ACK: not acknowledged, as often as it was sent
	ChannelAccess                  // CHANNEL_ACCESS_FAILURE: the channel was never clear
	TransactionOver                // TRANSACTION_EXPIRED: the station that it waited for did not poll
	CounterError                   // COUNTER_ERROR: the frame counter has reached its end
)

func (f Failure) String() string {
	switch f {
	case NoAck:
		return "no-ack"
	case ChannelAccess:
		return "channel-access-failure"
	case TransactionOver:
		return "transaction-expired"
	case CounterError:
		return "counter-error"
	}
	return "unknown-failure"
}

// Security is how frames are protected (9). Without keys none are, and protected ones are dropped.
type Security struct {
	Level   wire.Level   // of data frames that are sent; 0: not protected
	KeyMode wire.KeyMode // how they name their key; KeyIndex and KeyImplicit are meant
	Index   uint8        // of the key, by KeyIndex
	Require wire.Level   // data frames with less protection are dropped (9.2)
	Keys    []Key        // at most MaxKeys
	Devices int          // stations whose frame counters are remembered; 0 means 32
}

// A Key is one of the station's keys and how frames name it.
type Key struct {
	Mode   wire.KeyMode
	Source [8]byte // KeySource4 uses the first four
	Index  uint8
	Key    [16]byte
}

// MaxKeys bounds Security.Keys.
const MaxKeys = 16

func (c *Config) channel() int           { return cmp.Or(c.Channel, 26) }
func (c *Config) minBE() int             { return max(0, cmp.Or(c.MinBE, 3)) }
func (c *Config) maxBE() int             { return max(c.minBE(), cmp.Or(c.MaxBE, 5)) }
func (c *Config) maxBackoffs() int       { return max(0, cmp.Or(c.MaxBackoffs, 4)) }
func (c *Config) maxRetries() int        { return max(0, cmp.Or(c.MaxRetries, 3)) }
func (c *Config) ackWait() time.Duration { return cmp.Or(c.AckWait, 54*symbol) }
func (c *Config) queue() int             { return cmp.Or(c.Queue, 4) }
func (c *Config) senders() int           { return cmp.Or(c.Senders, 32) }
func (c *Config) pending() int           { return cmp.Or(c.Pending, 8) }
func (c *Config) members() int           { return max(0, cmp.Or(c.Members, 32)) }
func (s *Security) devices() int         { return cmp.Or(s.Devices, 32) }

// Times of the PHY at 2450 MHz, O-QPSK.
const (
	symbol         = 16 * time.Microsecond
	unitBackoff    = 20 * symbol // aUnitBackoffPeriod
	turnaround     = 12 * symbol // aTurnaroundTime
	ccaTime        = 8 * symbol
	sifs           = 12 * symbol // macSifsPeriod
	lifs           = 40 * symbol // macLifsPeriod
	maxSIFSFrame   = 18          // aMaxSifsFrameSize
	safePayload    = 102         // aMaxMacSafePayloadSize: what the edition of 2003 takes
	baseSuperframe = 960 * symbol
)
