package oauth_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
)

// As codex 0.169 has written it.
const referenceFile = `{"guarded|dae3ce9aa521fd25":{"server_name":"guarded","server_url":"http://127.0.0.1:8712/mcp","issuer":"http://127.0.0.1:8711",` +
	`"client_id":"KOns","access_token":"1xKJ","expires_at":1795191998635,"refresh_token":"QjlU","scopes":["tools"]},` +
	`"spent|dae3ce9aa521fd25":{"server_name":"spent","server_url":"http://127.0.0.1:8712/mcp","client_id":"x","access_token":"bad","expires_at":1000,"refresh_token":null,"scopes":["tools"]},` +
	`"later|0000":{"of":"another version"}}`

func referenceStore(t *testing.T) *oauth.Store {
	t.Helper()
	s := oauth.NewStore(t.TempDir())
	if err := os.WriteFile(s.Path(), []byte(referenceFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReferenceFileIsRead(t *testing.T) {
	s := referenceStore(t)
	c, err := s.Get("guarded", "http://127.0.0.1:8712/mcp")
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	if c.Issuer != "http://127.0.0.1:8711" || c.ClientID != "KOns" || c.AccessToken != "1xKJ" || c.RefreshToken != "QjlU" || c.Expires.UnixMilli() != 1795191998635 || c.Scopes[0] != "tools" {
		t.Errorf("got %+v", c)
	}
	spent, err := s.Get("spent", "http://127.0.0.1:8712/mcp")
	if err != nil || spent.RefreshToken != "" || spent.Usable(time.Now()) {
		t.Errorf("got %+v, %v", spent, err)
	}
	for _, name := range []string{"Guarded", "guarded "} {
		if c, err := s.Get(name, "http://127.0.0.1:8712/mcp"); c != nil || err != nil {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
	if c, err := s.Get("guarded", "http://127.0.0.1:8712/mcp/"); c != nil || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

// What a login writes replaces its entry and nothing else.
func TestOtherEntriesStay(t *testing.T) {
	s := referenceStore(t)
	c := &oauth.Credentials{Name: "a&b", URL: "https://x.example/?a=1&b=<2>", AccessToken: "t"}
	if err := s.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	var had, has map[string]json.RawMessage
	if err := json.Unmarshal([]byte(referenceFile), &had); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &has); err != nil {
		t.Fatal(err)
	}
	// sha256 of {"type":"http","url":"https://x.example/?a=1&b=<2>","headers":{}}
	if _, ok := has["a&b|f71df5e0564698a6"]; !ok || len(has) != len(had)+1 {
		t.Errorf("the entries: %s", raw)
	}
	for name := range had {
		var was, is map[string]any
		if json.Unmarshal(had[name], &was) != nil || json.Unmarshal(has[name], &is) != nil || fmt.Sprint(was) != fmt.Sprint(is) {
			t.Errorf("%s was %s and is %s", name, had[name], has[name])
		}
	}
	if removed, err := s.Delete(t.Context(), c.Name, c.URL); !removed || err != nil {
		t.Error(removed, err)
	}
}

func TestBrokenFileStays(t *testing.T) {
	for _, text := range []string{"{", "[]", `"x"`, `{"a":1}`, "\xff"} {
		s := oauth.NewStore(t.TempDir())
		if err := os.WriteFile(s.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := s.Put(t.Context(), &oauth.Credentials{Name: "a", URL: "b", AccessToken: "secret"})
		if err == nil || !strings.Contains(err.Error(), s.Path()) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
		if raw, _ := os.ReadFile(s.Path()); string(raw) != text {
			t.Errorf("%q became %q", text, raw)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	home := filepath.Join(t.TempDir(), "new")
	s := oauth.NewStore(home)
	if err := s.Put(t.Context(), &oauth.Credentials{Name: "a", URL: "b", AccessToken: "t"}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A sandbox hides the file by what is mounted over it: a new file of that name
// would lie bare. And what others have left readable is not, any more.
func TestFileIsWrittenInItsPlace(t *testing.T) {
	s := referenceStore(t)
	if err := os.Chmod(s.Path(), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	c := &oauth.Credentials{Name: "a", URL: "b"}
	for _, length := range []int{10, 5000, 1, 70_000, 20} {
		c.AccessToken = strings.Repeat("t", length)
		if err := s.Put(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get("a", "b"); err != nil || got == nil || got.AccessToken != c.AccessToken {
			t.Errorf("%d: %v", length, err)
		}
		raw, err := os.ReadFile(s.Path())
		if err != nil || raw[len(raw)-1] != '}' {
			t.Errorf("%d: the file ends with %q, %v", length, raw[len(raw)-1], err)
		}
	}
	after, err := os.Stat(s.Path())
	if err != nil || !os.SameFile(before, after) || runtime.GOOS != "windows" && after.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", after.Mode(), err)
	}
}

func TestReserve(t *testing.T) {
	s := oauth.NewStore(t.TempDir())
	for range 2 {
		s.Reserve()
		if raw, err := os.ReadFile(s.Path()); string(raw) != "{}" || err != nil {
			t.Errorf("%q, %v", raw, err)
		}
		if c, err := s.Get("a", "b"); c != nil || err != nil {
			t.Errorf("%+v, %v", c, err)
		}
	}
	full := referenceStore(t)
	full.Reserve()
	if raw, err := os.ReadFile(full.Path()); string(raw) != referenceFile || err != nil {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestWritersDoNotLoseEachOther(t *testing.T) {
	home := t.TempDir()
	var all sync.WaitGroup
	const many = 24
	for i := range many {
		all.Go(func() {
			c := &oauth.Credentials{Name: fmt.Sprint("s", i), URL: "https://x.example", AccessToken: "t"}
			if err := oauth.NewStore(home).Put(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range many {
		if c, err := oauth.NewStore(home).Get(fmt.Sprint("s", i), "https://x.example"); c == nil || err != nil {
			t.Errorf("s%d: %v, %v", i, c, err)
		}
	}
}
