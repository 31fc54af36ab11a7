//go:build ignore

/*
 * conform_agent: lets a conformance harness open, use and close sockets on this machine.
 *
 * It speaks docs/agent-protocol.md: lines of JSON over TCP, a Unix socket, a serial device or standard input and output.
 * One file of C99 over BSD sockets, nothing beyond libc. What a system does not have, #ifdef leaves out; such an option is
 * answered with ENOPROTOOPT, such a flag with EOPNOTSUPP.
 *
 * One thread, one poll(2). A call is tried at once; one that would block joins the queue of its socket and direction, and only
 * the head of a queue is tried again, when poll(2) says so. That gives the order that the protocol wants. Nothing that the
 * harness says makes the agent use more than a bounded amount of memory (the limits below).
 *
 *	cc -std=c99 -O2 -Wall -Wextra -o conform-agent conform_agent.c
 */
#ifdef __linux__
#define _GNU_SOURCE /* in6_pktinfo, POLLRDHUP */
#endif
#define _DARWIN_C_SOURCE
#define _NETBSD_SOURCE
#define __APPLE_USE_RFC_3542 /* IPV6_RECVPKTINFO on macOS */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sys/wait.h>
#endif

#define VERSION 1
#define LINE_MAX_OCTETS (4l << 20)   /* of a line that is read: more than the protocol has, for large sends on a stream */
#define DATA_MAX_OCTETS 190000    /* what recv gives at once: its base64 fits into a line of 262,144 octets */
#define DATAGRAM_OCTETS 65535     /* what recv takes when the request does not say */
#define SOCKETS_MAX 4096          /* EMFILE beyond */
#define OPS_MAX 4096              /* calls that wait; ENOBUFS beyond */
#define HELD_MAX (64l << 20)      /* octets that waiting calls hold; ENOBUFS beyond */
#define LIST_MAX 1024             /* polls, sources of one request; ENOBUFS beyond */
#define CONTROL_MAX 32            /* control messages of one request */
#define OUT_HIGH (1l << 20)       /* octets unsent beyond which no request is read */
#define DEPTH_MAX 32              /* of JSON that is passed over */
#define LINGERING_MAX 64           /* closes that linger at the same time; one more holds the agent up */
#define HELLO_MS 10000            /* how long a harness may take to say who it is */
#define AGAIN_MS 5                /* pause of a call that poll(2) called ready and that was not */

