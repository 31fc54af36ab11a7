package stats

// MaxClasses is how many traffic classes there are at most in each direction.
const MaxClasses = 8

// Classes counts packets by traffic class. Without classes all are counted as class 0.
type Classes struct {
	Sent, Received [MaxClasses]Class
}

// A Class counts the packets of one traffic class in one direction. Packets and Bytes are those that went through it:
// sent packets that the device took, and received ones that the link layer got. What a queue turned away is Dropped.
type Class struct {
	Packets, Bytes uint64
	Dropped        uint64
	Time           Interval    // from a packet's making to its end: sent, or given to the application
	Detail         [4]Interval // from point to point of its way; three of them for sent packets
}

// An Interval is a sum of times and how many there were.
type Interval struct {
	Sum   uint64 // in nanoseconds
	Count uint64
}

// Add counts one time, in nanoseconds.
func (v *Interval) Add(ns int64) {
	v.Sum += uint64(ns)
	v.Count++
}

// Microseconds is the average, truncated; 0 when there is none.
func (v Interval) Microseconds() uint64 {
	if v.Count == 0 {
		return 0
	}
	return v.Sum / v.Count / 1000
}

// Total is the sum over classes.
func Total(of *[MaxClasses]Class) (sum Class) {
	for i := range of {
		c := &of[i]
		sum.Packets += c.Packets
		sum.Bytes += c.Bytes
		sum.Dropped += c.Dropped
		sum.Time.plus(c.Time)
		for k := range c.Detail {
			sum.Detail[k].plus(c.Detail[k])
		}
	}
	return sum
}

func (v *Interval) plus(o Interval) {
	v.Sum += o.Sum
	v.Count += o.Count
}
