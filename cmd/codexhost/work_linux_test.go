package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answering runs a turn to its end and answers what it is asked: a command that
// holds the word refuse is declined.
func (c *talk) answering(thread, text string) (status string, said []string) {
	c.t.Helper()
	c.call("turn/start", fmt.Sprintf(`{"threadId":%q,"input":[{"type":"text","text":%q}]}`, thread, text), nil)
	end := c.until("turn/completed", func(m *demoMessage) bool {
		if strings.HasSuffix(m.Method, "/requestApproval") {
			decision := "accept"
			if strings.Contains(string(m.Params), "refuse") {
				decision = "decline"
			}
			if err := c.host.send(fmt.Sprintf(`{"id":%s,"result":{"decision":%q}}`, m.ID, decision)); err != nil {
				c.t.Fatal(err)
			}
		}
		var item struct {
			Item struct{ Type, Text, Status string }
		}
		if m.Method == "item/completed" && json.Unmarshal(m.Params, &item) == nil {
			said = append(said, item.Item.Type+" "+item.Item.Status+" "+item.Item.Text)
		}
		return m.Method == "turn/completed"
	})
	var p struct{ Turn struct{ Status string } }
	if err := json.Unmarshal(end.Params, &p); err != nil {
		c.t.Fatal(err)
	}
	return p.Turn.Status, said
}

// A session of real work: a repository is cloned, three of its files are changed,
// its tests are run, one command is declined and one turn interrupted.
func TestRealWork(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	source, work := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"greet.sh": "echo Hello\n", "old.txt": "old\n", "README": "one\ntwo\nthree\n",
		"test.sh": "test \"$(sh greet.sh)\" = 'Good morning' && test ! -e old.txt && test -s new.txt && echo PASS\n",
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git := exec.Command("sh", "-c", "git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm one")
	git.Dir = source
	if out, err := git.CombinedOutput(); err != nil {
		t.Skipf("git is not there: %v %s", err, out)
	}

	c := startTalk(t, exe, t.TempDir())
	var started readThread
	c.call("thread/start", fmt.Sprintf(`{"cwd":%q,"approvalPolicy":"untrusted","sandbox":"danger-full-access"}`, work), &started)
	id := started.Thread.ID
	patch := "*** Begin Patch\n*** Update File: repo/greet.sh\n@@\n-echo Hello\n+echo Good morning\n*** Delete File: repo/old.txt\n*** Add File: repo/new.txt\n+new\n*** End Patch"
	status, said := c.answering(id, "exec:git clone -q "+source+" repo ;; patch:"+patch+" ;; exec:cd repo && sh test.sh ;; say:{{output}}")
	if status != "completed" || !strings.Contains(strings.Join(said, "\n"), "PASS") {
		t.Fatalf("the work ended %s: %q", status, said)
	}
	status, said = c.answering(id, "exec:rm -r repo # refuse ;; say:done")
	if status != "completed" || !strings.Contains(strings.Join(said, "\n"), "commandExecution declined") {
		t.Fatalf("the refusal ended %s: %q", status, said)
	}
	var turn struct{ Turn struct{ ID string } }
	c.call("thread/settings/update", fmt.Sprintf(`{"threadId":%q,"approvalPolicy":"never"}`, id), nil)
	c.call("turn/start", fmt.Sprintf(`{"threadId":%q,"input":[{"type":"text","text":"exec:sleep 60; rm -r repo"}]}`, id), &turn)
	c.until("the command", func(m *demoMessage) bool {
		return m.Method == "item/started" && strings.Contains(string(m.Params), "sleep 60")
	})
	c.call("turn/interrupt", fmt.Sprintf(`{"threadId":%q,"turnId":%q}`, id, turn.Turn.ID), nil)
	c.end()

	out, err := exec.Command("sh", "-c", "cd "+work+"/repo && git status --porcelain && cat greet.sh new.txt").CombinedOutput()
	want := " M greet.sh\n D old.txt\n?? new.txt\necho Good morning\nnew\n"
	if err != nil || string(out) != want {
		t.Errorf("the tree is %q, %v; want %q", out, err, want)
	}
}

// Whenever a turn is interrupted, nothing of its command is left: not what it has
// put into the background, nor what ignores signals or has a session of its own.
func TestInterruptLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("31%d.%d", os.Getpid(), time.Now().UnixNano()%1e6) // what no other process sleeps for
	tree := "setsid -f sleep " + mark + " </dev/null >/dev/null 2>&1; (trap '' TERM INT HUP; sleep " + mark + " & sleep " + mark + ") & sleep " + mark
	c := startTalk(t, exe, t.TempDir())
	for _, sandbox := range []string{"danger-full-access", "workspace-write"} {
		var started readThread
		c.call("thread/start", fmt.Sprintf(`{"approvalPolicy":"never","sandbox":%q}`, sandbox), &started)
		id := started.Thread.ID
		for range 50 {
			var turn struct{ Turn struct{ ID string } }
			c.call("turn/start", fmt.Sprintf(`{"threadId":%q,"input":[{"type":"text","text":%q}]}`, id, "exec:"+tree), &turn)
			<-time.After(time.Duration(rand.IntN(50_000)) * time.Microsecond)
			c.call("turn/interrupt", fmt.Sprintf(`{"threadId":%q,"turnId":%q}`, id, turn.Turn.ID), nil)
			c.until("the end of the turn", func(m *demoMessage) bool { return m.Method == "turn/completed" })
			if left := sleeping(t, mark); len(left) > 0 {
				t.Fatalf("%s: interrupted, and left: %q", sandbox, left)
			}
		}
	}
	c.end()
}

// sleeping are the processes that have the mark among their arguments.
func sleeping(t *testing.T, mark string) (left []string) {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		line, err := os.ReadFile(p)
		if err == nil && strings.Contains(string(line), mark) { // a dead one that nobody has waited for has none
			left = append(left, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}
