package config_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/config"
)

func TestDataPathIsChecked(t *testing.T) {
	for want, c := range map[string]config.Config{
		"config: Data.ClassMap is sr_ab, but CONFIG_NET_TC_MAPPING_SR_CLASS_A_AND_B needs NET_TC_RX_COUNT >= 2 || " +
			"NET_TC_RX_COUNT = 1 && NET_TC_RX_SKIP_FOR_HIGH_PRIO || NET_TC_TX_COUNT >= 2 || " +
			"NET_TC_TX_COUNT = 1 && NET_TC_TX_SKIP_FOR_HIGH_PRIO; CONFIG_NET_TC_RX_COUNT is 1, " +
			"CONFIG_NET_TC_RX_SKIP_FOR_HIGH_PRIO is n, CONFIG_NET_TC_TX_COUNT is 0, CONFIG_NET_TC_TX_SKIP_FOR_HIGH_PRIO is n": {
			RxClasses: 1, TxClasses: -1, Data: config.DataPath{ClassMap: config.SRAB}},
		"config: Data.ClassMap is \"fair\"; it takes strict, sr_ab or sr_b":                                                             {Data: config.DataPath{ClassMap: "fair"}},
		"config: Data.SkipHighRx is on, but CONFIG_NET_TC_RX_SKIP_FOR_HIGH_PRIO needs NET_TC_RX_COUNT < 8; CONFIG_NET_TC_RX_COUNT is 8": {RxClasses: 8, Data: config.DataPath{SkipHighRx: config.On}},
		"config: Data.DefaultIface is \"last\"; it takes first, up, ethernet, ieee802154, bluetooth or can": {
			Data: config.DataPath{DefaultIface: "last"}},
		"config: Data.RxTimeDetail is on, but CONFIG_NET_PKT_RXTIME_STATS_DETAIL needs NET_PKT_RXTIME_STATS; CONFIG_NET_PKT_RXTIME_STATS is n": {Data: config.DataPath{RxTimeDetail: config.On}},
		"config: Data.TxTimeDetail is on, but CONFIG_NET_PKT_TXTIME_STATS_DETAIL needs NET_PKT_TXTIME_STATS; CONFIG_NET_PKT_TXTIME_STATS is n": {Data: config.DataPath{TxTimeDetail: config.On}},
		"config: Data.TxPriority is 8; CONFIG_NET_TX_DEFAULT_PRIORITY takes 0 to 7":                                                            {Data: config.DataPath{TxPriority: 8}},
	} {
		if _, err := c.Resolve(); err == nil || err.Error() != want {
			t.Errorf("error:\n%v\nwant:\n%s", err, want)
		}
	}
	fits := config.Config{RxClasses: 1, TxClasses: -1, Data: config.DataPath{ClassMap: config.SRB, SkipHighRx: config.On}}
	if _, err := fits.Resolve(); err != nil {
		t.Errorf("one class that is queued and one that is not are two: %v", err)
	}
}

func TestSlots(t *testing.T) {
	for _, tt := range []struct {
		c      config.Config
		rx, tx int
	}{
		{config.Config{}, 512, 512},
		{config.Config{Profile: config.Zephyr}, 14, 14},
		{config.Config{Profile: config.Zephyr, RxClasses: 4, TxClasses: 2}, 3, 7},
		{config.Config{Profile: config.Zephyr, RxClasses: 4, Data: config.DataPath{SkipHighRx: config.On}}, 2, 14},
		{config.Config{QueueSlots: -1, RxPackets: 3, RxClasses: 8, TxPackets: 7, TxClasses: 2}, 1, 3},
	} {
		c, err := tt.c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		if rx, tx := c.RxSlots(), c.TxSlots(); rx != tt.rx || tx != tt.tx {
			t.Errorf("%d of %d and %d of %d classes: %d and %d slots, want %d and %d",
				c.RxPackets, c.EffectiveRx(), c.TxPackets, c.EffectiveTx(), rx, tx, tt.rx, tt.tx)
		}
	}
}
