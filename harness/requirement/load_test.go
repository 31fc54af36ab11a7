package requirement

import (
	"strings"
	"testing"
	"testing/fstest"
)

// tree is a catalogue of one file a name.
func tree(files map[string]string) fstest.MapFS {
	fs := make(fstest.MapFS)
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

const goodEntry = `- {id: "RFC826:RX-8", section: "Packet Reception", level: RULE, text: "Only the target answers.", testable: wire}
`

func TestLoadReadsEveryField(t *testing.T) {
	c, err := LoadFS(tree(map[string]string{
		"ipv4/rfc826.yaml": "# a comment\n" + goodEntry,
		"ipv4/old.yaml":    strings.NewReplacer("RX-8", "RX-1", "wire", `wire, superseded_by: "RFC826:RX-8"`).Replace(goodEntry),
		"app/mqtt5.yaml":   `- {id: "MQTT5:1-1", section: "1", level: "MUST NOT", text: "t", testable: api, role: client, needs: [agent, services]}`,
		"untested.yaml":    `- {id: "MQTT5:1-1", reason: "it takes a day"}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	arp, ok := c.Get("RFC826:RX-8")
	if !ok || arp.Spec != "RFC 826" || arp.Section != "Packet Reception" || arp.Level != Rule || arp.Text != "Only the target answers." ||
		arp.Testable != Wire || arp.Role != "host" || len(arp.Needs) != 0 || arp.Group != "ipv4" || arp.File != "ipv4/rfc826.yaml" || arp.Line != 2 {
		t.Errorf("the ARP entry is %+v", arp)
	}
	mqtt, ok := c.Get("MQTT5:1-1")
	if !ok || mqtt.Spec != "MQTT 5.0" || mqtt.Level != "MUST NOT" || mqtt.Testable != API || mqtt.Role != "client" ||
		len(mqtt.Needs) != 2 || mqtt.Needs[0] != Agent || mqtt.Needs[1] != Services {
		t.Errorf("the MQTT entry is %+v", mqtt)
	}
	if reason, ok := c.Untested("MQTT5:1-1"); !ok || reason != "it takes a day" {
		t.Errorf("the reason is %q, %v", reason, ok)
	}
	if reason, _ := c.Untested("RFC826:RX-1"); reason != "replaced by RFC826:RX-8" {
		t.Errorf("the reason of an entry that is superseded is %q", reason)
	}
	if _, ok := c.Untested("RFC826:RX-8"); ok {
		t.Error("an entry without a reason has one")
	}
	if _, ok := c.Get("RFC826:RX-9"); ok {
		t.Error("an id that is not in the catalogue is found")
	}
}

// Each row spoils one thing in a tree that is good without it.
func TestLoadRefuses(t *testing.T) {
	spoil := func(old, new string) map[string]string {
		return map[string]string{"ipv4/rfc826.yaml": strings.Replace(goodEntry, old, new, 1)}
	}
	reasons := func(text string) map[string]string {
		return map[string]string{"ipv4/rfc826.yaml": goodEntry + strings.NewReplacer("RX-8", "RX-9", "wire", "none").Replace(goodEntry), "untested.yaml": text}
	}
	if _, err := LoadFS(tree(reasons(""))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no file", nil, "the catalogue is empty: it has no file GROUP/NAME.yaml with entries"},
		{"unknown key", spoil("section", "chapter"), `ipv4/rfc826.yaml:1: key "chapter" is unknown: an entry has id, section, level, text, testable, role, needs and superseded_by`},
		{"superseded by nothing known", spoil("wire}", `wire, superseded_by: "RFC5227:1-1"}`),
			"ipv4/rfc826.yaml:1: RFC826:RX-8 is superseded by RFC5227:1-1, which is not in the catalogue"},
		{"missing key", spoil(`text: "Only the target answers.", `, ""), "ipv4/rfc826.yaml:1: the entry has no text"},
		{"empty text", spoil("Only the target answers.", " "), "ipv4/rfc826.yaml:1: text is empty"},
		{"text of another kind", spoil(`"Only the target answers."`, "[a]"), "ipv4/rfc826.yaml:1: text is not a text"},
		{"key twice", spoil("section", "id"), `ipv4/rfc826.yaml:1: key "id" occurs twice in one entry`},
		{"level", spoil("RULE", "MIGHT"), `ipv4/rfc826.yaml:1: level "MIGHT" is unknown: it is MUST, SHOULD, MAY, each of their other forms in RFC 2119, or RULE`},
		{"testable", spoil("wire", "no"), `ipv4/rfc826.yaml:1: testable "no" is unknown: it is wire, api or none`},
		{"role", spoil("wire", "wire, role: switch"), `ipv4/rfc826.yaml:1: role "switch" is unknown: it is host, router, both, client, server, proxy, border-router, nat, tunnel`},
		{"need", spoil("wire", "wire, needs: [luck]"), `ipv4/rfc826.yaml:1: needs "luck" is unknown: it is services, agent, management, router, second-link`},
		{"needs that is no list", spoil("wire", "wire, needs: agent"), "ipv4/rfc826.yaml:1: needs is a list, such as [agent]; leave it out when nothing is needed"},
		{"specification", spoil("RFC826", "RFC"), `ipv4/rfc826.yaml:1: id "RFC:RX-8" has no known form: it begins with RFC and a number, or the name of another known specification, and a colon`},
		{"id without a number", spoil("RX-8", ""), `ipv4/rfc826.yaml:1: id "RFC826:" has no known form: it begins with RFC and a number, or the name of another known specification, and a colon`},
		{"id twice in a file", map[string]string{"ipv4/a.yaml": goodEntry + goodEntry}, "ipv4/a.yaml:2: RFC826:RX-8 is in the catalogue already, at ipv4/a.yaml:1"},
		{"id twice in two", map[string]string{"ipv4/a.yaml": goodEntry, "ipv6/b.yaml": "\n" + goodEntry}, "ipv6/b.yaml:2: RFC826:RX-8 is in the catalogue already, at ipv4/a.yaml:1"},
		{"no list", map[string]string{"ipv4/a.yaml": "id: 7"}, "ipv4/a.yaml:1: the file is not a list of entries: each begins with a dash"},
		{"entry without fields", map[string]string{"ipv4/a.yaml": "- 7"}, "ipv4/a.yaml:1: the entry has no fields: it reads {id: ..., ...}"},
		{"no YAML", map[string]string{"ipv4/a.yaml": "- {id: x\n"}, "ipv4/a.yaml: line 1: did not find expected ',' or '}'"},
		{"reason for an unknown id", reasons(`- {id: "RFC826:RX-7", reason: r}`), "untested.yaml:1: RFC826:RX-7 is not in the catalogue"},
		{"reason for what is not testable", reasons(`- {id: "RFC826:RX-9", reason: r}`), "untested.yaml:1: RFC826:RX-9 needs no reason: its entry says testable none"},
		{"reason twice", reasons("- {id: \"RFC826:RX-8\", reason: r}\n- {id: \"RFC826:RX-8\", reason: s}"), "untested.yaml:2: RFC826:RX-8 has a reason already"},
		{"no reason", reasons(`- {id: "RFC826:RX-8"}`), "untested.yaml:1: the entry has no reason"},
		{"another key", reasons(`- {id: "RFC826:RX-8", why: r}`), `untested.yaml:1: key "why" is unknown: an entry has id and reason`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := LoadFS(tree(tt.files)); err == nil || err.Error() != tt.want {
				t.Errorf("LoadFS: %v\nwant    %s", err, tt.want)
			}
		})
	}
}

// The project's own catalogue is good, and ids are never dropped from it.
func TestEmbeddedCatalogue(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.All()); n < 6954 {
		t.Errorf("the catalogue has %d entries; it had 6954, and none is ever removed", n)
	}
	if n := len(c.Specs()); n < 80 {
		t.Errorf("the catalogue has %d specifications: %q", n, c.Specs())
	}
	if got := strings.Join(c.Groups(), " "); got != "app ipv4 ipv6 lowpan system tcp" {
		t.Errorf("the groups are %s", got)
	}
	for i, r := range c.All() {
		if got, _ := c.Get(r.ID); got.Text != r.Text || got.Line != r.Line {
			t.Errorf("Get(%q) gives the entry of line %d, not %d", r.ID, got.Line, r.Line)
		}
		if i > 0 && c.All()[i-1].Spec == r.Spec && Compare(c.All()[i-1].ID, r.ID) >= 0 && c.All()[i-1].Group == r.Group {
			t.Errorf("%s comes before %s", c.All()[i-1].ID, r.ID)
		}
	}
}