static void die(const char *what) {
	fprintf(stderr, "conform_agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- names of errors ---- */

static const struct { const char *name; int number; } errors[] = {
#ifdef E2BIG
	{"E2BIG", E2BIG},
#endif
#ifdef EACCES
	{"EACCES", EACCES},
#endif
#ifdef EADDRINUSE
	{"EADDRINUSE", EADDRINUSE},
#endif
#ifdef EADDRNOTAVAIL
	{"EADDRNOTAVAIL", EADDRNOTAVAIL},
#endif
#ifdef EAFNOSUPPORT
	{"EAFNOSUPPORT", EAFNOSUPPORT},
#endif
#ifdef EAGAIN
	{"EAGAIN", EAGAIN},
#endif
#ifdef EALREADY
	{"EALREADY", EALREADY},
#endif
#ifdef EBADF
	{"EBADF", EBADF},
#endif
#ifdef EBADMSG
	{"EBADMSG", EBADMSG},
#endif
#ifdef EBUSY
	{"EBUSY", EBUSY},
#endif
#ifdef ECANCELED
	{"ECANCELED", ECANCELED},
#endif
#ifdef ECONNABORTED
	{"ECONNABORTED", ECONNABORTED},
#endif
#ifdef ECONNREFUSED
	{"ECONNREFUSED", ECONNREFUSED},
#endif
#ifdef ECONNRESET
	{"ECONNRESET", ECONNRESET},
#endif
#ifdef EDESTADDRREQ
	{"EDESTADDRREQ", EDESTADDRREQ},
#endif
#ifdef EDOM
	{"EDOM", EDOM},
#endif
#ifdef EEXIST
	{"EEXIST", EEXIST},
#endif
#ifdef EFAULT
	{"EFAULT", EFAULT},
#endif
#ifdef EHOSTDOWN
	{"EHOSTDOWN", EHOSTDOWN},
#endif
#ifdef EHOSTUNREACH
	{"EHOSTUNREACH", EHOSTUNREACH},
#endif
#ifdef EINPROGRESS
	{"EINPROGRESS", EINPROGRESS},
#endif
#ifdef EINTR
	{"EINTR", EINTR},
#endif
#ifdef EINVAL
	{"EINVAL", EINVAL},
#endif
#ifdef EIO
	{"EIO", EIO},
#endif
#ifdef EISCONN
	{"EISCONN", EISCONN},
#endif
#ifdef ELOOP
	{"ELOOP", ELOOP},
#endif
#ifdef EMFILE
	{"EMFILE", EMFILE},
#endif
#ifdef EMSGSIZE
	{"EMSGSIZE", EMSGSIZE},
#endif
#ifdef ENETDOWN
	{"ENETDOWN", ENETDOWN},
#endif
#ifdef ENETRESET
	{"ENETRESET", ENETRESET},
#endif
#ifdef ENETUNREACH
	{"ENETUNREACH", ENETUNREACH},
#endif
#ifdef ENFILE
	{"ENFILE", ENFILE},
#endif
#ifdef ENOBUFS
	{"ENOBUFS", ENOBUFS},
#endif
#ifdef ENODEV
	{"ENODEV", ENODEV},
#endif
#ifdef ENOENT
	{"ENOENT", ENOENT},
#endif
#ifdef ENOMEM
	{"ENOMEM", ENOMEM},
#endif
#ifdef ENONET
	{"ENONET", ENONET},
#endif
#ifdef ENOPROTOOPT
	{"ENOPROTOOPT", ENOPROTOOPT},
#endif
#ifdef ENOSPC
	{"ENOSPC", ENOSPC},
#endif
#ifdef ENOSYS
	{"ENOSYS", ENOSYS},
#endif
#ifdef ENOTCONN
	{"ENOTCONN", ENOTCONN},
#endif
#ifdef ENOTSOCK
	{"ENOTSOCK", ENOTSOCK},
#endif
#ifdef ENOTTY
	{"ENOTTY", ENOTTY},
#endif
#ifdef ENXIO
	{"ENXIO", ENXIO},
#endif
#ifdef EOPNOTSUPP
	{"EOPNOTSUPP", EOPNOTSUPP},
#endif
#ifdef EPERM
	{"EPERM", EPERM},
#endif
#ifdef EPFNOSUPPORT
	{"EPFNOSUPPORT", EPFNOSUPPORT},
#endif
#ifdef EPIPE
	{"EPIPE", EPIPE},
#endif
#ifdef EPROTO
	{"EPROTO", EPROTO},
#endif
#ifdef EPROTONOSUPPORT
	{"EPROTONOSUPPORT", EPROTONOSUPPORT},
#endif
#ifdef EPROTOTYPE
	{"EPROTOTYPE", EPROTOTYPE},
#endif
#ifdef ERANGE
	{"ERANGE", ERANGE},
#endif
#ifdef EROFS
	{"EROFS", EROFS},
#endif
#ifdef ESHUTDOWN
	{"ESHUTDOWN", ESHUTDOWN},
#endif
#ifdef ESOCKTNOSUPPORT
	{"ESOCKTNOSUPPORT", ESOCKTNOSUPPORT},
#endif
#ifdef ETIMEDOUT
	{"ETIMEDOUT", ETIMEDOUT},
#endif
#ifdef ETOOMANYREFS
	{"ETOOMANYREFS", ETOOMANYREFS},
#endif
#ifdef EUSERS
	{"EUSERS", EUSERS},
#endif
};

static const char *error_name(int e) {
	static char other[24];
	size_t i;
	for (i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].number == e) return errors[i].name;
	snprintf(other, sizeof other, "E%d", e);
	return other;
}

/* ---- addresses ---- */

typedef struct {
	int family; /* 0: there is none; else AF_INET, AF_INET6 */
	unsigned char octets[16];
	uint32_t zone; /* an index */
	int zone_bad;  /* the zone is no index */
} addr;

typedef struct {
	addr a;
	unsigned port;
} endpoint;

static int addr_parse(char *s, addr *a) {
	char *zone;
	memset(a, 0, sizeof *a);
	if (!*s) return 0;
	zone = strchr(s, '%');
	if (zone) *zone++ = 0;
	if (!strchr(s, ':')) {
		a->family = AF_INET;
		return zone || inet_pton(AF_INET, s, a->octets) != 1 ? -1 : 0;
	}
	a->family = AF_INET6;
	if (inet_pton(AF_INET6, s, a->octets) != 1) return -1;
	if (zone) {
		uint64_t n = 0;
		const char *c;
		if (!*zone) return -1;
		for (c = zone; *c; c++) {
			if (*c < '0' || *c > '9' || (n = n * 10 + (uint64_t)(*c - '0')) > UINT32_MAX) {
				a->zone_bad = 1;
				return 0;
			}
		}
		a->zone = (uint32_t)n;
	}
	return 0;
}

static int endpoint_parse(char *s, endpoint *e) {
	char *colon, *c;
	memset(e, 0, sizeof *e);
	if (!*s) return 0;
	colon = strrchr(s, ':');
	if (!colon || !colon[1]) return -1;
	*colon = 0;
	for (c = colon + 1; *c; c++)
		if (*c < '0' || *c > '9' || (e->port = e->port * 10 + (unsigned)(*c - '0')) > 65535) return -1;
	if (*s == '[') {
		if (colon == s + 1 || colon[-1] != ']') return -1;
		colon[-1] = 0;
		if (!strchr(++s, ':')) return -1;
	} else if (strchr(s, ':')) {
		return -1;
	}
	return *s ? addr_parse(s, &e->a) : -1;
}

static int is_mapped(const addr *a) {
	static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
	return a->family == AF_INET6 && !memcmp(a->octets, prefix, 12);
}

/* sixteen is the address in IPv6's form; IPv4's is mapped. */
static void sixteen(const addr *a, void *to) {
	unsigned char b[16] = {0};
	if (a->family == AF_INET) {
		b[10] = b[11] = 255;
		memcpy(b + 12, a->octets, 4);
	} else if (a->family == AF_INET6) {
		memcpy(b, a->octets, 16);
	}
	memcpy(to, b, 16);
}

#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define SET_LEN(field, n) ((field) = (uint8_t)(n))
#else
#define SET_LEN(field, n) ((void)0)
#endif

/* to_sockaddr gives 0 or an errno. Without an address it is the unspecified one. */
static int to_sockaddr(int family, const endpoint *e, struct sockaddr_storage *to, socklen_t *len) {
	memset(to, 0, sizeof *to);
	if (family == AF_INET) {
		struct sockaddr_in in;
		memset(&in, 0, sizeof in);
		in.sin_family = AF_INET;
		SET_LEN(in.sin_len, sizeof in);
		in.sin_port = htons((uint16_t)e->port);
		if (e->a.family == AF_INET) memcpy(&in.sin_addr, e->a.octets, 4);
		else if (is_mapped(&e->a)) memcpy(&in.sin_addr, e->a.octets + 12, 4);
		else if (e->a.family) return EAFNOSUPPORT;
		memcpy(to, &in, sizeof in);
		*len = sizeof in;
		return 0;
	} else {
		struct sockaddr_in6 in;
		if (e->a.zone_bad) return EINVAL;
		memset(&in, 0, sizeof in);
		in.sin6_family = AF_INET6;
		SET_LEN(in.sin6_len, sizeof in);
		in.sin6_port = htons((uint16_t)e->port);
		sixteen(&e->a, &in.sin6_addr);
		in.sin6_scope_id = e->a.zone;
		memcpy(to, &in, sizeof in);
		*len = sizeof in;
		return 0;
	}
}

static void from_sockaddr(const struct sockaddr_storage *s, socklen_t len, endpoint *e) {
	memset(e, 0, sizeof *e);
	if (s->ss_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;
		memcpy(&in, s, sizeof in);
		e->a.family = AF_INET;
		memcpy(e->a.octets, &in.sin_addr, 4);
		e->port = ntohs(in.sin_port);
	} else if (s->ss_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in;
		memcpy(&in, s, sizeof in);
		e->a.family = AF_INET6;
		memcpy(e->a.octets, &in.sin6_addr, 16);
		e->a.zone = in.sin6_scope_id;
		e->port = ntohs(in.sin6_port);
	}
}

static void local_of(int fd, endpoint *e) {
	struct sockaddr_storage s;
	socklen_t len = sizeof s;
	memset(e, 0, sizeof *e);
	memset(&s, 0, sizeof s);
	if (!getsockname(fd, (struct sockaddr *)&s, &len)) from_sockaddr(&s, len, e);
}

/* ---- the JSON of a request ---- */

typedef struct {
	int socket;
	unsigned events; /* bits of the table polled */
} pollfor;

typedef struct {
	char *type;
	int64_t value, ifindex;
	addr a;
} control;

/* An address of a packet socket. */
typedef struct {
	int there;
	int64_t protocol, ifindex;
	unsigned char *octets; /* these point into the line */
	size_t size;
} link_addr;

typedef struct {
	int64_t id, socket, protocol, max, value, iface, hello;
	const char *verb, *family, *type, *option, *token;
	endpoint local, remote;
	link_addr link;
	addr group;
	unsigned char *data; /* these point into the line */
	size_t size;
	addr sources[LIST_MAX];
	pollfor polls[LIST_MAX];
	control controls[CONTROL_MAX];
	int n_sources, n_polls, n_controls;
	int flags;          /* those that the system has */
	int flags_unknown;  /* there was one that it has not */
	int dontwait;
	int over;           /* a list was longer than it may be */
} request;

static const struct { const char *name; int bit; } flag_names[] = {
	{"MSG_DONTWAIT", 0}, {"MSG_PEEK", MSG_PEEK}, {"MSG_OOB", MSG_OOB}, {"MSG_TRUNC", MSG_TRUNC}, {"MSG_CTRUNC", MSG_CTRUNC},
	{"MSG_DONTROUTE", MSG_DONTROUTE}, {"MSG_WAITALL", MSG_WAITALL},
#ifdef MSG_EOR
	{"MSG_EOR", MSG_EOR},
#endif
#ifdef MSG_MORE
	{"MSG_MORE", MSG_MORE},
#endif
#ifdef MSG_CONFIRM
	{"MSG_CONFIRM", MSG_CONFIRM},
#endif
#ifdef MSG_ERRQUEUE
	{"MSG_ERRQUEUE", MSG_ERRQUEUE},
#endif
#ifdef MSG_FASTOPEN
	{"MSG_FASTOPEN", MSG_FASTOPEN},
#endif
#ifdef MSG_NOSIGNAL
	{"MSG_NOSIGNAL", MSG_NOSIGNAL},
#endif
};

static const struct { const char *name; short bit; } polled[] = {
	{"in", POLLIN}, {"out", POLLOUT}, {"pri", POLLPRI}, {"err", POLLERR}, {"hup", POLLHUP},
#ifdef POLLRDHUP
	{"rdhup", POLLRDHUP},
#endif
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A cursor reads a line that ends with a zero octet, and writes strings in place: what is unescaped is never longer. */
typedef struct { char *p; } cursor;

static void space(cursor *c) {
	while (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n') c->p++;
}

static int expect(cursor *c, char what) {
	space(c);
	if (*c->p != what) return -1;
	c->p++;
	return 0;
}

static int hex4(const char *p) {
	int v = 0, i;
	for (i = 0; i < 4; i++) {
		char h = p[i];
		if (h >= '0' && h <= '9') v = v * 16 + h - '0';
		else if (h >= 'a' && h <= 'f') v = v * 16 + h - 'a' + 10;
		else if (h >= 'A' && h <= 'F') v = v * 16 + h - 'A' + 10;
		else return -1;
	}
	return v;
}

static char *utf8(char *to, unsigned long u) {
	if (u == 0) u = 0xfffd; /* a name holds no zero octet */
	if (u < 0x80) {
		*to++ = (char)u;
	} else if (u < 0x800) {
		*to++ = (char)(0xc0 | u >> 6);
		*to++ = (char)(0x80 | (u & 63));
	} else if (u < 0x10000) {
		*to++ = (char)(0xe0 | u >> 12);
		*to++ = (char)(0x80 | (u >> 6 & 63));
		*to++ = (char)(0x80 | (u & 63));
	} else {
		*to++ = (char)(0xf0 | u >> 18);
		*to++ = (char)(0x80 | (u >> 12 & 63));
		*to++ = (char)(0x80 | (u >> 6 & 63));
		*to++ = (char)(0x80 | (u & 63));
	}
	return to;
}

static int string(cursor *c, char **s) {
	char *to;
	if (expect(c, '"')) return -1;
	*s = to = c->p;
	for (;;) {
		unsigned char o = (unsigned char)*c->p++;
		if (o == '"') {
			*to = 0;
			return 0;
		}
		if (o < 0x20) return -1; /* the end of the line, too */
		if (o != '\\') {
			*to++ = (char)o;
			continue;
		}
		switch (*c->p++) {
		case '"': *to++ = '"'; break;
		case '\\': *to++ = '\\'; break;
		case '/': *to++ = '/'; break;
		case 'b': *to++ = '\b'; break;
		case 'f': *to++ = '\f'; break;
		case 'n': *to++ = '\n'; break;
		case 'r': *to++ = '\r'; break;
		case 't': *to++ = '\t'; break;
		case 'u': {
			int low, u = hex4(c->p);
			unsigned long whole;
			if (u < 0) return -1;
			c->p += 4;
			whole = (unsigned long)u;
			if (u >= 0xd800 && u < 0xe000) { /* half of a pair */
				whole = 0xfffd;
				if (u < 0xdc00 && c->p[0] == '\\' && c->p[1] == 'u' && (low = hex4(c->p + 2)) >= 0xdc00 && low < 0xe000) {
					whole = 0x10000ul + ((unsigned long)(u - 0xd800) << 10) + (unsigned long)(low - 0xdc00);
					c->p += 6;
				}
			}
			to = utf8(to, whole);
			break;
		}
		default: return -1;
		}
	}
}

static int literal(cursor *c, const char *word) {
	size_t n = strlen(word);
	if (strncmp(c->p, word, n)) return 0;
	c->p += n;
	return 1;
}

static int null(cursor *c) {
	space(c);
	return literal(c, "null");
}

/* integer refuses fractions, exponents and what 64 bits do not hold. */
static int integer(cursor *c, int64_t *v) {
	int negative;
	uint64_t n = 0;
	space(c);
	negative = *c->p == '-';
	c->p += negative;
	if (*c->p < '0' || *c->p > '9' || (*c->p == '0' && c->p[1] >= '0' && c->p[1] <= '9')) return -1;
	for (; *c->p >= '0' && *c->p <= '9'; c->p++) {
		unsigned digit = (unsigned)(*c->p - '0');
		if (n > ((uint64_t)INT64_MAX - digit) / 10) return -1;
		n = n * 10 + digit;
	}
	if (*c->p == '.' || *c->p == 'e' || *c->p == 'E') return -1;
	*v = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

static int digits(cursor *c) {
	if (*c->p < '0' || *c->p > '9') return -1;
	while (*c->p >= '0' && *c->p <= '9') c->p++;
	return 0;
}

static int scalar(cursor *c) {
	char *s;
	if (*c->p == '"') return string(c, &s);
	if (literal(c, "true") || literal(c, "false") || literal(c, "null")) return 0;
	if (*c->p == '-') c->p++;
	if (*c->p == '0') c->p++;
	else if (digits(c)) return -1;
	if (*c->p == '.') {
		c->p++;
		if (digits(c)) return -1;
	}
	if (*c->p == 'e' || *c->p == 'E') {
		c->p++;
		if (*c->p == '+' || *c->p == '-') c->p++;
		if (digits(c)) return -1;
	}
	return 0;
}

static int key(cursor *c, char **name) { return string(c, name) || expect(c, ':') ? -1 : 0; }

/* skip passes over a value that the agent has no use for. */
static int skip(cursor *c) {
	char open[DEPTH_MAX], *name;
	int depth = 0;
	for (;;) {
		space(c);
		if (*c->p == '{' || *c->p == '[') {
			char o = *c->p++;
			if (depth == DEPTH_MAX) return -1;
			open[depth++] = o;
			space(c);
			if (*c->p != (o == '{' ? '}' : ']')) {
				if (o == '{' && key(c, &name)) return -1;
				continue;
			}
		} else if (scalar(c)) {
			return -1;
		}
		for (;;) { /* a value has ended, or an empty container stands before its end */
			if (!depth) return 0;
			space(c);
			if (*c->p == ',') {
				c->p++;
				if (open[depth - 1] == '{' && key(c, &name)) return -1;
				break;
			}
			if (*c->p != (open[depth - 1] == '{' ? '}' : ']')) return -1;
			c->p++;
			depth--;
		}
	}
}

/* each calls one for every value of an array. */
static int each(cursor *c, request *r, int (*one)(cursor *, request *)) {
	if (null(c)) return 0;
	if (expect(c, '[')) return -1;
	space(c);
	if (*c->p == ']') {
		c->p++;
		return 0;
	}
	for (;;) {
		if (one(c, r)) return -1;
		space(c);
		if (*c->p == ']') {
			c->p++;
			return 0;
		}
		if (expect(c, ',')) return -1;
	}
}

/* members calls one for every member of an object; one reads its value. */
static int members(cursor *c, void *to, int (*one)(cursor *, const char *, void *)) {
	char *name;
	if (expect(c, '{')) return -1;
	space(c);
	if (*c->p == '}') {
		c->p++;
		return 0;
	}
	for (;;) {
		if (key(c, &name) || one(c, name, to)) return -1;
		space(c);
		if (*c->p == '}') {
			c->p++;
			return 0;
		}
		if (expect(c, ',')) return -1;
	}
}

static int word(cursor *c, const char **to) {
	char *s;
	if (null(c)) return 0;
	if (string(c, &s)) return -1;
	*to = s;
	return 0;
}

static int number(cursor *c, int64_t *to) { return null(c) ? 0 : integer(c, to); }

static int address(cursor *c, addr *a) {
	char *s;
	if (null(c)) return 0;
	return string(c, &s) || addr_parse(s, a) ? -1 : 0;
}

static int address_port(cursor *c, endpoint *e) {
	char *s;
	if (null(c)) return 0;
	return string(c, &s) || endpoint_parse(s, e) ? -1 : 0;
}

static int one_flag(cursor *c, request *r) {
	const char *name = "";
	size_t i;
	if (word(c, &name)) return -1;
	if (!strcmp(name, "MSG_DONTWAIT")) r->dontwait = 1;
	for (i = 0; i < COUNT(flag_names); i++)
		if (!strcmp(name, flag_names[i].name)) {
			r->flags |= flag_names[i].bit;
			return 0;
		}
	r->flags_unknown = 1;
	return 0;
}

static int one_source(cursor *c, request *r) {
	addr a;
	memset(&a, 0, sizeof a);
	if (address(c, &a)) return -1;
	if (r->n_sources == LIST_MAX) r->over = 1;
	else r->sources[r->n_sources++] = a;
	return 0;
}

static int control_member(cursor *c, const char *name, void *to) {
	control *m = to;
	const char *s = m->type;
	if (!strcmp(name, "type")) {
		if (word(c, &s)) return -1;
		m->type = (char *)s;
		return 0;
	}
	if (!strcmp(name, "value")) return number(c, &m->value);
	if (!strcmp(name, "ifindex")) return number(c, &m->ifindex);
	if (!strcmp(name, "addr")) return address(c, &m->a);
	return skip(c);
}

static int one_control(cursor *c, request *r) {
	static char none[] = "";
	control m;
	memset(&m, 0, sizeof m);
	m.type = none;
	if (!null(c) && members(c, &m, control_member)) return -1;
	if (r->n_controls == CONTROL_MAX) r->over = 1;
	else r->controls[r->n_controls++] = m;
	return 0;
}

static int one_event(cursor *c, request *r) {
	pollfor *p = &r->polls[r->n_polls < LIST_MAX ? r->n_polls : LIST_MAX - 1];
	const char *name = "";
	size_t i;
	if (word(c, &name)) return -1;
	for (i = 0; i < COUNT(polled); i++)
		if (!strcmp(name, polled[i].name)) p->events |= (unsigned)polled[i].bit;
	return 0;
}

static int poll_member(cursor *c, const char *name, void *to) {
	request *r = to;
	pollfor *p = &r->polls[r->n_polls < LIST_MAX ? r->n_polls : LIST_MAX - 1];
	if (!strcmp(name, "socket")) {
		int64_t v = p->socket;
		if (number(c, &v)) return -1;
		p->socket = v > 0 && v <= INT32_MAX ? (int)v : 0;
		return 0;
	}
	if (!strcmp(name, "events")) return each(c, r, one_event);
	return skip(c);
}

static int one_poll(cursor *c, request *r) {
	if (r->n_polls < LIST_MAX) memset(&r->polls[r->n_polls], 0, sizeof *r->polls);
	else r->over = 1;
	if (!null(c) && members(c, r, poll_member)) return -1;
	if (r->n_polls < LIST_MAX) r->n_polls++;
	return 0;
}

static int base64_value(int c) {
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* base64 decodes in place; it must be padded, line ends are passed over. */
static int base64(char *s, size_t *size) {
	unsigned char *to = (unsigned char *)s;
	int four[4], n = 0, pad = 0;
	*size = 0;
	for (; *s; s++) {
		if (*s == '\r' || *s == '\n') continue;
		if (*s == '=') {
			if (n < 2 || ++pad + n > 4) return -1;
		} else {
			if (pad || (four[n++] = base64_value((unsigned char)*s)) < 0) return -1;
		}
		if (n + pad < 4) continue;
		to[(*size)++] = (unsigned char)(four[0] << 2 | four[1] >> 4);
		if (n > 2) to[(*size)++] = (unsigned char)(four[1] << 4 | four[2] >> 2);
		if (n > 3) to[(*size)++] = (unsigned char)(four[2] << 6 | four[3]);
		if (pad) {
			while (*++s)
				if (*s != '\r' && *s != '\n') return -1;
			return 0;
		}
		n = 0;
	}
	return n ? -1 : 0;
}

static int octets(cursor *c, unsigned char **to, size_t *size) {
	char *s;
	if (null(c)) return 0;
	if (string(c, &s) || base64(s, size)) return -1;
	*to = (unsigned char *)s;
	return 0;
}

static int link_member(cursor *c, const char *name, void *to) {
	link_addr *a = to;
	if (!strcmp(name, "protocol")) return number(c, &a->protocol);
	if (!strcmp(name, "ifindex")) return number(c, &a->ifindex);
	if (!strcmp(name, "addr")) return octets(c, &a->octets, &a->size);
	return skip(c);
}

static int request_member(cursor *c, const char *name, void *to) {
	request *r = to;
	if (!strcmp(name, "id")) return number(c, &r->id);
	if (!strcmp(name, "do")) return word(c, &r->verb);
	if (!strcmp(name, "socket")) return number(c, &r->socket);
	if (!strcmp(name, "family")) return word(c, &r->family);
	if (!strcmp(name, "type")) return word(c, &r->type);
	if (!strcmp(name, "protocol")) return number(c, &r->protocol);
	if (!strcmp(name, "local")) return address_port(c, &r->local);
	if (!strcmp(name, "remote")) return address_port(c, &r->remote);
	if (!strcmp(name, "max")) return number(c, &r->max);
	if (!strcmp(name, "option")) return word(c, &r->option);
	if (!strcmp(name, "value")) return number(c, &r->value);
	if (!strcmp(name, "group")) return address(c, &r->group);
	if (!strcmp(name, "iface")) return number(c, &r->iface);
	if (!strcmp(name, "sources")) return r->n_sources = 0, each(c, r, one_source);
	if (!strcmp(name, "flags")) return each(c, r, one_flag);
	if (!strcmp(name, "control")) return r->n_controls = 0, each(c, r, one_control);
	if (!strcmp(name, "polls")) return r->n_polls = 0, each(c, r, one_poll);
	if (!strcmp(name, "data")) return octets(c, &r->data, &r->size);
	if (!strcmp(name, "link")) {
		memset(&r->link, 0, sizeof r->link);
		r->link.there = !null(c);
		return r->link.there ? members(c, &r->link, link_member) : 0;
	}
	return skip(c);
}

static int hello_member(cursor *c, const char *name, void *to) {
	request *r = to;
	if (!strcmp(name, "hello")) return number(c, &r->hello);
	if (!strcmp(name, "token")) return word(c, &r->token);
	return skip(c);
}

/* parse reads a line that begins with a brace; -1 says that it is no message of the protocol. */
static int parse(char *line, request *r, int (*one)(cursor *, const char *, void *)) {
	cursor c;
	c.p = line;
	/* the lists need no clearing: their lengths say what is in them */
	r->id = r->socket = r->protocol = r->max = r->value = r->iface = r->hello = 0;
	r->verb = r->family = r->type = r->option = r->token = "";
	memset(&r->local, 0, sizeof r->local);
	memset(&r->remote, 0, sizeof r->remote);
	memset(&r->link, 0, sizeof r->link);
	memset(&r->group, 0, sizeof r->group);
	r->data = NULL;
	r->size = 0;
	r->n_sources = r->n_polls = r->n_controls = 0;
	r->flags = r->flags_unknown = r->dontwait = r->over = 0;
	if (members(&c, r, one)) return -1;
	space(&c);
	return *c.p ? -1 : 0;
}

/* ---- what is said ---- */

static struct {
	char *octets;
	size_t size, room, sent;
	int broken; /* there was no memory: the conversation ends */
} out;

static char *out_room(size_t n) {
	if (out.broken) return NULL;
	if (out.room - out.size < n) {
		size_t room = (out.size + n) * 2;
		char *more = realloc(out.octets, room);
		if (!more) {
			out.broken = 1;
			return NULL;
		}
		out.octets = more;
		out.room = room;
	}
	return out.octets + out.size;
}

static void say(const char *s) {
	size_t n = strlen(s);
	char *to = out_room(n);
	if (!to) return;
	memcpy(to, s, n);
	out.size += n;
}

static void say_number(int64_t v) {
	char s[24];
	snprintf(s, sizeof s, "%lld", (long long)v);
	say(s);
}

/* say_field says a number that is not zero. */
static void say_field(const char *name, int64_t v) {
	if (!v) return;
	say(name);
	say_number(v);
}

/* say_string escapes what a host's name might hold. */
static void say_string(const char *s) {
	char one[8];
	say("\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == '"' || c == '\\' || c > 0x7e) snprintf(one, sizeof one, "\\u%04x", c);
		else snprintf(one, sizeof one, "%c", c);
		say(one);
	}
	say("\"");
}

static void say_addr(const char *name, const addr *a) {
	char s[INET6_ADDRSTRLEN];
	if (!a->family || !inet_ntop(a->family, a->octets, s, sizeof s)) return;
	say(name);
	say("\"");
	say(s);
	say("\"");
}

static void say_endpoint(const char *name, const endpoint *e) {
	char s[INET6_ADDRSTRLEN];
	if (!e->a.family || !inet_ntop(e->a.family, e->a.octets, s, sizeof s)) return;
	say(name);
	say(e->a.family == AF_INET6 ? "\"[" : "\"");
	say(s);
	if (e->a.zone) {
		say("%");
		say_number(e->a.zone);
	}
	say(e->a.family == AF_INET6 ? "]:" : ":");
	say_number(e->port);
	say("\"");
}

static void say_octets(const char *name, const unsigned char *d, size_t n) {
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to;
	size_t i;
	if (!n) return;
	say(name);
	say("\"");
	if (!(to = out_room(n / 3 * 4 + 4))) return;
	for (i = 0; i < n; i += 3) {
		unsigned long v = (unsigned long)d[i] << 16;
		if (i + 1 < n) v |= (unsigned long)d[i + 1] << 8;
		if (i + 2 < n) v |= d[i + 2];
		*to++ = digit[v >> 18];
		*to++ = digit[v >> 12 & 63];
		*to++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digit[v & 63] : '=';
	}
	out.size = (size_t)(to - out.octets);
	say("\"");
}

static void say_data(const unsigned char *d, size_t n) { say_octets(",\"data\":", d, n); }

static void begin_reply(int64_t id) {
	say("{\"id\":");
	say_number(id);
}

static void end_reply(void) { say("}\n"); }

/* answer is a reply that holds nothing but perhaps an error. */
static void answer(int64_t id, int error) {
	begin_reply(id);
	if (error) {
		say(",\"errno\":\"");
		say(error_name(error));
		say("\"");
	}
	end_reply();
}

/* ---- sockets and the calls that wait on them ---- */

enum { READS, WRITES, DIRECTIONS };
enum kind { ACCEPT, RECV, SEND, DIAL };

struct sock;

typedef struct op {
	struct op *next;
	int64_t id, again_at; /* ms; a call that was called ready and was not pauses until then */
	struct sock *s;
	enum kind kind;
	int dontwait, flags;
	size_t max;
	unsigned char *data, *control;
	size_t size, sent, control_size;
	struct sockaddr_storage to;
	socklen_t to_len;
	size_t slot; /* in what was polled; 0: it was not */
} op;

typedef struct sock {
	struct sock *next;
	int id, fd, family;
	op *first[DIRECTIONS], *last[DIRECTIONS];
} sock;

/* A poll that waits. */
typedef struct polling {
	struct polling *next;
	int64_t id, deadline; /* ms, -1: none */
	size_t slot;
	int n;
	pollfor wants[];
} polling;

static sock *sockets;
static polling *polls;
static int last_socket, n_sockets, n_ops;
static long held; /* octets of calls that wait */

static sock *find(int64_t id) {
	sock *s;
	for (s = sockets; s; s = s->next)
		if (s->id == id) return s;
	return NULL;
}

static int no_block(int fd) {
	int f = fcntl(fd, F_GETFL);
	return f < 0 || fcntl(fd, F_SETFL, f | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : 0;
}

/* keep numbers a descriptor; NULL, with errno, when there are too many. */
static sock *keep(int fd, int family) {
	sock *s = NULL;
	if (n_sockets == SOCKETS_MAX || last_socket == INT32_MAX) errno = EMFILE;
	else s = calloc(1, sizeof *s);
	if (!s) {
		int e = errno;
		close(fd);
		errno = e;
		return NULL;
	}
	s->id = ++last_socket;
	s->fd = fd;
	s->family = family;
	s->next = sockets;
	sockets = s;
	n_sockets++;
	return s;
}

static void free_op(op *o) {
	held -= (long)(o->size + o->control_size);
	n_ops--;
	free(o->data);
	free(o->control);
	free(o);
}

static void free_poll(polling *p) {
	held -= (long)(sizeof *p + (size_t)p->n * sizeof *p->wants);
	n_ops--;
	free(p);
}

/* ---- packet sockets ---- */

#ifdef AF_PACKET
static int is_packet(int family) { return family == AF_PACKET; }

/* to_link gives 0 or an errno. */
static int to_link(const link_addr *a, struct sockaddr_storage *to, socklen_t *len) {
	struct sockaddr_ll ll;
	memset(&ll, 0, sizeof ll);
	memset(to, 0, sizeof *to);
	if (!a->there || a->size > sizeof ll.sll_addr) return EINVAL;
	ll.sll_family = AF_PACKET;
	ll.sll_protocol = htons((uint16_t)a->protocol);
	ll.sll_ifindex = (int)a->ifindex;
	ll.sll_halen = (unsigned char)a->size;
	if (a->size) memcpy(ll.sll_addr, a->octets, a->size);
	memcpy(to, &ll, sizeof ll);
	*len = sizeof ll;
	return 0;
}

/* say_link says an address of a link, and of a frame that was received its kind. */
static void say_link(const struct sockaddr_storage *s, socklen_t len, int received) {
	static const char *const kinds[] = {"host", "broadcast", "multicast", "other", "outgoing"};
	struct sockaddr_ll ll;
	memset(&ll, 0, sizeof ll);
	if (s->ss_family != AF_PACKET) return;
	memcpy(&ll, s, len < sizeof ll ? len : sizeof ll);
	say(",\"link\":{\"protocol\":");
	say_number(ntohs(ll.sll_protocol));
	say_field(",\"ifindex\":", ll.sll_ifindex);
	if (received && ll.sll_pkttype < COUNT(kinds)) {
		say(",\"kind\":\"");
		say(kinds[ll.sll_pkttype]);
		say("\"");
	}
	say_octets(",\"addr\":", ll.sll_addr, ll.sll_halen < sizeof ll.sll_addr ? ll.sll_halen : sizeof ll.sll_addr);
	say("}");
}
#else
static int is_packet(int family) { return (void)family, 0; }
static int to_link(const link_addr *a, struct sockaddr_storage *to, socklen_t *len) { return (void)a, (void)to, (void)len, EAFNOSUPPORT; }
static void say_link(const struct sockaddr_storage *s, socklen_t len, int received) { (void)s, (void)len, (void)received; }
#endif

static void say_link_of(int fd) {
	struct sockaddr_storage s;
	socklen_t len = sizeof s;
	memset(&s, 0, sizeof s);
	if (!getsockname(fd, (struct sockaddr *)&s, &len)) say_link(&s, len, 0);
}

static void open_socket(const request *r) {
	int family, type, fd, on = 1;
	sock *s;
	if (!*r->family || !strcmp(r->family, "inet")) family = AF_INET;
	else if (!strcmp(r->family, "inet6")) family = AF_INET6;
#ifdef AF_PACKET
	else if (!strcmp(r->family, "packet")) family = AF_PACKET;
#endif
	else {
		answer(r->id, EAFNOSUPPORT);
		return;
	}
	if (!*r->type || !strcmp(r->type, "dgram")) type = SOCK_DGRAM;
	else if (!strcmp(r->type, "stream")) type = SOCK_STREAM;
	else if (!strcmp(r->type, "raw")) type = SOCK_RAW;
	else {
		answer(r->id, ESOCKTNOSUPPORT);
		return;
	}
	fd = socket(family, type, is_packet(family) ? (int)htons((uint16_t)r->protocol) : (int)r->protocol);
	if (fd < 0) {
		answer(r->id, errno);
		return;
	}
	if (no_block(fd)) {
		answer(r->id, errno);
		close(fd);
		return;
	}
	if (type != SOCK_STREAM && !is_packet(family)) { /* so that recv can tell the destination address */
		int failed = 0;
		if (family == AF_INET6) failed = setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
#if defined(IP_RECVPKTINFO)
		else failed = setsockopt(fd, IPPROTO_IP, IP_RECVPKTINFO, &on, sizeof on);
#elif defined(IP_PKTINFO)
		else failed = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
#elif defined(IP_RECVDSTADDR)
		else failed = setsockopt(fd, IPPROTO_IP, IP_RECVDSTADDR, &on, sizeof on);
#endif
		if (failed) {
			answer(r->id, errno);
			close(fd);
			return;
		}
	}
	if (!(s = keep(fd, family))) {
		answer(r->id, errno);
		return;
	}
	begin_reply(r->id);
	say_field(",\"socket\":", s->id);
	end_reply();
}

/* ---- control messages ---- */

static const struct { const char *name; int level, kind, heard; } control_numbers[] = {
#if defined(IP_RECVTTL) && !defined(__linux__)
	{"IP_TTL", IPPROTO_IP, IP_TTL, IP_RECVTTL}, /* BSD calls what it tells by the option that asked for it */
#else
	{"IP_TTL", IPPROTO_IP, IP_TTL, IP_TTL},
#endif
#if defined(IP_RECVTOS) && !defined(__linux__)
	{"IP_TOS", IPPROTO_IP, IP_TOS, IP_RECVTOS},
#else
	{"IP_TOS", IPPROTO_IP, IP_TOS, IP_TOS},
#endif
	{"IPV6_HOPLIMIT", IPPROTO_IPV6, IPV6_HOPLIMIT, IPV6_HOPLIMIT},
	{"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS, IPV6_TCLASS},
};

static union {
	struct cmsghdr align;
	unsigned char octets[4096];
} ancillary;

static int append_control(size_t *size, int level, int kind, const void *data, size_t n) {
	struct cmsghdr h;
	unsigned char *to = ancillary.octets + *size;
	if (*size + CMSG_SPACE(n) > sizeof ancillary.octets) return ENOBUFS;
	memset(to, 0, CMSG_SPACE(n));
	memset(&h, 0, sizeof h);
	h.cmsg_len = CMSG_LEN(n);
	h.cmsg_level = level;
	h.cmsg_type = kind;
	memcpy(to, &h, sizeof h);
	memcpy(to + CMSG_LEN(0), data, n);
	*size += CMSG_SPACE(n);
	return 0;
}

static int encode_control(const request *r, size_t *size) {
	int i, e;
	size_t k;
	*size = 0;
	for (i = 0; i < r->n_controls; i++) {
		const control *c = &r->controls[i];
		for (k = 0; k < COUNT(control_numbers); k++)
			if (!strcmp(c->type, control_numbers[k].name)) break;
		if (k < COUNT(control_numbers)) {
			int v = (int)c->value;
			e = append_control(size, control_numbers[k].level, control_numbers[k].kind, &v, sizeof v);
		} else if (!strcmp(c->type, "IP_PKTINFO") && c->a.family != AF_INET6) {
#if defined(IP_PKTINFO)
			struct in_pktinfo p;
			memset(&p, 0, sizeof p);
			p.ipi_ifindex = (unsigned)c->ifindex;
			memcpy(&p.ipi_spec_dst, c->a.octets, 4);
			e = append_control(size, IPPROTO_IP, IP_PKTINFO, &p, sizeof p);
#elif defined(IP_SENDSRCADDR)
			e = append_control(size, IPPROTO_IP, IP_SENDSRCADDR, c->a.octets, 4);
#else
			e = EINVAL;
#endif
		} else if (!strcmp(c->type, "IPV6_PKTINFO")) {
			struct in6_pktinfo p;
			memset(&p, 0, sizeof p);
			if (c->a.family) sixteen(&c->a, &p.ipi6_addr);
			p.ipi6_ifindex = (unsigned)c->ifindex;
			e = append_control(size, IPPROTO_IPV6, IPV6_PKTINFO, &p, sizeof p);
		} else {
			e = EINVAL;
		}
		if (e) return e;
	}
	return 0;
}

/* say_control says one message, and puts the destination address where to is. */
static void say_control(const struct cmsghdr *h, const unsigned char *data, size_t n, int *any, addr *to) {
	const char *name = NULL;
	int64_t value = 0, ifindex = 0;
	addr a;
	size_t k;
	memset(&a, 0, sizeof a);
	for (k = 0; k < COUNT(control_numbers); k++)
		if (h->cmsg_level == control_numbers[k].level && n &&
		    (h->cmsg_type == control_numbers[k].heard || h->cmsg_type == control_numbers[k].kind)) {
			int v = data[0]; /* IP_TOS comes as one octet */
			if (n >= sizeof v) memcpy(&v, data, sizeof v);
			name = control_numbers[k].name;
			value = v;
			break;
		}
#ifdef SO_TIMESTAMP
	if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMP && n >= sizeof(struct timeval)) {
		struct timeval t;
		memcpy(&t, data, sizeof t);
		name = "SO_TIMESTAMP";
		value = (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
	}
#endif
#ifdef SO_TIMESTAMPNS
	if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SO_TIMESTAMPNS && n >= sizeof(struct timespec)) {
		struct timespec t;
		memcpy(&t, data, sizeof t);
		name = "SO_TIMESTAMPNS";
		value = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	}
#endif
#if defined(IP_PKTINFO)
	if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO && n >= sizeof(struct in_pktinfo)) {
		struct in_pktinfo p;
		memcpy(&p, data, sizeof p);
		name = "IP_PKTINFO";
		a.family = AF_INET;
		memcpy(a.octets, &p.ipi_addr, 4);
		ifindex = (int64_t)p.ipi_ifindex;
		*to = a;
	}
#endif
#if defined(IP_RECVDSTADDR) && !defined(__linux__)
	if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_RECVDSTADDR && n >= 4) {
		name = "IP_PKTINFO";
		a.family = AF_INET;
		memcpy(a.octets, data, 4);
		*to = a;
	}
#endif
	if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO && n >= sizeof(struct in6_pktinfo)) {
		struct in6_pktinfo p;
		memcpy(&p, data, sizeof p);
		name = "IPV6_PKTINFO";
		a.family = AF_INET6;
		memcpy(a.octets, &p.ipi6_addr, 16);
		ifindex = (int64_t)p.ipi6_ifindex;
		*to = a;
	}
	if (!name) return;
	say(*any ? ",{\"type\":\"" : ",\"control\":[{\"type\":\"");
	*any = 1;
	say(name);
	say("\"");
	say_field(",\"value\":", value);
	say_addr(",\"addr\":", &a);
	say_field(",\"ifindex\":", ifindex);
	say("}");
}

/* ---- calls that may wait: each tries once; 0 says that it would have blocked, else the reply has been said ---- */

static int would_block(int e) { return e == EAGAIN || e == EWOULDBLOCK || e == EINTR; }

static void say_local(int fd) {
	endpoint e;
	local_of(fd, &e);
	say_endpoint(",\"local\":", &e);
}

static int try_accept(op *o) {
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	endpoint e;
	sock *s;
	int fd;
	memset(&from, 0, sizeof from);
	fd = accept(o->s->fd, (struct sockaddr *)&from, &len);
	if (fd < 0 && would_block(errno)) return 0;
	if (fd < 0 || no_block(fd) || !(s = keep(fd, o->s->family))) {
		answer(o->id, errno);
		return 1;
	}
	begin_reply(o->id);
	say_field(",\"socket\":", s->id);
	say_local(fd);
	from_sockaddr(&from, len, &e);
	say_endpoint(",\"remote\":", &e);
	end_reply();
	return 1;
}

static int try_recv(op *o) {
	static unsigned char data[DATA_MAX_OCTETS];
	static const char *const told[] = {"MSG_TRUNC", "MSG_CTRUNC", "MSG_OOB", "MSG_EOR", "MSG_ERRQUEUE"};
	struct sockaddr_storage from;
	struct msghdr m;
	struct iovec v;
	struct cmsghdr *h;
	endpoint remote, local;
	addr to;
	ssize_t n;
	size_t i, k;
	int any = 0;
	memset(&from, 0, sizeof from);
	memset(&m, 0, sizeof m);
	memset(&to, 0, sizeof to);
	if (o->flags & MSG_TRUNC) memset(data, 0, o->max); /* TCP throws octets away and writes none */
	v.iov_base = data;
	v.iov_len = o->max;
	m.msg_name = &from;
	m.msg_namelen = sizeof from;
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	m.msg_control = ancillary.octets;
	m.msg_controllen = 512;
	n = recvmsg(o->s->fd, &m, o->flags | MSG_DONTWAIT);
	if (n < 0) {
		if (would_block(errno)) return 0;
		answer(o->id, errno);
		return 1;
	}
	begin_reply(o->id);
	say_data(data, (size_t)n < o->max ? (size_t)n : o->max);
	say_field(",\"value\":", n);
	from_sockaddr(&from, m.msg_namelen, &remote);
	say_endpoint(",\"remote\":", &remote);
	say_link(&from, m.msg_namelen, 1);
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_len >= CMSG_LEN(0)) say_control(h, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0), &any, &to);
	if (any) say("]");
	any = 0;
	for (i = 0; i < COUNT(told); i++)
		for (k = 0; k < COUNT(flag_names); k++)
			if (!strcmp(told[i], flag_names[k].name) && m.msg_flags & flag_names[k].bit) {
				say(any ? ",\"" : ",\"flags\":[\"");
				say(told[i]);
				say("\"");
				any = 1;
			}
	if (any) say("]");
	local_of(o->s->fd, &local);
	if (to.family) local.a = to;
	say_endpoint(",\"local\":", &local);
	end_reply();
	return 1;
}

static void say_taken(op *o, int local) {
	begin_reply(o->id);
	say_field(",\"value\":", (int64_t)o->sent);
	if (local) say_local(o->s->fd);
	end_reply();
}

static int try_send(op *o) {
	for (;;) {
		struct msghdr m;
		struct iovec v;
		ssize_t n;
		int flags = o->flags | MSG_DONTWAIT;
#ifdef MSG_NOSIGNAL
		flags |= MSG_NOSIGNAL;
#endif
		memset(&m, 0, sizeof m);
		v.iov_base = o->data ? (void *)(o->data + o->sent) : NULL;
		v.iov_len = o->size - o->sent;
		m.msg_iov = &v;
		m.msg_iovlen = 1;
		if (o->to_len) {
			m.msg_name = &o->to;
			m.msg_namelen = o->to_len;
		}
		if (o->control_size) {
			m.msg_control = o->control;
			m.msg_controllen = o->control_size;
		}
		n = sendmsg(o->s->fd, &m, flags);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0 && would_block(errno)) {
			if (!o->sent || !o->dontwait) return 0;
			say_taken(o, 0);
			return 1;
		}
		if (n < 0) {
			if (o->sent) say_taken(o, 0); /* the next call tells the error */
			else answer(o->id, errno);
			return 1;
		}
		o->sent += (size_t)n;
		if (o->sent >= o->size) {
			say_taken(o, 1);
			return 1;
		}
	}
}

