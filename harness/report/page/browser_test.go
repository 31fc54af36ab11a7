package page

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/conform-stack/conform/harness/report"
)

// loads is how long a page of 5,000 checks may take until it can be used. CONFORM_TIMING has it asserted: on a machine that
// does other work at the same time, it says nothing of the page.
const loads = time.Second

// A visit is a page that is open in headless Chromium.
type visit struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	protests []string // what the console said and what threw
}

func open(t *testing.T, folder, anchor string) *visit {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: on Debian, apt-get install chromium")
	}
	v := &visit{t: t}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1300, 1400))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithListener(v.hear))
	t.Cleanup(stop)
	v.ctx = ctx
	v.do(chromedp.Navigate("file://" + filepath.Join(folder, File) + anchor))
	return v
}

func (v *visit) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		said = "console." + string(e.Type)
	case *log.EventEntryAdded:
		said = e.Entry.Text
	default:
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.protests = append(v.protests, said)
}

func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.t.Fatal(err)
	}
}

// quiet fails the test when the browser had anything to say.
func (v *visit) quiet() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.protests) > 0 {
		v.t.Errorf("the browser complains: %q", v.protests)
	}
}

// eval runs an expression in the page.
func eval[V any](v *visit, expression string) V {
	v.t.Helper()
	value, err := chromedp.Run(v.ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

const shown = `[...document.querySelectorAll(".check")].filter(e => !e.hidden).length`

func TestPageInABrowser(t *testing.T) {
	folder := t.TempDir()
	evidence(t, folder)
	if err := Save(folder, sample(t, 5000)); err != nil {
		t.Fatal(err)
	}
	v := open(t, folder, "")
	ms := math.Inf(1)
	for range 3 { // the machine may be busy with something else
		ms = min(ms, eval[float64](v, `performance.getEntriesByType("navigation")[0].loadEventEnd`))
		v.do(chromedp.Reload())
	}
	t.Logf("5,000 checks: loaded after %.0f ms", ms)
	if os.Getenv("CONFORM_TIMING") != "" && ms > float64(loads.Milliseconds()) {
		t.Errorf("loaded after %.0f ms, want %v at most", ms, loads)
	}
	if n := eval[int](v, shown); n != 5000 {
		t.Errorf("%d checks are shown, want 5000", n)
	}
	for _, tt := range []struct {
		what, do string
		want     int
	}{
		{"a search", `document.getElementById("search").value = "topic7.check7"`, 3}, // 7, 727 and 767
		{"a search for a requirement of one suite", `document.getElementById("search").value = ""; document.getElementById("suite").value = "suite3"`, 417},
		{"without what passed", `document.getElementById("suite").value = ""; document.querySelector("#outcomes input[value=pass]").click()`, 1},
	} {
		script := tt.do + `; document.getElementById("search").dispatchEvent(new Event("input")); ` + shown
		if n := eval[int](v, script); n != tt.want {
			t.Errorf("%s: %d checks are shown, want %d", tt.what, n, tt.want)
		}
	}
	// The failing check is opened with the keyboard's means, then one of its packets.
	v.do(chromedp.Click(`.check:not([hidden]) button`), chromedp.Click(`.ladder .packet.in`))
	text := eval[string](v, `document.querySelector(".check:not([hidden])").innerText`)
	for _, want := range []string{"want ttl 64", "ARP request who-has 192.0.2.2 tell 192.0.2.1", "1.500 ms", "ar$op", "reply (2)", "</script><img src=x"} {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			t.Errorf("the opened check does not show %q:\n%s", want, text)
		}
	}
	for _, tab := range []string{"requirements", "summary", "findings", "unlock", "target"} {
		if n := eval[int](v, `document.getElementById("tab-`+tab+`").click(); document.getElementById("panel-`+tab+`").innerText.length`); n < 20 {
			t.Errorf("tab %s shows %d characters", tab, n)
		}
	}
	if title := eval[string](v, `document.title`); title != "conform: linux:rfc" {
		t.Errorf("the title is %q: a packet ran a script", title)
	}
	v.quiet()
}

// Checks that did not run say what they need, and features say which checks they would unlock.
func TestPageSaysWhatWouldUnlock(t *testing.T) {
	folder := t.TempDir()
	evidence(t, folder)
	r := sample(t, 50)
	for i, needs := range map[int][]string{10: {"agent", "igmp"}, 11: {"igmp", "igmp-router"}, 12: {"igmp-router"}, 13: nil} {
		r.Checks[i].Outcome, r.Checks[i].Needs = report.NotApplicable, needs
	}
	r.Summary[report.NotApplicable] = 4
	if err := Save(folder, r); err != nil {
		t.Fatal(err)
	}
	v := open(t, folder, "#check="+r.Checks[11].ID)
	if text := eval[string](v, `document.querySelector("[aria-expanded=true]").closest(".check").innerText`); !strings.Contains(text, "needs igmp, igmp-router") || !strings.Contains(text, "a target that declares igmp and igmp-router") {
		t.Errorf("the check that did not run says\n%s", text)
	}
	v.do(chromedp.Click(`#tab-unlock`))
	if got := eval[string](v, `[...document.querySelectorAll("#panel-unlock table:last-of-type tbody tr")].map(r => [...r.children].map(c => c.innerText).join(" ")).join(", ")`); got != "igmp 1 2, igmp-router 1 2" {
		t.Errorf("the features: %s", got)
	}
	v.do(chromedp.Click(`#panel-unlock button.link`))
	if n := eval[int](v, shown); n != 2 {
		t.Errorf("%d checks are shown that need igmp, want 2", n)
	}
	v.quiet()
}

// A link to a check opens it, also when the filter hides it.
func TestLinkToACheck(t *testing.T) {
	folder := t.TempDir()
	evidence(t, folder)
	if err := Save(folder, sample(t, 50)); err != nil {
		t.Fatal(err)
	}
	v := open(t, folder, "#check=topic0.check0")
	if open := eval[string](v, `document.querySelector("[aria-expanded=true]").innerText`); !strings.Contains(open, "topic0.check0") {
		t.Errorf("the link opened %q", open)
	}
	v.quiet()
}
