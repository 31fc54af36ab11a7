package ethernet

import wire "github.com/conform-stack/conform/stack/wire/ethernet"

// SetMAC gives the station, and all VLANs on it, another address. The interface is down, so that nothing is under way.
func (l *Link) SetMAC(mac wire.MAC) {
	l.mac, l.addrs[0] = mac, mac.Addr()
	for _, v := range l.vlans {
		v.Link.SetMAC(mac)
	}
}
