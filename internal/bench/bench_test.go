package bench

import "testing"

func BenchmarkARPAnswered(b *testing.B)       { each(b, "ARPAnswered") }
func BenchmarkICMPEchoAnswered(b *testing.B)  { each(b, "ICMPEchoAnswered") }
func BenchmarkNSAnswered(b *testing.B)        { each(b, "NSAnswered") }
func BenchmarkICMPEchoAnswered6(b *testing.B) { each(b, "ICMPEchoAnswered6") }
func BenchmarkChainAnswered6(b *testing.B)    { each(b, "ChainAnswered6") }
func BenchmarkUDPEcho6(b *testing.B)          { each(b, "UDPEcho6") }
func BenchmarkUDPEcho(b *testing.B)           { each(b, "UDPEcho") }
func BenchmarkUDPEchoWindow(b *testing.B)     { each(b, "UDPEchoWindow") }
func BenchmarkForwarding(b *testing.B)        { each(b, "Forwarding") }

// each runs the jobs of a name on both stacks: BenchmarkUDPEcho/stack=gvisor/len=64.
func each(b *testing.B, name string) {
	for _, s := range subjects {
		b.Run("stack="+s.name, func(b *testing.B) {
			for _, j := range jobs() {
				switch {
				case j.name != name:
				case j.param == "":
					j.measure(b, s)
				default:
					b.Run(j.param, func(b *testing.B) { j.measure(b, s) })
				}
			}
		})
	}
}