/* try_dial asks for the outcome of a connect under way. */
static int try_dial(op *o) {
	struct pollfd p;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int e = 0;
	p.fd = o->s->fd;
	p.events = POLLOUT;
	if (poll(&p, 1, 0) <= 0) return 0;
	if (getsockopt(o->s->fd, SOL_SOCKET, SO_ERROR, &e, &len)) e = errno;
	if (e) {
		answer(o->id, e);
		return 1;
	}
	len = sizeof peer;
	if (getpeername(o->s->fd, (struct sockaddr *)&peer, &len) && errno == ENOTCONN) return 0;
	begin_reply(o->id);
	say_local(o->s->fd);
	end_reply();
	return 1;
}

static int try(op *o) {
	switch (o->kind) {
	case ACCEPT: return try_accept(o);
	case RECV: return try_recv(o);
	case SEND: return try_send(o);
	case DIAL: return try_dial(o);
	}
	return 0;
}

static int direction(enum kind k) { return k == ACCEPT || k == RECV ? READS : WRITES; }

static int copy(unsigned char **p, size_t n) {
	unsigned char *to;
	if (!n) {
		*p = NULL;
		return 0;
	}
	if (!(to = malloc(n))) return -1;
	memcpy(to, *p, n);
	*p = to;
	return 0;
}

