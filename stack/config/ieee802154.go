package config

// An Access says how the medium is shared.
type Access string

const (
	CSMA  Access = "csma"  // listen first, with exponential backoff (IEEE 802.15.4, 6.2.5.1)
	Aloha Access = "aloha" // send at once
)

// IEEE802154 configures the MAC of interfaces of IEEE 802.15.4. Zero means the profile's value; a negative number means
// none, where a field says so.
type IEEE802154 struct {
	Access      Access
	MinBE       int    // backoff exponent at first (macMinBe); negative: 0
	MaxBE       int    // and at most (macMaxBe)
	MaxBackoffs int    // before the channel counts as busy for good (macMaxCsmaBackoffs); negative: none
	Retries     int    // of a frame that was not acknowledged (macMaxFrameRetries); negative: none
	AckReply    Switch // acknowledge what asks for it; off where the radio does that
	Security    Switch // secure frames
	Repeats     int    // stations whose last sequence number is remembered, so that no frame is taken twice
}
