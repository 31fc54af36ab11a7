package main

import (
	"os"
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"
)

// radvd gives the stack its address over a TAP device, and the tools of the host reach it; then it is a router, and rdisc6
// finds it.
func TestUpOnIPv6(t *testing.T) {
	needRoot(t)
	for _, tool := range []string{"unshare", "ping", "ip", "curl", "radvd", "ndisc6", "rdisc6", "rltraceroute6"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the test needs %s: install util-linux, iputils-ping, iproute2, curl, radvd and ndisc6", tool)
		}
	}
	g := NewWithT(t)
	script := `set -e
up= radvd=
trap 'kill $up $radvd 2>/dev/null || true' EXIT
up() {
	"$0" up --host none "$@" >up.log 2>&1 &
	up=$!
	for i in $(seq 100); do grep -q ^up: up.log && break; sleep 0.05; done
	cat up.log
	ip addr add 192.0.2.2/24 dev conform0
	ip link set conform0 up
}
down() { kill -INT $up; wait $up; echo ended with $?; up=; }
sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
up
ip addr add 2001:db8:77::1/64 dev conform0 nodad
cat >radvd.conf <<END
interface conform0 {
	AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
	prefix 2001:db8:77::/64 { AdvOnLink on; AdvAutonomous on; };
};
END
radvd -n -C radvd.conf -p radvd.pid -m stderr -u root 2>radvd.log &
radvd=$!
at=2001:db8:77::ff:fe00:2
for i in $(seq 40); do ping -c 1 -W 1 $at >/dev/null 2>&1 && break; done
ping -c 3 -i 0.1 -W 2 $at
ping -c 1 -s 4000 -W 2 $at
ping -c 1 -W 2 fe80::ff:fe00:2%conform0
ndisc6 -1 $at conform0
rltraceroute6 -q 1 -m 3 -U $at
curl -gsS --noproxy '*' "http://[$at]/"
curl -sS --noproxy '*' http://192.0.2.1/ >/dev/null
kill $radvd
wait $radvd || true
radvd=
down
printf 'CONFIG_CONFORM_IPV6_FORWARDING=y\nCONFIG_CONFORM_IPV6_ROUTER_ADVERTISE=y\n' >router.conf
up --config router.conf
for i in $(seq 20); do rdisc6 -1 -r 1 -w 1000 conform0 && break; done
down
`
	cmd := exec.Command("unshare", "-n", "bash", "-c", script, os.Args[0])
	cmd.Env = append(os.Environ(), "CONFORM_TEST_MAIN=1")
	cmd.Dir = t.TempDir()
	b, err := cmd.CombinedOutput()
	text := string(b)
	g.Expect(err).NotTo(HaveOccurred(), text)
	g.Expect(text).To(ContainSubstring("3 packets transmitted, 3 received, 0% packet loss"))
	g.Expect(text).To(ContainSubstring("4008 bytes from 2001:db8:77::ff:fe00:2"))
	g.Expect(text).To(ContainSubstring("from fe80::ff:fe00:2%conform0"))
	g.Expect(text).To(ContainSubstring("Target link-layer address: 02:00:00:00:00:02"), "ndisc6")
	g.Expect(text).To(MatchRegexp(`(?m)^ 1  2001:db8:77::ff:fe00:2 .*ms`), "traceroute")
	g.Expect(text).To(ContainSubstring("TCP bytes recv"), "the page, over IPv6")
	g.Expect(text).To(MatchRegexp(`(?m)^ from fe80::ff:fe00:2$`), "rdisc6")
}