/* begin ends a call at once, or lets it wait; what it points to is the caller's. */
static void begin(op *o) {
	int d = direction(o->kind);
	op *w;
	if (o->dontwait) {
		if (!try(o)) answer(o->id, EAGAIN);
		return;
	}
	if (!o->s->first[d] && try(o)) return;
	if (n_ops == OPS_MAX || held + (long)(o->size + o->control_size) > HELD_MAX || !(w = malloc(sizeof *w))) {
		answer(o->id, ENOBUFS);
		return;
	}
	*w = *o;
	w->next = NULL;
	if (copy(&w->data, w->size)) {
		free(w);
		answer(o->id, ENOBUFS);
		return;
	}
	if (copy(&w->control, w->control_size)) {
		free(w->data);
		free(w);
		answer(o->id, ENOBUFS);
		return;
	}
	n_ops++;
	held += (long)(w->size + w->control_size);
	if (o->s->last[d]) o->s->last[d]->next = w;
	else o->s->first[d] = w;
	o->s->last[d] = w;
}

static void transfer(const request *r, sock *s, enum kind kind) {
	op o;
	int e = 0;
	memset(&o, 0, sizeof o);
	o.id = r->id;
	o.s = s;
	o.kind = kind;
	o.dontwait = r->dontwait;
	if (kind == RECV || kind == SEND) {
		o.flags = r->flags;
		if (r->flags_unknown) e = EOPNOTSUPP;
	}
	if (kind == RECV) {
		o.max = DATAGRAM_OCTETS;
		if (r->max > 0) o.max = r->max > DATA_MAX_OCTETS ? DATA_MAX_OCTETS : (size_t)r->max;
	}
	if (kind == SEND) {
		if (!e && is_packet(s->family) && r->link.there) e = to_link(&r->link, &o.to, &o.to_len);
		else if (!e && r->remote.a.family) e = to_sockaddr(s->family, &r->remote, &o.to, &o.to_len);
		if (!e) e = encode_control(r, &o.control_size);
		o.data = r->data;
		o.size = r->size;
		o.control = ancillary.octets;
	}
	if (e) answer(r->id, e);
	else begin(&o);
}

