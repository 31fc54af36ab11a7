package tcp

func registerTimers(rows []row) {}
