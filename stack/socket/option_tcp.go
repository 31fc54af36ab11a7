package socket

var tcpOptions = map[Option]row{} // never written
