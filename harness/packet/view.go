package packet

// A View is one layer of a frame for people: what a page or a console shows of it.
type View struct {
	Name   string // of the protocol
	At     int    // of the header in the frame's octets
	Octets int    // of the header
	// Derived says that the layer does not stand in the frame's octets: it was compressed, or came in parts. At counts
	// from the beginning of the packet.
	Derived bool
	Fields  []FieldView
}

// A FieldView is one field of a layer.
type FieldView struct {
	Name  string
	Value string // as messages print it
}

// Views are the layers of f whose tables are known, outermost first, with all fields that the headers hold.
func (f *Frame) Views() []View {
	views := make([]View, 0, len(f.layers))
	for i, l := range f.layers {
		v := View{Name: l.proto.name, At: l.at, Octets: len(l.header), Derived: f.derived != nil && i >= f.own}
		for _, s := range l.proto.fields {
			if raw, ok := s.read(l.header); ok {
				v.Fields = append(v.Fields, FieldView{s.name, s.format(raw)})
			}
		}
		views = append(views, v)
	}
	return views
}
