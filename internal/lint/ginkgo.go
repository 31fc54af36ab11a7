package main

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

const (
	ginkgo = "github.com/onsi/ginkgo"
	gomega = "github.com/onsi/gomega"
)

// outcomes are Gomega's functions that decide an outcome by themselves, or wait in real time. Matchers are welcome.
var outcomes = []string{
	"Expect", "ExpectWithOffset", "Ω", "RegisterFailHandler", "RegisterTestingT",
	"Eventually", "EventuallyWithOffset", "Consistently", "ConsistentlyWithOffset",
}

// bareGinkgo keeps suites on harness/check. The probe owns set-up, clean-up and outcome, so that a body can run many
// times in one process, be left out by a shard, or be not applicable before it starts; none of that reaches a bare It,
// BeforeSuite or Eventually. A suite_test.go may use Ginkgo for RunSpecs, to run the suite with go test and ginkgo.
func bareGinkgo(p *pkg, report report) {
	if !p.in("conformance") {
		return
	}
	for _, f := range p.files {
		runner := path.Base(f.path) == "suite_test.go"
		for _, s := range f.Imports {
			if ip := importPath(s); strings.HasPrefix(ip, ginkgo) {
				switch {
				case !runner:
					report(s.Pos(), "a suite registers its checks with harness/check, not with Ginkgo")
					continue
				case s.Name != nil && s.Name.Name == ".":
					report(s.Pos(), "import Ginkgo by its name: what is used of it has to show")
					continue
				}
				f.selects(ip, func(n *ast.Ident) {
					if n.Name != "RunSpecs" && n.Name != "Fail" {
						report(n.Pos(), "of Ginkgo, suite_test.go uses RunSpecs only, not %s", n.Name)
					}
				})
			}
		}
		if f.test {
			continue
		}
		f.selects(gomega, func(n *ast.Ident) {
			if slices.Contains(outcomes, n.Name) {
				report(n.Pos(), "gomega.%s decides by itself: assert with the probe, for a requirement", n.Name)
			}
		})
	}
}
