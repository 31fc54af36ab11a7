package probe

// Log is the log of a body that is running.
func (p *P) Log() *Log { return &p.log }

// Text is all of the log.
func (l *Log) Text() string { return l.last(len(l.Records)) }
