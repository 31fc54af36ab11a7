//go:build linux

package linux

import "github.com/conform-stack/conform/harness/target"

// settingsTCP are those of what a check needs of TCP.
func (x wants) settingsTCP() (tables [][]target.Setting) {
	for _, f := range []struct {
		wanted bool
		table  []target.Setting
	}{
		{x.ecn, []target.Setting{
			{Name: "net.ipv4.tcp_ecn", Value: "1", Why: "the check asks for ECN; by default the kernel agrees to it and does not ask"},
		}},
		{x.fastOpen, []target.Setting{
			{Name: "net.ipv4.tcp_fastopen", Value: "3", Why: "the check asks for Fast Open, as client and as server"},
		}},
		{x.synCookies, []target.Setting{
			{Name: "net.ipv4.tcp_syncookies", Value: "1", Why: "the check asks for SYN cookies, when the backlog is full"},
		}},
		{x.plpmtud, []target.Setting{
			{Name: "net.ipv4.tcp_mtu_probing", Value: "2", Why: "the check asks for probing of the path MTU from the beginning"},
		}},
	} {
		if f.wanted {
			tables = append(tables, f.table)
		}
	}
	return tables
}
