package stats_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/conform-stack/conform/stack/stats"
)

func Example() {
	var node stats.Node
	node.IPv4.Received = 7
	before := node
	node.IPv4.Received++
	node.Drop(stats.IPChecksum)
	node.Since(before).Each(func(name string, value uint64) { fmt.Println(name, value) })
	// Output:
	// IPv4.Received 1
	// drop.ip-checksum 1
}

func TestEveryDropHasANameOfItsOwn(t *testing.T) {
	seen := map[string]stats.Drop{}
	for d := range stats.NumDrops {
		name := d.String()
		if name == "" || name == "unknown-drop" {
			t.Errorf("drop %d has no name", d)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("drops %d and %d are both %q", other, d, name)
		}
		seen[name] = d
	}
}

// Since and Each know counters and structs of them; a field of another kind would be left out in silence.
func TestAllFieldsAreCounters(t *testing.T) {
	var check func(name string, typ reflect.Type)
	check = func(name string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Uint64:
		case reflect.Struct:
			for i := range typ.NumField() {
				check(name+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
		case reflect.Array:
			check(name+"[]", typ.Elem())
		default:
			t.Errorf("%s is a %v", name, typ)
		}
	}
	check("Node", reflect.TypeFor[stats.Node]())
}
