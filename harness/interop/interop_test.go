package interop_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/interop"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

func open(t *testing.T) target.Target {
	t.Helper()
	r, err := reference.New(reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReferenceWithItself(t *testing.T) {
	g := NewWithT(t)
	out := t.TempDir()
	r := open(t)
	m, err := interop.Play(context.Background(), interop.Pairs([]target.Target{r}), interop.Options{Seed: 1, Jobs: 2, Out: out, Evidence: run.EvidenceAll})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Cells).To(HaveLen(len(interop.Scenarios())))
	for _, c := range m.Cells {
		g.Expect(c.Outcome).To(Equal(report.Pass), c.Line())
		g.Expect(c.Findings).To(BeEmpty(), c.Line())
		g.Expect(filepath.Join(out, c.Evidence)).To(BeARegularFile())
	}
	g.Expect(m.AsExpected()).To(BeTrue())
}

func TestSameSeedSameMatrix(t *testing.T) {
	g := NewWithT(t)
	play := func(seed uint64) string {
		m, err := interop.Play(context.Background(), interop.Pairs([]target.Target{open(t)}), interop.Options{Seed: seed, Only: []string{"tcp-loss-5", "tcp-reorder"}})
		g.Expect(err).NotTo(HaveOccurred())
		for i := range m.Cells {
			m.Cells[i].WallMS = 0
		}
		b, err := json.Marshal(m)
		g.Expect(err).NotTo(HaveOccurred())
		return string(b)
	}
	g.Expect(play(3)).To(Equal(play(3)))
	g.Expect(play(3)).NotTo(Equal(play(4)), "another seed loses other frames")
}

// A crooked target changes the frames that it sends.
type crooked struct {
	target.Target
	name string
	bend func(frame []byte) []byte
}

func (c *crooked) Info() target.Info {
	i := c.Target.Info()
	i.Name = c.name
	return i
}

func (c *crooked) New(ctx context.Context, s target.Spec) (target.World, error) {
	w, err := c.Target.New(ctx, s)
	return bent{w, c.bend}, err
}

type bent struct {
	target.World
	bend func([]byte) []byte
}

func (b bent) Next(at time.Duration) (target.Event, error) {
	ev, err := b.World.Next(at)
	if ev.Frame != nil {
		ev.Frame = b.bend(ev.Frame)
	}
	return ev, err
}

// A stack that is wrong on purpose is the one that is named, whichever side it is on.
func TestTheWrongSideIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name, scenario, requirement string
		bend                        func([]byte) []byte
	}{
		{"an IPv4 header's reserved flag is set", "udp", "RFC791:", func(f []byte) []byte {
			if len(f) > 34 && f[12] == 8 && f[13] == 0 {
				f[20] |= 0x80
				f[24], f[25] = 0, 0
				var sum uint32
				for i := 14; i < 34; i += 2 {
					sum += uint32(f[i])<<8 | uint32(f[i+1])
				}
				for sum > 0xffff {
					sum = sum>>16 + sum&0xffff
				}
				f[24], f[25] = byte(^sum>>8), byte(^sum)
			}
			return f
		}},
		{"a TCP checksum is off by one", "tcp", "", func(f []byte) []byte {
			if len(f) > 54 && f[12] == 8 && f[13] == 0 && f[23] == 6 && f[47]&2 == 0 {
				f[51]++
			}
			return f
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			right, wrong := open(t), &crooked{open(t), "crooked", tt.bend}
			m, err := interop.Play(context.Background(), interop.Pairs([]target.Target{right, wrong}), interop.Options{Seed: 1, Only: []string{tt.scenario + "[ipv4]"}})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(m.Cells).To(HaveLen(2))
			for _, c := range m.Cells {
				side := "a"
				if c.B == "crooked" {
					side = "b"
				}
				g.Expect(c.Outcome).To(Equal(report.Fail), c.Line())
				g.Expect(c.Blame).To(Equal([]string{side}), c.Line())
				g.Expect(c.Findings[0].Requirement).To(HavePrefix(tt.requirement))
				g.Expect(c.Line()).To(ContainSubstring("crooked (" + side + ") broke"))
			}
		})
	}
}

func TestMistakesInTheUse(t *testing.T) {
	g := NewWithT(t)
	_, err := interop.Choose([]string{"tcp-bluk"})
	g.Expect(err).To(MatchError(ContainSubstring(`no scenario is called "tcp-bluk": there are resolve, ping`)))
	one, err := interop.Choose([]string{"tcp-bulk[ipv6]"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(one).To(HaveLen(1))
}

// What comes from a target reaches the page as text.
func TestPageEscapes(t *testing.T) {
	g := NewWithT(t)
	out := t.TempDir()
	m := &interop.Matrix{Schema: interop.Schema, Cells: []interop.Cell{{
		A: "<script>alert(1)</script>", B: "b", Scenario: "tcp[ipv4]", Outcome: report.Fail, Message: "<img src=x onerror=alert(2)>\x1b[31m", Blame: []string{"a"},
		Findings: []interop.Finding{{Side: "a", Requirement: "RFC791:1", Text: "</dd><script>alert(3)</script>", Count: 1}},
	}}}
	g.Expect(m.Save(out)).To(Succeed())
	b, err := os.ReadFile(filepath.Join(out, interop.HTMLFile))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(b)).NotTo(ContainSubstring("<script"))
	g.Expect(string(b)).NotTo(ContainSubstring("<img"))
	g.Expect(string(b)).To(ContainSubstring("&lt;script&gt;alert(1)"))
	var text strings.Builder
	g.Expect(m.WriteConsole(&text)).To(Succeed())
	g.Expect(m.Cells[0].Line()).NotTo(ContainSubstring("\x1b"))
	g.Expect(text.String()).To(ContainSubstring("fail (a)"))
}