static void dial(const request *r, sock *s) {
	struct sockaddr_storage to;
	socklen_t len;
	int e = to_sockaddr(s->family, &r->remote, &to, &len);
	if (!r->remote.a.family) to.ss_family = AF_UNSPEC; /* no address: the peer is reset */
	if (!e && connect(s->fd, (struct sockaddr *)&to, len)) e = errno;
	if (e == EINPROGRESS && !r->dontwait) {
		transfer(r, s, DIAL);
	} else if (e) {
		answer(r->id, e);
	} else {
		begin_reply(r->id);
		say_local(s->fd);
		end_reply();
	}
}

/* ---- poll ---- */

static void say_ready(int64_t id, const pollfor *wants, int n, const struct pollfd *got) {
	int i, ready = 0, any;
	size_t k;
	begin_reply(id);
	for (i = 0; i < n; i++) {
		any = 0;
		for (k = 0; k < COUNT(polled); k++) {
			if (!(got[i].revents & polled[k].bit)) continue;
			if (!any) {
				say(ready ? ",{\"socket\":" : ",\"polls\":[{\"socket\":");
				say_number(wants[i].socket);
				ready++;
			}
			say(any ? ",\"" : ",\"events\":[\"");
			say(polled[k].name);
			say("\"");
			any = 1;
		}
		if (any) say("]}");
	}
	if (ready) say("]");
	say_field(",\"value\":", ready);
	end_reply();
}

static void start_poll(const request *r) {
	static struct pollfd fds[LIST_MAX];
	polling *p;
	size_t size = sizeof *p + (size_t)r->n_polls * sizeof *p->wants;
	int i, n;
	for (i = 0; i < r->n_polls; i++) {
		sock *s = find(r->polls[i].socket);
		if (!s) {
			answer(r->id, EBADF);
			return;
		}
		fds[i].fd = s->fd;
		fds[i].events = (short)r->polls[i].events;
	}
	n = poll(fds, (nfds_t)r->n_polls, 0);
	if (n < 0) {
		answer(r->id, errno);
		return;
	}
	if (n > 0 || !r->value) {
		say_ready(r->id, r->polls, r->n_polls, fds);
		return;
	}
	if (n_ops == OPS_MAX || held + (long)size > HELD_MAX || !(p = malloc(size))) {
		answer(r->id, ENOBUFS);
		return;
	}
	n_ops++;
	held += (long)size;
	p->id = r->id;
	p->deadline = r->value < 0 || r->value > INT32_MAX ? -1 : now_ms() + r->value;
	p->n = r->n_polls;
	memcpy(p->wants, r->polls, (size_t)r->n_polls * sizeof *p->wants);
	p->slot = 0;
	p->next = polls;
	polls = p;
}

/* ---- closing ---- */

/* drop ends what waits on a socket, with ECANCELED when it shall be answered, and forgets the socket. */
static void drop(sock *s, int tell) {
	sock **at;
	polling **p = &polls;
	int d, i;
	while (*p) {
		polling *q = *p;
		for (i = 0; i < q->n && q->wants[i].socket != s->id; i++) {}
		if (i == q->n) {
			p = &q->next;
			continue;
		}
		*p = q->next;
		if (tell) answer(q->id, ECANCELED);
		free_poll(q);
	}
	for (d = 0; d < DIRECTIONS; d++)
		while (s->first[d]) {
			op *o = s->first[d];
			s->first[d] = o->next;
			if (tell) answer(o->id, ECANCELED);
			free_op(o);
		}
	for (at = &sockets; *at != s; at = &(*at)->next) {}
	*at = s->next;
	n_sockets--;
	free(s);
}

/* A close that lingers, in a process of its own: Linux makes close(2) wait even on a socket that does not block, and no
 * other call may be held up. BSD does not wait. */
typedef struct lingering {
	struct lingering *next;
	int64_t id;
	pid_t pid;
	int fd; /* tells the outcome */
	size_t slot;
} lingering;

static lingering *lingerings;

#ifdef __linux__
static int n_lingerings;

static int lingers(int fd) {
	struct linger l;
	socklen_t len = sizeof l;
	return !getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len) && l.l_onoff && l.l_linger > 0;
}

/* linger_child closes fd when the agent has done so: then it is the last to hold it, and close(2) waits. All else it lets go
 * before the agent goes on, or it would keep alive what the agent closes. */
static void linger_child(int fd, int tell) {
	int other, e;
	char go = 0;
	for (other = 0; other < SOCKETS_MAX + LINGERING_MAX + 64; other++)
		if (other != fd && other != tell) close(other);
	if (write(tell, &go, 1) != 1 || read(tell, &go, 1) != 1) _exit(1);
	e = close(fd) ? errno : 0;
	_exit(write(tell, &e, sizeof e) != sizeof e);
}

/* close_lingering gives 0 when it could not be begun. */
static int close_lingering(int64_t id, int fd) {
	lingering *l;
	int pair[2];
	char go;
	if (n_lingerings == LINGERING_MAX || !(l = malloc(sizeof *l))) return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		free(l);
		return 0;
	}
	if (!(l->pid = fork())) linger_child(fd, pair[1]);
	close(pair[1]);
	if (l->pid < 0 || read(pair[0], &go, 1) != 1 || no_block(pair[0])) {
		close(pair[0]);
		if (l->pid > 0) {
			kill(l->pid, SIGKILL);
			waitpid(l->pid, NULL, 0);
		}
		free(l);
		return 0;
	}
	close(fd);
	if (write(pair[0], &go, 1) != 1) {} /* it is gone, and so is the socket: the read tells */
	l->id = id;
	l->fd = pair[0];
	l->slot = 0;
	l->next = lingerings;
	lingerings = l;
	n_lingerings++;
	return 1;
}

/* end_lingering takes the first of a list off it. A process that still waits is ended; the kernel closes on without it. */
static void end_lingering(lingering **at, int tell) {
	lingering *l = *at;
	int e = 0;
	if (read(l->fd, &e, sizeof e) != sizeof e) e = 0;
	if (tell) answer(l->id, e);
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	close(l->fd);
	*at = l->next;
	n_lingerings--;
	free(l);
}
#else
static int lingers(int fd) { return (void)fd, 0; }
static int close_lingering(int64_t id, int fd) { return (void)id, (void)fd, 0; }
static void end_lingering(lingering **at, int tell) { (void)tell, *at = NULL; }
#endif

static void close_all(void) {
	struct linger off = {0, 0};
	while (sockets) {
		int fd = sockets->fd;
		if (lingers(fd)) setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off); /* it would hold the agent up */
		drop(sockets, 0);
		close(fd);
	}
	while (polls) { /* those that ask for no socket */
		polling *p = polls;
		polls = p->next;
		free_poll(p);
	}
	while (lingerings) end_lingering(&lingerings, 0);
}

static void close_socket(const request *r, sock *s) {
	int fd = s->fd;
	drop(s, 1);
	if (lingers(fd) && close_lingering(r->id, fd)) return;
	answer(r->id, close(fd) ? errno : 0);
}

/* ---- options ---- */

enum encoding { AS_INT, AS_LINGER, AS_IN4, AS_DATA, AS_MREQ, AS_SOURCE, AS_FILTER, AS_MREQ6, AS_SOURCE6, AS_FILTER6, AS_LINK };

