package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Dependencies are expressions as Kconfig has them:
//
//	NET_IPV4 && (NET_ARP || !NET_L2_ETHERNET) && NET_TC_RX_COUNT >= 2
//
// A symbol alone is true when it is y, or, of a number, when it is not 0. ! binds closest, then comparisons, &&, ||.

// An expr tells whether it holds for values.
type expr interface {
	holds(v lookup) bool
	names() []string // of the symbols in it, in order
	String() string
}

// lookup gives the value of a symbol.
type lookup func(name string) value

type (
	nameExpr    string
	notExpr     struct{ x expr }
	andExpr     struct{ x, y expr }
	orExpr      struct{ x, y expr }
	compareExpr struct {
		name string
		op   string
		n    int64
	}
)

func (e nameExpr) holds(v lookup) bool { return v(string(e)).n != 0 }
func (e notExpr) holds(v lookup) bool  { return !e.x.holds(v) }
func (e andExpr) holds(v lookup) bool  { return e.x.holds(v) && e.y.holds(v) }
func (e orExpr) holds(v lookup) bool   { return e.x.holds(v) || e.y.holds(v) }

func (e compareExpr) holds(v lookup) bool {
	n := v(e.name).n
	switch e.op {
	case "=":
		return n == e.n
	case "!=":
		return n != e.n
	case "<":
		return n < e.n
	case "<=":
		return n <= e.n
	case ">":
		return n > e.n
	default:
		return n >= e.n
	}
}

func (e nameExpr) names() []string    { return []string{string(e)} }
func (e notExpr) names() []string     { return e.x.names() }
func (e andExpr) names() []string     { return append(e.x.names(), e.y.names()...) }
func (e orExpr) names() []string      { return append(e.x.names(), e.y.names()...) }
func (e compareExpr) names() []string { return []string{e.name} }

func (e nameExpr) String() string { return string(e) }
func (e notExpr) String() string {
	if and, ok := e.x.(andExpr); ok {
		return "!(" + and.String() + ")"
	}
	return "!" + inParentheses(e.x)
}
func (e andExpr) String() string     { return inParentheses(e.x) + " && " + inParentheses(e.y) }
func (e orExpr) String() string      { return e.x.String() + " || " + e.y.String() }
func (e compareExpr) String() string { return fmt.Sprintf("%s %s %d", e.name, e.op, e.n) }

func inParentheses(e expr) string {
	if or, ok := e.(orExpr); ok {
		return "(" + or.String() + ")"
	}
	return e.String()
}

// unmet are those of an expression's parts, joined by &&, that do not hold.
func unmet(e expr, v lookup) []expr {
	if and, ok := e.(andExpr); ok {
		return append(unmet(and.x, v), unmet(and.y, v)...)
	}
	if e.holds(v) {
		return nil
	}
	return []expr{e}
}

// parseExpr reads an expression.
func parseExpr(s string) (expr, error) {
	p := &exprParser{in: s}
	p.next()
	e := p.or()
	if p.err == nil && p.token != "" {
		p.fail("there is %q behind its end", p.token)
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

// exprParser reads by recursive descent; after an error it runs out without a token.
type exprParser struct {
	in    string // what follows token
	token string // empty at the end
	err   error
}

func (p *exprParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("the expression: "+format, args...)
	}
	p.in, p.token = "", ""
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func (p *exprParser) next() {
	p.in = strings.TrimLeft(p.in, " ")
	n := 0
	for n < len(p.in) && isNameByte(p.in[n]) {
		n++
	}
	for _, op := range []string{"&&", "||", "!=", "<=", ">=", "=", "<", ">", "!", "(", ")"} {
		if n == 0 && strings.HasPrefix(p.in, op) {
			n = len(op)
		}
	}
	if n == 0 && p.in != "" {
		p.fail("%q is no part of one", p.in)
		return
	}
	p.token, p.in = p.in[:n], p.in[n:]
}

func (p *exprParser) or() expr {
	e := p.and()
	for p.token == "||" {
		p.next()
		e = orExpr{e, p.and()}
	}
	return e
}

func (p *exprParser) and() expr {
	e := p.unary()
	for p.token == "&&" {
		p.next()
		e = andExpr{e, p.unary()}
	}
	return e
}

func (p *exprParser) unary() expr {
	switch t := p.token; {
	case t == "!":
		p.next()
		return notExpr{p.unary()}
	case t == "(":
		p.next()
		e := p.or()
		if p.token != ")" {
			p.fail("a parenthesis is not closed")
			return e
		}
		p.next()
		return e
	case t == "" || !isNameByte(t[0]):
		p.fail("a name is missing")
		return nameExpr("")
	default:
		p.next()
		switch op := p.token; op {
		case "=", "!=", "<", "<=", ">", ">=":
			p.next()
			n, ok := compared(p.token)
			if !ok {
				p.fail("%q is nothing to compare with", p.token)
				return nameExpr(t)
			}
			p.next()
			return compareExpr{t, op, n}
		}
		return nameExpr(t)
	}
}

// compared is the right side of a comparison: a number, y or n.
func compared(s string) (int64, bool) {
	switch s {
	case "y":
		return 1, true
	case "n":
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
