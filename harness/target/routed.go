package target

// Routed is a world whose target has several links, which a target declares with SecondLink. Link 0 is that of World.
type Routed interface {
	World
	// Nets are the links, each with a target address and testers of its own.
	Nets() []Net
	// SendOn puts a frame on a link, as Send does on link 0.
	SendOn(link int, frame []byte) error
}