static const struct option { const char *name; int level, number; enum encoding as; } options[] = {
#ifdef SO_REUSEADDR
	{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, AS_INT},
#endif
#ifdef SO_REUSEPORT
	{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, AS_INT},
#endif
#ifdef SO_BROADCAST
	{"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, AS_INT},
#endif
#ifdef SO_DONTROUTE
	{"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, AS_INT},
#endif
#ifdef SO_KEEPALIVE
	{"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, AS_INT},
#endif
#ifdef SO_OOBINLINE
	{"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, AS_INT},
#endif
#ifdef SO_RCVBUF
	{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, AS_INT},
#endif
#ifdef SO_SNDBUF
	{"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, AS_INT},
#endif
#ifdef SO_ERROR
	{"SO_ERROR", SOL_SOCKET, SO_ERROR, AS_INT},
#endif
#ifdef SO_NO_CHECK
	{"SO_NO_CHECK", SOL_SOCKET, SO_NO_CHECK, AS_INT},
#endif
#ifdef SO_LINGER
	{"SO_LINGER", SOL_SOCKET, SO_LINGER, AS_LINGER},
#endif
#ifdef SO_ACCEPTCONN
	{"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN, AS_INT},
#endif
#ifdef SO_PRIORITY
	{"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, AS_INT},
#endif
#ifdef SO_RCVLOWAT
	{"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, AS_INT},
#endif
#ifdef SO_TYPE
	{"SO_TYPE", SOL_SOCKET, SO_TYPE, AS_INT},
#endif
#ifdef SO_TIMESTAMP
	{"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, AS_INT},
#endif
#ifdef SO_TIMESTAMPNS
	{"SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS, AS_INT},
#endif
#ifdef PACKET_ADD_MEMBERSHIP
	{"PACKET_ADD_MEMBERSHIP", SOL_PACKET, PACKET_ADD_MEMBERSHIP, AS_LINK},
	{"PACKET_DROP_MEMBERSHIP", SOL_PACKET, PACKET_DROP_MEMBERSHIP, AS_LINK},
#endif
#ifdef PACKET_IGNORE_OUTGOING
	{"PACKET_IGNORE_OUTGOING", SOL_PACKET, PACKET_IGNORE_OUTGOING, AS_INT},
#endif
#ifdef IP_TTL
	{"IP_TTL", IPPROTO_IP, IP_TTL, AS_INT},
#endif
#ifdef IP_TOS
	{"IP_TOS", IPPROTO_IP, IP_TOS, AS_INT},
#endif
#ifdef IP_HDRINCL
	{"IP_HDRINCL", IPPROTO_IP, IP_HDRINCL, AS_INT},
#endif
#ifdef IP_PKTINFO
	{"IP_PKTINFO", IPPROTO_IP, IP_PKTINFO, AS_INT},
#endif
#ifdef IP_MTU
	{"IP_MTU", IPPROTO_IP, IP_MTU, AS_INT},
#endif
#ifdef IP_MTU_DISCOVER
	{"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, AS_INT},
#endif
#ifdef IP_RECVERR
	{"IP_RECVERR", IPPROTO_IP, IP_RECVERR, AS_INT},
#endif
#ifdef IP_RECVTTL
	{"IP_RECVTTL", IPPROTO_IP, IP_RECVTTL, AS_INT},
#endif
#ifdef IP_RECVTOS
	{"IP_RECVTOS", IPPROTO_IP, IP_RECVTOS, AS_INT},
#endif
#ifdef IP_ROUTER_ALERT
	{"IP_ROUTER_ALERT", IPPROTO_IP, IP_ROUTER_ALERT, AS_INT},
#endif
#ifdef IP_MULTICAST_TTL
	{"IP_MULTICAST_TTL", IPPROTO_IP, IP_MULTICAST_TTL, AS_INT},
#endif
#ifdef IP_MULTICAST_LOOP
	{"IP_MULTICAST_LOOP", IPPROTO_IP, IP_MULTICAST_LOOP, AS_INT},
#endif
#ifdef IP_MULTICAST_ALL
	{"IP_MULTICAST_ALL", IPPROTO_IP, IP_MULTICAST_ALL, AS_INT},
#endif
#ifdef IP_MULTICAST_IF
	{"IP_MULTICAST_IF", IPPROTO_IP, IP_MULTICAST_IF, AS_IN4},
#endif
#ifdef IP_OPTIONS
	{"IP_OPTIONS", IPPROTO_IP, IP_OPTIONS, AS_DATA},
#endif
#ifdef IP_ADD_MEMBERSHIP
	{"IP_ADD_MEMBERSHIP", IPPROTO_IP, IP_ADD_MEMBERSHIP, AS_MREQ},
#endif
#ifdef IP_DROP_MEMBERSHIP
	{"IP_DROP_MEMBERSHIP", IPPROTO_IP, IP_DROP_MEMBERSHIP, AS_MREQ},
#endif
#ifdef IP_ADD_SOURCE_MEMBERSHIP
	{"IP_ADD_SOURCE_MEMBERSHIP", IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, AS_SOURCE},
#endif
#ifdef IP_DROP_SOURCE_MEMBERSHIP
	{"IP_DROP_SOURCE_MEMBERSHIP", IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, AS_SOURCE},
#endif
#ifdef IP_BLOCK_SOURCE
	{"IP_BLOCK_SOURCE", IPPROTO_IP, IP_BLOCK_SOURCE, AS_SOURCE},
#endif
#ifdef IP_UNBLOCK_SOURCE
	{"IP_UNBLOCK_SOURCE", IPPROTO_IP, IP_UNBLOCK_SOURCE, AS_SOURCE},
#endif
#if defined(IP_MSFILTER) && defined(__linux__)
	{"IP_MSFILTER", IPPROTO_IP, IP_MSFILTER, AS_FILTER},
#endif
#ifdef IPV6_RECVPKTINFO
	{"IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO, AS_INT},
#endif
#ifdef IPV6_DONTFRAG
	{"IPV6_DONTFRAG", IPPROTO_IPV6, IPV6_DONTFRAG, AS_INT},
#endif
#ifdef IPV6_RECVHOPOPTS
	{"IPV6_RECVHOPOPTS", IPPROTO_IPV6, IPV6_RECVHOPOPTS, AS_INT},
#endif
#ifdef IPV6_RECVDSTOPTS
	{"IPV6_RECVDSTOPTS", IPPROTO_IPV6, IPV6_RECVDSTOPTS, AS_INT},
#endif
#ifdef IPV6_RECVRTHDR
	{"IPV6_RECVRTHDR", IPPROTO_IPV6, IPV6_RECVRTHDR, AS_INT},
#endif
#ifdef IPV6_RECVPATHMTU
	{"IPV6_RECVPATHMTU", IPPROTO_IPV6, IPV6_RECVPATHMTU, AS_INT},
#endif
#ifdef IPV6_CHECKSUM
	{"IPV6_CHECKSUM", IPPROTO_IPV6, IPV6_CHECKSUM, AS_INT},
#endif
#ifdef __linux__
	{"IPV6_ADDR_PREFERENCES", IPPROTO_IPV6, 72, AS_INT},
#endif
#ifdef IPV6_V6ONLY
	{"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, AS_INT},
#endif
#ifdef IPV6_UNICAST_HOPS
	{"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS, AS_INT},
#endif
#ifdef IPV6_MULTICAST_HOPS
	{"IPV6_MULTICAST_HOPS", IPPROTO_IPV6, IPV6_MULTICAST_HOPS, AS_INT},
#endif
#ifdef IPV6_MULTICAST_LOOP
	{"IPV6_MULTICAST_LOOP", IPPROTO_IPV6, IPV6_MULTICAST_LOOP, AS_INT},
#endif
#ifdef IPV6_MULTICAST_IF
	{"IPV6_MULTICAST_IF", IPPROTO_IPV6, IPV6_MULTICAST_IF, AS_INT},
#endif
#ifdef IPV6_RECVHOPLIMIT
	{"IPV6_RECVHOPLIMIT", IPPROTO_IPV6, IPV6_RECVHOPLIMIT, AS_INT},
#endif
#ifdef IPV6_RECVTCLASS
	{"IPV6_RECVTCLASS", IPPROTO_IPV6, IPV6_RECVTCLASS, AS_INT},
#endif
#ifdef IPV6_TCLASS
	{"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS, AS_INT},
#endif
#ifdef IPV6_MTU
	{"IPV6_MTU", IPPROTO_IPV6, IPV6_MTU, AS_INT},
#endif
#ifdef IPV6_MTU_DISCOVER
	{"IPV6_MTU_DISCOVER", IPPROTO_IPV6, IPV6_MTU_DISCOVER, AS_INT},
#endif
#ifdef IPV6_RECVERR
	{"IPV6_RECVERR", IPPROTO_IPV6, IPV6_RECVERR, AS_INT},
#endif
#ifdef IPV6_JOIN_GROUP
	{"IPV6_JOIN_GROUP", IPPROTO_IPV6, IPV6_JOIN_GROUP, AS_MREQ6},
#endif
#ifdef MCAST_JOIN_SOURCE_GROUP
	{"MCAST_JOIN_SOURCE_GROUP", IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, AS_SOURCE6},
#endif
#ifdef MCAST_LEAVE_SOURCE_GROUP
	{"MCAST_LEAVE_SOURCE_GROUP", IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP, AS_SOURCE6},
#endif
#ifdef MCAST_BLOCK_SOURCE
	{"MCAST_BLOCK_SOURCE", IPPROTO_IPV6, MCAST_BLOCK_SOURCE, AS_SOURCE6},
#endif
#ifdef MCAST_UNBLOCK_SOURCE
	{"MCAST_UNBLOCK_SOURCE", IPPROTO_IPV6, MCAST_UNBLOCK_SOURCE, AS_SOURCE6},
#endif
#if defined(MCAST_MSFILTER) && defined(__linux__)
	{"MCAST_MSFILTER", IPPROTO_IPV6, MCAST_MSFILTER, AS_FILTER6},
#endif
#ifdef IPV6_LEAVE_GROUP
	{"IPV6_LEAVE_GROUP", IPPROTO_IPV6, IPV6_LEAVE_GROUP, AS_MREQ6},
#endif
#ifdef TCP_NODELAY
	{"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, AS_INT},
#endif
#ifdef TCP_CORK
	{"TCP_CORK", IPPROTO_TCP, TCP_CORK, AS_INT},
#endif
#ifdef TCP_MAXSEG
	{"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, AS_INT},
#endif
#ifdef TCP_QUICKACK
	{"TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, AS_INT},
#endif
#ifdef TCP_KEEPIDLE
	{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, AS_INT},
#endif
#ifdef TCP_KEEPINTVL
	{"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, AS_INT},
#endif
#ifdef TCP_KEEPCNT
	{"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, AS_INT},
#endif
#ifdef TCP_USER_TIMEOUT
	{"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, AS_INT},
#endif
#ifdef TCP_CONGESTION
	{"TCP_CONGESTION", IPPROTO_TCP, TCP_CONGESTION, AS_DATA},
#endif
#ifdef TCP_DEFER_ACCEPT
	{"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, AS_INT},
#endif
#ifdef TCP_FASTOPEN
	{"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, AS_INT},
#endif
#ifdef TCP_FASTOPEN_CONNECT
	{"TCP_FASTOPEN_CONNECT", IPPROTO_TCP, TCP_FASTOPEN_CONNECT, AS_INT},
#endif
#ifdef TCP_LINGER2
	{"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, AS_INT},
#endif
#ifdef TCP_NOTSENT_LOWAT
	{"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, AS_INT},
#endif
#ifdef TCP_SYNCNT
	{"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, AS_INT},
#endif
#ifdef TCP_WINDOW_CLAMP
	{"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, AS_INT},
#endif
#if !defined(TCP_KEEPIDLE) && defined(TCP_KEEPALIVE)
	{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPALIVE, AS_INT}, /* macOS */
#endif
};

/* What is asked by ioctl(2): sockatmark(3), octets unread, octets not yet acknowledged. */
static const struct { const char *name; unsigned long number; } questions[] = {
#ifdef SIOCATMARK
	{"SIOCATMARK", SIOCATMARK},
#endif
	{"SIOCINQ", FIONREAD},
#if defined(SIOCOUTQ)
	{"SIOCOUTQ", SIOCOUTQ},
#elif defined(FIONWRITE)
	{"SIOCOUTQ", FIONWRITE},
#endif
};

static const struct option *option_named(const char *name) {
	size_t i;
	for (i = 0; i < COUNT(options); i++)
		if (!strcmp(name, options[i].name)) return &options[i];
	return NULL;
}

/* A value under construction. */
static struct {
	unsigned char octets[8192 + LIST_MAX * sizeof(struct sockaddr_storage)];
	size_t size;
} value;

static void put(const void *p, size_t n) {
	if (n) memcpy(value.octets + value.size, p, n);
	value.size += n;
}

static void put32(uint32_t v) { put(&v, sizeof v); }

/* in4 gives an address that may be absent, group4 one that may not. */
static int group4(const addr *a, struct in_addr *to) {
	if (a->family != AF_INET) return EINVAL;
	memcpy(to, a->octets, 4);
	return 0;
}

static int in4(const addr *a, struct in_addr *to) {
	memset(to, 0, sizeof *to);
	return a->family ? group4(a, to) : 0;
}

static int storage6(const addr *a, struct sockaddr_storage *to) {
	endpoint e;
	socklen_t len;
	if (a->family != AF_INET6) return EINVAL;
	memset(&e, 0, sizeof e);
	e.a = *a;
	e.a.zone = 0;
	e.a.zone_bad = 0;
	return to_sockaddr(AF_INET6, &e, to, &len);
}

static int encode_option(const struct option *o, const request *r) {
	struct in_addr group, iface;
	struct sockaddr_storage s;
	int i, e;
	value.size = 0;
	memset(&s, 0, sizeof s);
	switch (o->as) {
	case AS_INT: {
		int v = (int)r->value;
		put(&v, sizeof v);
		return 0;
	}
	case AS_LINGER: {
		struct linger l = {1, 0};
		l.l_linger = (int)r->value;
		if (r->value < 0) l.l_onoff = l.l_linger = 0;
		put(&l, sizeof l);
		return 0;
	}
	case AS_DATA:
		if (r->size > sizeof value.octets) return ENOBUFS;
		put(r->data, r->size);
		return 0;
	case AS_IN4:
		if ((e = in4(&r->local.a, &iface))) return e;
		put(&iface, sizeof iface);
		return 0;
	case AS_MREQ: case AS_SOURCE: case AS_FILTER:
		if (o->as == AS_SOURCE && r->n_sources != 1) return EINVAL;
		if ((e = group4(&r->group, &group)) || (e = in4(&r->local.a, &iface))) return e;
		if (o->as == AS_MREQ) {
			struct ip_mreq m;
			m.imr_multiaddr = group;
			m.imr_interface = iface;
			put(&m, sizeof m);
			return 0;
		}
#ifdef IP_ADD_SOURCE_MEMBERSHIP
		if (o->as == AS_SOURCE) {
			struct ip_mreq_source m; /* whose members stand in another order on each system */
			memset(&m, 0, sizeof m);
			m.imr_multiaddr = group;
			m.imr_interface = iface;
			if ((e = group4(&r->sources[0], &group))) return e;
			memcpy(&m.imr_sourceaddr, &group, sizeof group);
			put(&m, sizeof m);
			return 0;
		}
#endif
		put(&group, sizeof group); /* struct ip_msfilter of Linux */
		put(&iface, sizeof iface);
		put32((uint32_t)r->value);
		put32((uint32_t)r->n_sources);
		for (i = 0; i < r->n_sources; i++) {
			if ((e = group4(&r->sources[i], &group))) return e;
			put(&group, sizeof group);
		}
		return 0;
	case AS_MREQ6: {
		struct ipv6_mreq m;
		if (r->group.family != AF_INET6) return EINVAL;
		memset(&m, 0, sizeof m);
		memcpy(&m.ipv6mr_multiaddr, r->group.octets, 16);
		m.ipv6mr_interface = (unsigned)(r->iface ? r->iface : r->value);
		put(&m, sizeof m);
		return 0;
	}
	case AS_SOURCE6: {
#ifdef MCAST_JOIN_SOURCE_GROUP
		struct group_source_req m;
		if (r->n_sources != 1) return EINVAL;
		memset(&m, 0, sizeof m);
		m.gsr_interface = (uint32_t)r->iface;
		if ((e = storage6(&r->group, &s))) return e;
		memcpy(&m.gsr_group, &s, sizeof s);
		if ((e = storage6(&r->sources[0], &s))) return e;
		memcpy(&m.gsr_source, &s, sizeof s);
		put(&m, sizeof m);
		return 0;
#else
		return ENOPROTOOPT;
#endif
	}
	case AS_LINK: {
#ifdef AF_PACKET
		struct packet_mreq m;
		memset(&m, 0, sizeof m);
		if (r->size > sizeof m.mr_address) return EINVAL;
		m.mr_ifindex = (int)r->iface;
		m.mr_type = (unsigned short)r->value;
		m.mr_alen = (unsigned short)r->size;
		if (r->size) memcpy(m.mr_address, r->data, r->size);
		put(&m, sizeof m);
		return 0;
#else
		return ENOPROTOOPT;
#endif
	}
	case AS_FILTER6: { /* struct group_filter of Linux: its group stands at the alignment of a pointer */
		unsigned char head[sizeof(void *)] = {0};
		uint32_t index = (uint32_t)r->iface;
		memcpy(head, &index, sizeof index);
		put(head, sizeof head);
		if ((e = storage6(&r->group, &s))) return e;
		put(&s, sizeof s);
		put32((uint32_t)r->value);
		put32((uint32_t)r->n_sources);
		for (i = 0; i < r->n_sources; i++) {
			if ((e = storage6(&r->sources[i], &s))) return e;
			put(&s, sizeof s);
		}
		return 0;
	}
	}
	return ENOPROTOOPT;
}

static int set_option(const request *r, sock *s) {
	const struct option *o = option_named(r->option);
	unsigned char one;
	int e;
	if (!o) return ENOPROTOOPT;
	if ((e = encode_option(o, r))) return e;
	if (!setsockopt(s->fd, o->level, o->number, value.size ? value.octets : NULL, (socklen_t)value.size)) return 0;
	e = errno;
	if (o->as != AS_INT || e != EINVAL || o->level != IPPROTO_IP || (o->number != IP_MULTICAST_TTL && o->number != IP_MULTICAST_LOOP))
		return e;
#ifdef __linux__
	(void)one;
#else
	one = (unsigned char)r->value; /* some BSDs take one octet only */
	if (r->value >= 0 && r->value <= 255 && !setsockopt(s->fd, o->level, o->number, &one, sizeof one)) return 0;
#endif
	return e;
}

static void get_option(const request *r, sock *s) {
	const struct option *o = option_named(r->option);
	size_t i;
	socklen_t len;
	int v = 0;
	for (i = 0; i < COUNT(questions); i++) {
		if (strcmp(r->option, questions[i].name)) continue;
		if (ioctl(s->fd, questions[i].number, &v)) {
			answer(r->id, errno);
			return;
		}
		begin_reply(r->id);
		say_field(",\"value\":", v);
		end_reply();
		return;
	}
	if (o && o->as == AS_INT) {
		len = sizeof v;
		if (getsockopt(s->fd, o->level, o->number, &v, &len)) {
			answer(r->id, errno);
			return;
		}
		if (len == 1) {
			unsigned char one;
			memcpy(&one, &v, 1);
			v = one;
		}
		begin_reply(r->id);
		say_field(",\"value\":", v);
		end_reply();
	} else if (o && o->as == AS_LINGER) {
		struct linger l;
		len = sizeof l;
		if (getsockopt(s->fd, o->level, o->number, &l, &len)) {
			answer(r->id, errno);
			return;
		}
		begin_reply(r->id);
		say_field(",\"value\":", l.l_onoff ? l.l_linger : -1);
		end_reply();
	} else if (o && !strcmp(o->name, "TCP_CONGESTION")) {
		char name[256];
		len = sizeof name - 1;
		memset(name, 0, sizeof name);
		if (getsockopt(s->fd, o->level, o->number, name, &len)) {
			answer(r->id, errno);
			return;
		}
		begin_reply(r->id);
		say_data((unsigned char *)name, strlen(name));
		end_reply();
	} else {
		answer(r->id, ENOPROTOOPT);
	}
}

/* ---- requests ---- */

static void bind_socket(const request *r, sock *s, int listening) {
	struct sockaddr_storage to;
	socklen_t len;
	int e = 0;
	if (listening) {
		if (listen(s->fd, (int)r->value)) e = errno;
	} else if (!(e = is_packet(s->family) ? to_link(&r->link, &to, &len) : to_sockaddr(s->family, &r->local, &to, &len)) && bind(s->fd, (struct sockaddr *)&to, len)) {
		e = errno;
	}
	if (e) {
		answer(r->id, e);
		return;
	}
	begin_reply(r->id);
	say_local(s->fd);
	say_link_of(s->fd);
	end_reply();
}

static void name_of(const request *r, sock *s, int peer) {
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	endpoint e;
	memset(&a, 0, sizeof a);
	if (peer ? getpeername(s->fd, (struct sockaddr *)&a, &len) : getsockname(s->fd, (struct sockaddr *)&a, &len)) {
		answer(r->id, errno);
		return;
	}
	from_sockaddr(&a, len, &e);
	begin_reply(r->id);
	say_endpoint(peer ? ",\"remote\":" : ",\"local\":", &e);
	say_link(&a, len, 0);
	end_reply();
}

static void serve(const request *r) {
	static const char *const verbs[] = {"bind", "listen", "accept", "dial", "send", "recv", "shutdown", "close",
		"sockname", "peername", "setopt", "getopt"};
	size_t verb;
	sock *s;
	if (r->over) {
		answer(r->id, ENOBUFS);
		return;
	}
	if (!strcmp(r->verb, "reset")) {
		close_all();
		last_socket = 0;
		answer(r->id, 0);
		return;
	}
	if (!strcmp(r->verb, "open")) {
		open_socket(r);
		return;
	}
	if (!strcmp(r->verb, "poll")) {
		start_poll(r);
		return;
	}
	for (verb = 0; verb < COUNT(verbs) && strcmp(r->verb, verbs[verb]); verb++) {}
	if (verb == COUNT(verbs)) {
		answer(r->id, ENOSYS);
		return;
	}
	if (!(s = find(r->socket))) {
		answer(r->id, EBADF);
		return;
	}
	switch (verb) {
	case 0: bind_socket(r, s, 0); break;
	case 1: bind_socket(r, s, 1); break;
	case 2: transfer(r, s, ACCEPT); break;
	case 3: dial(r, s); break;
	case 4: transfer(r, s, SEND); break;
	case 5: transfer(r, s, RECV); break;
	case 6: answer(r->id, shutdown(s->fd, (int)r->value) ? errno : 0); break;
	case 7: close_socket(r, s); break;
	case 8: name_of(r, s, 0); break;
	case 9: name_of(r, s, 1); break;
	case 10: answer(r->id, set_option(r, s)); break;
	case 11: get_option(r, s); break;
	}
}

/* ---- a conversation ---- */

static struct pollfd *fds;
static size_t n_fds, room_fds;

/* watch gives the slot of a descriptor in what is polled; slot 0 is the harness. */
static size_t watch(int fd, short events) {
	if (n_fds == room_fds) {
		size_t room = room_fds ? room_fds * 2 : 64;
		struct pollfd *more = realloc(fds, room * sizeof *fds);
		if (!more) {
			out.broken = 1;
			return 0;
		}
		fds = more;
		room_fds = room;
	}
	fds[n_fds].fd = fd;
	fds[n_fds].events = events;
	fds[n_fds].revents = 0;
	return n_fds++;
}

static short wanted(const op *o) {
	if (o->kind == ACCEPT) return POLLIN;
	if (o->kind != RECV) return POLLOUT;
	if (o->flags & MSG_OOB) return POLLPRI;
#ifdef MSG_ERRQUEUE
	if (o->flags & MSG_ERRQUEUE) return 0; /* POLLERR always counts */
#endif
	return POLLIN;
}

static int sooner(int timeout, int64_t left) {
	if (left < 0) left = 0;
	return timeout < 0 || left < timeout ? (int)left : timeout;
}

/* watch_all lists what waits and gives the time until the first deadline, -1 for none. */
static int watch_all(int64_t now) {
	int d, i, timeout = -1;
	sock *s;
	polling *p;
	lingering *l;
	for (l = lingerings; l; l = l->next) l->slot = watch(l->fd, POLLIN);
	for (s = sockets; s; s = s->next)
		for (d = 0; d < DIRECTIONS; d++) {
			op *o = s->first[d];
			if (!o) continue;
			o->slot = 0;
			if (o->again_at > now) timeout = sooner(timeout, o->again_at - now);
			else o->slot = watch(s->fd, wanted(o));
		}
	for (p = polls; p; p = p->next) {
		p->slot = n_fds;
		for (i = 0; i < p->n; i++) watch(find(p->wants[i].socket)->fd, (short)p->wants[i].events);
		if (p->deadline >= 0) timeout = sooner(timeout, p->deadline - now);
	}
	return timeout;
}

static void run_ready(int64_t now) {
	int d, i;
	sock *s;
	polling **p = &polls;
	lingering **l = &lingerings;
	while (*l) {
		if (fds[(*l)->slot].revents) end_lingering(l, 1);
		else l = &(*l)->next;
	}
	while (*p) {
		polling *q = *p;
		for (i = 0; i < q->n && !fds[q->slot + (size_t)i].revents; i++) {}
		if (i == q->n && (q->deadline < 0 || now < q->deadline)) {
			p = &q->next;
			continue;
		}
		*p = q->next;
		say_ready(q->id, q->wants, q->n, fds + q->slot);
		free_poll(q);
	}
	for (s = sockets; s; s = s->next)
		for (d = 0; d < DIRECTIONS; d++) {
			op *o = s->first[d];
			if (!o || !o->slot || !fds[o->slot].revents) continue;
			while (o && out.size - out.sent < (size_t)OUT_HIGH) {
				if (!try(o)) {
					o->again_at = now + (o->slot ? AGAIN_MS : 0);
					break;
				}
				s->first[d] = o->next;
				if (!o->next) s->last[d] = NULL;
				free_op(o);
				if ((o = s->first[d])) o->slot = 0;
			}
		}
}

static int flush(int fd) {
	while (out.sent < out.size) {
		ssize_t n = write(fd, out.octets + out.sent, out.size - out.sent);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return would_block(errno) ? 0 : -1;
		out.sent += (size_t)n;
	}
	out.size = out.sent = 0;
	return 0;
}

static struct {
	char octets[LINE_MAX_OCTETS + 1];
	size_t size, seen; /* octets read; those without a line feed */
} in;

/* same compares in a time that does not tell where the first difference is. */
static int same(const char *a, const char *b) {
	size_t n = strlen(a), m = strlen(b), i;
	unsigned char different = n != m;
	for (i = 0; i < n; i++) different |= (unsigned char)(a[i] ^ (m ? b[i % m] : 1));
	return !different;
}

/* take handles one line; -1 ends the conversation. */
static int take(char *line, int *met, const char *token) {
	static request r;
	while (*line == ' ' || *line == '\t' || *line == '\r') line++;
	if (*line != '{') return 0;
	if (*met) {
		if (parse(line, &r, request_member)) return -1;
		serve(&r);
		return 0;
	}
	if (parse(line, &r, hello_member)) return -1;
	if (*token && !same(token, r.token)) {
		say("{\"ok\":false,\"error\":\"the token is not the agent's\"}\n");
		return -1;
	}
	say("{\"ok\":true}\n");
	*met = 1;
	return 0;
}

/* take_lines handles the lines that are there, unless too much is unsent. */
static int take_lines(int *met, const char *token) {
	size_t from = 0;
	int result = 0;
	while (!result && out.size - out.sent < (size_t)OUT_HIGH) {
		char *end = memchr(in.octets + in.seen, '\n', in.size - in.seen);
		if (!end) {
			in.seen = in.size;
			break;
		}
		*end = 0;
		result = take(in.octets + from, met, token);
		in.seen = from = (size_t)(end + 1 - in.octets);
	}
	memmove(in.octets, in.octets + from, in.size - from);
	in.size -= from;
	in.seen -= from;
	return result;
}

/* converse speaks with one harness until it is gone. hello_ms bounds the time until it says who it is, -1: it has all the time. */
static void converse(int from, int to, const char *token, int hello_ms) {
	char name[256] = "conform_agent";
	int met = 0, end = 0;
	int64_t hello_by = hello_ms < 0 ? -1 : now_ms() + hello_ms;
	in.size = in.seen = out.size = out.sent = 0;
	out.broken = last_socket = 0;
	gethostname(name, sizeof name - 1);
	say("{\"conform\":1,\"name\":");
	say_string(name);
	say(*token ? ",\"token\":true}\n" : "}\n");
	while (!end && !out.broken) {
		int full, timeout;
		size_t unsent;
		int64_t now;
		if (take_lines(&met, token) || out.broken) break;
		if (flush(to)) break;
		unsent = out.size - out.sent;
		full = unsent >= (size_t)OUT_HIGH;
		now = now_ms();
		if (!met && hello_by >= 0 && now >= hello_by) break;
		n_fds = 0;
		watch(full || in.size == LINE_MAX_OCTETS ? -1 : from, POLLIN);
		watch(unsent ? to : -1, POLLOUT);
		timeout = full ? -1 : watch_all(now);
		if (out.broken) break;
		if (!met && hello_by >= 0) timeout = sooner(timeout, hello_by - now);
		if (in.size == LINE_MAX_OCTETS && in.seen == in.size) break; /* a line is too long */
		if (in.seen < in.size && !full) timeout = 0;               /* lines that had to wait */
		if (poll(fds, (nfds_t)n_fds, timeout) < 0) {
			if (errno == EINTR) continue;
			break;
		}
		if (fds[0].revents) {
			ssize_t n = read(from, in.octets + in.size, LINE_MAX_OCTETS - in.size);
			if (n > 0) in.size += (size_t)n;
			else if (!n || !would_block(errno)) end = 1;
		}
		if (!full) run_ready(now_ms());
	}
	close_all();
	for (end = 0; end < 10 && !out.broken && !flush(to) && out.size; end++) { /* the last replies, for a second */
		struct pollfd p;
		p.fd = to;
		p.events = POLLOUT;
		poll(&p, 1, 100);
	}
	free(out.octets);
	memset(&out, 0, sizeof out);
}

/* ---- the beginning ---- */

static const char usage[] =
	"usage: conform_agent [--listen ADDRESS:PORT | --listen unix:PATH | --stdio | --serial DEVICE] [--token-file FILE]\n"
	"Lets a harness use this machine's sockets. It listens on 127.0.0.1:7117 unless told otherwise; beyond loopback it takes\n"
	"a token, which the file holds, or CONFORM_AGENT_TOKEN. Speed and raw mode of a serial device are set by whoever owns it.\n";

static void fail(const char *what) {
	fprintf(stderr, "conform_agent: %s\n", what);
	exit(2);
}

static const char *read_token(const char *path) {
	static char token[4096];
	size_t n;
	char *start = token;
	FILE *f = fopen(path, "r");
	if (!f) die(path);
	n = fread(token, 1, sizeof token - 1, f);
	fclose(f);
	while (n && strchr(" \t\r\n", token[n - 1])) n--;
	token[n] = 0;
	while (*start && strchr(" \t\r\n", *start)) start++;
	if (!*start) fail("the token is empty");
	return start;
}

static int is_loopback(const addr *a) {
	static const unsigned char one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	if (a->family == AF_INET) return a->octets[0] == 127;
	return (is_mapped(a) && a->octets[12] == 127) || !memcmp(a->octets, one, 16);
}

static int listen_unix(const char *path) {
	struct sockaddr_un u;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memset(&u, 0, sizeof u);
	u.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof u.sun_path) fail("the path of the Unix socket is too long");
	strcpy(u.sun_path, path);
	if (fd < 0) die("socket");
	/* what an agent that is gone left behind is in nobody's use */
	if (!stat(path, &st) && S_ISSOCK(st.st_mode)) {
		if (!connect(fd, (struct sockaddr *)&u, sizeof u)) fail("another agent listens there");
		if (errno == ECONNREFUSED) unlink(path);
		close(fd);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&u, sizeof u) || listen(fd, 8)) die(path);
	printf("agent at %s\n", path);
	return fd;
}

static int listen_tcp(char *where, const char *token) {
	char text[128], s[INET6_ADDRSTRLEN];
	struct sockaddr_storage to;
	socklen_t len;
	endpoint e;
	int fd, on = 1;
	snprintf(text, sizeof text, "%s", where);
	if (strlen(where) >= sizeof text || endpoint_parse(text, &e) || !e.a.family) fail("--listen takes ADDRESS:PORT, or unix:PATH");
	if (!is_loopback(&e.a) && !*token)
		fail("beyond loopback the agent takes a token: name a file with --token-file, or set CONFORM_AGENT_TOKEN");
	fd = socket(e.a.family, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)) die("socket");
	if (to_sockaddr(e.a.family, &e, &to, &len) || bind(fd, (struct sockaddr *)&to, len) || listen(fd, 8)) die(where);
	local_of(fd, &e);
	inet_ntop(e.a.family, e.a.octets, s, sizeof s);
	printf(e.a.family == AF_INET6 ? "agent at [%s]:%u\n" : "agent at %s:%u\n", s, e.port);
	return fd;
}

static void serve_listener(int l, const char *token) {
	int on = 1;
	fflush(stdout);
	for (;;) {
		int fd = accept(l, NULL, NULL);
		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED) continue;
			die("accept");
		}
		/* a harness whose machine died must not keep the next one out */
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (!no_block(fd)) converse(fd, fd, token, HELLO_MS);
		close(fd);
	}
}

/* more_descriptors raises the limit to what the agent may open, as far as the system lets it. */
static void more_descriptors(void) {
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= SOCKETS_MAX + 64) return;
	l.rlim_cur = l.rlim_max < SOCKETS_MAX + 64 ? l.rlim_max : SOCKETS_MAX + 64;
	setrlimit(RLIMIT_NOFILE, &l);
}

int main(int argc, char **argv) {
	static char standard[] = "127.0.0.1:7117";
	char *where = standard, *serial = NULL;
	const char *token = getenv("CONFORM_AGENT_TOKEN"), *file = NULL;
	int i, stdio = 0;
	for (i = 1; i < argc; i++) {
		char *argument = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(argv[i], "--stdio")) {
			stdio = 1;
			continue;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return 0;
		}
		if (!argument) {
			fputs(usage, stderr);
			return 2;
		}
		i++;
		if (!strcmp(argv[i - 1], "--listen")) where = argument;
		else if (!strcmp(argv[i - 1], "--serial")) serial = argument;
		else if (!strcmp(argv[i - 1], "--token-file")) file = argument;
		else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (file) token = read_token(file);
	if (!token) token = "";
	signal(SIGPIPE, SIG_IGN);
	more_descriptors();
	if (stdio) {
		int was_in = fcntl(0, F_GETFL), was_out = fcntl(1, F_GETFL);
		if (was_in < 0 || was_out < 0 || fcntl(0, F_SETFL, was_in | O_NONBLOCK) || fcntl(1, F_SETFL, was_out | O_NONBLOCK)) die("stdio");
		converse(0, 1, token, -1);
		fcntl(0, F_SETFL, was_in); /* others may use the same terminal */
		fcntl(1, F_SETFL, was_out);
	} else if (serial) {
		int fd = open(serial, O_RDWR | O_NOCTTY | O_NONBLOCK);
		if (fd < 0) die(serial);
		converse(fd, fd, token, -1);
	} else if (!strncmp(where, "unix:", 5)) {
		serve_listener(listen_unix(where + 5), token);
	} else {
		serve_listener(listen_tcp(where, token), token);
	}
	free(fds);
	return 0;
}
