// Package crosscheck reads the same frames with the stack's codecs, with the harness's tables over gopacket and with
// tshark, and compares field by field. It holds tests only: nothing else may import both decoders.
//
// A reading is a list of values for each field; fields have tshark's names. A misreading of an RFC shows as a
// difference, as long as not all three share it. tshark is left out where it is not installed.
package crosscheck
