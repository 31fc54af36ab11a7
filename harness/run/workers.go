package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/conform-stack/conform/harness/report"
)

// Workers runs the session's selection in processes of this program, at most jobs at a time, each with a part of the checks,
// and merges their reports into the session's folder. What may not run beside others has a process of its own, after the
// others. args is the command line of the run; each worker gets it with its part added. When ctx ends the workers are told
// and what they had shown until then is merged.
//
// A worker is told to end by the end of its standard input, so that it also learns of the death of its parent. It is in a
// process group of its own, out of reach of the terminal's interrupt, which could meet it before it can leave a report.
func (s *Session) Workers(ctx context.Context, jobs int, args []string) (*report.Report, error) {
	n, last := workers(s.selected, jobs)
	out, shard := s.opts.Out, s.opts.Selection.Shard
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program for the workers: %w", err)
	}
	tmp := filepath.Join(out, "workers") // in the user's folder: a run that is killed leaves nothing elsewhere
	if err := os.RemoveAll(tmp); err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	ws := make([]*worker, n)
	var wg sync.WaitGroup
	for i := range ws {
		part := Part{I: i + 1, N: n}
		w := &worker{part: part, folder: filepath.Join(tmp, fmt.Sprint(part.I))}
		w.cmd = exec.Command(program, append(append([]string{}, args...), "--jobs=1", "--worker="+part.String(), "--out="+w.folder)...)
		w.cmd.Stdout, w.cmd.Stderr = &w.output, &w.output
		alone(w.cmd)
		ws[i] = w
		if last && part.I == n {
			wg.Wait()
		}
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	var folders []string
	var faults []error
	for _, w := range ws {
		if w.err != nil {
			faults = append(faults, w.err)
			continue
		}
		folders = append(folders, w.folder)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if shard.N > 1 {
		return report.MergeShardFolders(out, shard.String(), folders)
	}
	return report.MergeFolders(out, folders)
}

type worker struct {
	part   Part
	folder string
	cmd    *exec.Cmd
	output bytes.Buffer
	err    error
}

// AsWorker is ctx, ended too when whoever started this worker ends it or dies.
func AsWorker(ctx context.Context, stdin io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // to its end, however it ends
		cancel()
	}()
	return ctx
}

// run runs the worker to its end. A worker that leaves no report has an error with the last that it said.
func (w *worker) run(ctx context.Context) {
	stdin, err := w.cmd.StdinPipe()
	if err == nil {
		err = w.cmd.Start()
	}
	if w.err = err; err != nil {
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- w.cmd.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		_ = stdin.Close() // it may have ended in between, and closed it
		err = <-ended
	}
	if _, missing := os.Stat(filepath.Join(w.folder, report.JSONFile)); missing != nil {
		lines := strings.Split(strings.TrimSpace(w.output.String()), "\n")
		w.err = fmt.Errorf("worker %s left no report (%v): %s", w.part, err, lines[len(lines)-1])
	}
}
