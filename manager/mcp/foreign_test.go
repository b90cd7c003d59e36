package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
)

// Servers that nobody here wrote, as .ci/mcp-servers installs them.
func foreign(t *testing.T, name string) string {
	t.Helper()
	t.Parallel()
	path, err := filepath.Abs("../../out/mcp-servers/node_modules/.bin/mcp-server-" + name)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		path += ".cmd"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("server-%s is not here: .ci/mcp-servers out/mcp-servers installs it, with npm", name)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node to run servers from npm with")
	}
	return path
}

func TestServerEverythingOverStdio(t *testing.T) {
	everything(t, mcp.Server{Name: "everything", Enabled: true, Command: foreign(t, "everything")})
}

func TestServerEverythingOverHTTP(t *testing.T) {
	path := foreign(t, "everything")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	_, port, _ := net.SplitHostPort(address)
	program := exec.Command(path, "streamableHttp")
	program.Env = append(os.Environ(), "PORT="+port)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = program.Process.Kill()
		_ = program.Wait()
	})
	waitFor(t, "the server's port", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	everything(t, mcp.Server{Name: "everything", Enabled: true, URL: "http://" + address + "/mcp"})
}

// everything asks the reference server for all that it has, over any transport.
func everything(t *testing.T, server mcp.Server) {
	s := service(t)
	l := &listener{}
	set := join(t, s, l, server)

	t.Run("tools", func(t *testing.T) {
		// Some are registered after the handshake, and told of as changes.
		waitFor(t, "the tools that come late", func() bool {
			return strings.Contains(offered(set), "trigger-url-elicitation")
		})
		want := "echo get-annotated-message get-env get-resource-links get-resource-reference get-structured-content get-sum get-tiny-image " +
			"gzip-file-as-resource simulate-research-query toggle-simulated-logging toggle-subscriber-updates trigger-elicitation-request " +
			"trigger-long-running-operation trigger-url-elicitation"
		if got := offered(set); got != want {
			t.Errorf("tools\n got %s\nwant %s", got, want)
		}
	})

	t.Run("calls", func(t *testing.T) {
		for _, c := range []struct{ tool, arguments, want string }{
			{"echo", `{"message":"héllo \u0000"}`, `Echo: héllo \u0000`},
			{"get-sum", `{"a":2,"b":40.5}`, `The sum of 2 and 40.5 is 42.5.`},
			{"get-structured-content", `{"location":"Chicago"}`, `{\"temperature\":36,`},
			{"get-tiny-image", `{}`, `{"type":"input_image","image_url":"data:image/png;base64,iVBOR`},
			{"get-annotated-message", `{"messageType":"error","includeImage":true}`, `Error: Operation failed`},
			{"get-resource-links", `{"count":2}`, `resource_link`},
			{"get-resource-reference", `{"resourceType":"Blob","resourceId":3}`, `demo://resource/dynamic/blob/3`},
			{"get-sum", `{"a":"two"}`, `Invalid arguments for tool get-sum`},
			{"simulate-research-query", `{"topic":"x"}`, `task`}, // needs what we do not announce; it says so
		} {
			o := tool(t, set, "everything", c.tool).Call(within(t, patience), mcp.Call{ID: "c", Arguments: json.RawMessage(c.arguments), Images: true})
			if !strings.Contains(string(o.Output), c.want) {
				t.Errorf("%s %s: the model reads %.600s", c.tool, c.arguments, o.Output)
			}
		}
		if server.Command != "" {
			if env := direct(t, set, "everything", "get-env", `{}`); !strings.Contains(env, `"PATH"`) || strings.Contains(env, "NOT_FOR_SERVERS") {
				t.Errorf("its environment is %s", env)
			}
		}
	})

	t.Run("resources", func(t *testing.T) {
		list := listed(t, set, "list_mcp_resources", `{"server":"everything"}`)
		if !strings.Contains(list, `"uri":"demo://resource/static/document/architecture.md"`) {
			t.Errorf("resources: %s", list)
		}
		templates := listed(t, set, "list_mcp_resource_templates", `{}`)
		if !strings.Contains(templates, `{"server":"everything","name":"Dynamic Text Resource","uriTemplate":"demo://resource/dynamic/text/{resourceId}"`) {
			t.Errorf("templates: %s", templates)
		}
		text := listed(t, set, "read_mcp_resource", `{"server":"everything","uri":"demo://resource/dynamic/text/7"}`)
		if !strings.Contains(text, "Resource 7: This is a plaintext resource") {
			t.Errorf("resource: %s", text)
		}
		if _, err := set.ReadResource(within(t, patience), "everything", "demo://nowhere"); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("a resource that is not there: %v", err)
		}
	})

	t.Run("elicitation", func(t *testing.T) {
		l.answer(`{"action":"accept","content":{"name":"Ada","check":true},"_meta":null}`)
		o := tool(t, set, "everything", "trigger-elicitation-request").Call(within(t, patience), mcp.Call{ID: "q", TurnID: "turn"})
		if o.Failed || !strings.Contains(string(o.Output), "- Name: Ada") {
			t.Errorf("the model reads %s", o.Output)
		}
		q := string(l.last().Params)
		if !strings.Contains(q, `"mode":"form"`) || !strings.Contains(q, `"titledMultipleSelectEnum"`) || !strings.Contains(q, `"turnId":"turn"`) {
			t.Errorf("asked %s", q)
		}
		if err := validQuestion(l.last().Params); err != nil {
			t.Error(err)
		}
		l.answer(`{"action":"decline","content":null,"_meta":null}`)
		o = tool(t, set, "everything", "trigger-url-elicitation").Call(within(t, patience), mcp.Call{ID: "q", Arguments: json.RawMessage(`{"url":"https://example.org/x"}`)})
		if q := string(l.last().Params); !strings.Contains(q, `"mode":"url"`) || !strings.Contains(q, `"url":"https://example.org/x"`) || !strings.Contains(string(o.Output), "decline") {
			t.Errorf("asked %s; the model reads %s", q, o.Output)
		}
	})

	t.Run("progress", func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		o := tool(t, set, "everything", "trigger-long-running-operation").Call(within(t, patience), mcp.Call{
			ID: "p", Arguments: json.RawMessage(`{"duration":0.4,"steps":4}`),
			Progress: func(params json.RawMessage) {
				var p struct{ Progress, Total float64 }
				_ = json.Unmarshal(params, &p)
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, fmt.Sprintf("%g/%g", p.Progress, p.Total))
			},
		})
		mu.Lock()
		defer mu.Unlock()
		// Over HTTP the last report and the answer come by ways of their own: an answer that wins ends the call.
		const all = "1/4 2/4 3/4 4/4"
		got := strings.Join(seen, " ")
		if overtaken := server.URL != "" && len(seen) == 3 && strings.HasPrefix(all, got); o.Failed || got != all && !overtaken {
			t.Errorf("progress %q; the model reads %s", got, o.Output)
		}
	})

	t.Run("cancellation", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		begun := time.Now()
		o := tool(t, set, "everything", "trigger-long-running-operation").Call(ctx, mcp.Call{ID: "c", Arguments: json.RawMessage(`{"duration":60,"steps":1}`)})
		if took := time.Since(begun); !o.Failed || took > 30*time.Second {
			t.Errorf("after %v the model reads %s", took, o.Output)
		}
		if got := direct(t, set, "everything", "echo", `{"message":"still there"}`); got != "Echo: still there" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

func TestServerFilesystem(t *testing.T) {
	path := foreign(t, "filesystem")
	dir := t.TempDir()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	set := join(t, service(t), &listener{}, mcp.Server{Name: "files", Enabled: true, Command: path, Args: []string{dir}})
	if n := len(set.Offer().Tools()); n != 14 {
		t.Errorf("%d tools: %s", n, offered(set))
	}
	file := filepath.Join(dir, "a.txt")
	arguments, _ := json.Marshal(map[string]string{"path": file, "content": "one\ntwo\n"})
	direct(t, set, "files", "write_file", string(arguments))
	if b, err := os.ReadFile(file); string(b) != "one\ntwo\n" {
		t.Errorf("it wrote %q, %v", b, err)
	}
	arguments, _ = json.Marshal(map[string]string{"path": file})
	if got := direct(t, set, "files", "read_text_file", string(arguments)); got != "one\ntwo\n" {
		t.Errorf("it reads %q", got)
	}
	if got := direct(t, set, "files", "read_text_file", `{"path":"/etc/hostname"}`); !strings.Contains(got, "Access denied") {
		t.Errorf("outside of its folders: %q", got)
	}
	ask := tool(t, set, "files", "write_file").Decide(mcp.Policy{})
	run := tool(t, set, "files", "read_text_file").Decide(mcp.Policy{})
	if ask.Verdict != mcp.Ask || run.Verdict != mcp.Run {
		t.Errorf("writing: %v, reading: %v", ask.Verdict, run.Verdict)
	}
	// It has no resources, and says so with an error; the others' lists stand.
	if got := listed(t, set, "list_mcp_resources", `{}`); got != `{"resources":[]}` {
		t.Errorf("resources: %s", got)
	}
}

func TestServerMemory(t *testing.T) {
	path := foreign(t, "memory")
	set := join(t, service(t), &listener{}, mcp.Server{
		Name: "memory", Enabled: true, Command: path, Env: map[string]string{"MEMORY_FILE_PATH": filepath.Join(t.TempDir(), "memory.jsonl")},
	})
	if n := len(set.Offer().Tools()); n != 9 {
		t.Errorf("%d tools: %s", n, offered(set))
	}
	direct(t, set, "memory", "create_entities", `{"entities":[{"name":"Ada","entityType":"person","observations":["wrote a program"]}]}`)
	if got := direct(t, set, "memory", "search_nodes", `{"query":"program"}`); !strings.Contains(got, `"Ada"`) {
		t.Errorf("found %s", got)
	}
	if got := listed(t, set, "read_mcp_resource", `{"server":"memory","uri":"memory://knowledge-graph"}`); !strings.Contains(got, "wrote a program") {
		t.Errorf("resource: %s", got)
	}
}

// offered is the raw names of a thread's tools, sorted.
func offered(set *mcp.Set) string {
	var names []string
	for _, x := range set.Offer().Tools() {
		names = append(names, x.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// listed is what the model reads of a resource tool.
func listed(t *testing.T, set *mcp.Set, name, arguments string) string {
	t.Helper()
	c, ok := set.ResourceCall(name, arguments)
	if !ok {
		t.Fatalf("%s is no resource tool", name)
	}
	o := c.Run(within(t, patience), 1<<20)
	var text string
	if err := json.Unmarshal(o.Output, &text); err != nil || o.Failed {
		t.Errorf("%s %s: %s", name, arguments, o.Output)
	}
	return text
}
