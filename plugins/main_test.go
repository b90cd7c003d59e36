package plugins_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/serve"
	"github.com/codexhost/codexhost/plugins/skill"
)

// The test binary is the plugin, and a host to be killed: real processes, no
// build step.
func TestMain(m *testing.M) {
	role, ok := plugins.Role(os.Args[1:])
	if !ok {
		goleak.VerifyTestMain(m)
	}
	switch args := os.Args[3:]; role {
	case "host":
		hostRole(args[0])
	default:
		pluginRole(role, args)
	}
}

// pluginRole runs one of the plugins of the tests, most of them ill-mannered.
func pluginRole(role string, args []string) {
	switch role {
	case "good":
	case "talks":
		skill.Serve(&talker{}, serve.About(talkerManifest))
	case "banner":
		fmt.Print("welcome to my plugin\n\nand no line end")
	case "flood":
		fmt.Println(strings.Repeat("x", 300_000))
	case "mute":
		time.Sleep(time.Minute)
	case "exits":
		fmt.Fprintln(os.Stderr, "cannot find my files")
		os.Exit(3)
	case "reads-stdin":
		got := make(chan string, 1)
		go func() {
			b := make([]byte, 1)
			n, err := os.Stdin.Read(b)
			got <- fmt.Sprint(n, " ", err)
		}()
		select {
		case s := <-got:
			fmt.Fprintln(os.Stderr, "stdin gave", s)
			os.Exit(4)
		case <-time.After(100 * time.Millisecond):
		}
	case "deaf": // to every polite way of ending
		signal.Ignore(syscall.SIGTERM)
		os.Stdin, _, _ = os.Pipe() // serve must not see the end of the real one
	case "family": // leaves a grandchild behind that holds its stderr
		c := exec.Command("sleep", "60")
		c.Stderr, c.Stdout = os.Stderr, os.Stdout
		if err := c.Start(); err != nil {
			panic(err)
		}
		os.WriteFile(args[0], fmt.Append(nil, c.Process.Pid), 0o600)
	case "once": // comes up the first time only
		if f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			f.Close()
		} else {
			os.Exit(5)
		}
	default:
		panic("unknown role " + role)
	}
	skill.Serve(provider{})
}

// provider obeys its reader: the path says what to do.
type provider struct{}

func (provider) List(ctx context.Context, req skill.ListRequest) (skill.Listing, error) {
	l := skill.Listing{Generation: 7}
	var n int
	fmt.Sscanf(req.Cwd, "/many/%d", &n)
	for i := range n {
		l.Skills = append(l.Skills, skill.Skill{
			Path: fmt.Sprintf("/s/%d/SKILL.md", i), Name: fmt.Sprintf("skill-%d", i),
			Description: strings.Repeat("d", 3000), Scope: skill.ScopeRepo,
		})
	}
	if req.Cwd == "/dies-midway" {
		go func() { time.Sleep(20 * time.Millisecond); os.Exit(9) }()
		<-ctx.Done()
	}
	return l, nil
}

func (provider) Read(ctx context.Context, req skill.ReadRequest) (skill.Content, error) {
	what, arg, _ := strings.Cut(req.Path, ":")
	switch what {
	case "pid":
		return text(fmt.Sprint(os.Getpid()))
	case "env":
		return text(strings.Join(os.Environ(), "\n"))
	case "cwd":
		d, err := os.Getwd()
		return skill.Content{Text: []byte(d)}, err
	case "stdin":
		b, err := io.ReadAll(os.Stdin)
		return text(fmt.Sprintf("%q %v", b, err))
	case "big":
		return skill.Content{Text: make([]byte, 10<<20)}, nil
	case "print":
		fmt.Println(strings.Repeat("noise on stdout ", 20_000))
		return text("printed")
	case "exit":
		log.Print("last words") // unlike os.Stderr, which go-plugin has put a pipe of its own in place of
		os.Exit(7)
	case "panic":
		panic("nil map or worse: " + arg)
	case "hang":
		<-ctx.Done()
		return skill.Content{}, ctx.Err()
	case "slow":
		time.Sleep(300 * time.Millisecond)
		return text("slow")
	case "fail":
		return skill.Content{}, errors.New("no luck: " + arg)
	case "missing":
		return skill.Content{}, fmt.Errorf("looking: %w", skill.ErrNotFound)
	}
	return text("ok")
}

func text(s string) (skill.Content, error) { return skill.Content{Text: []byte(s)}, nil }

// hostRole is a host with two plugins; it says their pids and waits to be killed.
func hostRole(dir string) {
	h, err := plugins.New(plugins.Options{
		Kinds:  []plugins.Kind{skill.Contract(nil)},
		RunDir: dir,
		Specs: []plugins.Spec{
			plugins.Builtin("good", skill.Kind, "good"), plugins.Builtin("deaf", skill.Kind, "deaf"),
			{Name: "family", Kind: skill.Kind, Args: []string{plugins.RoleArg, "family", filepath.Join(dir, "grandchild")}, OwnsProcesses: true},
		},
	})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"good", "deaf", "family"} {
		p, err := plugins.Get[skill.Provider](context.Background(), h, name)
		if err != nil {
			panic(err)
		}
		c, err := p.Read(context.Background(), skill.ReadRequest{Path: "pid"})
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s\n", c.Text)
	}
	select {}
}
