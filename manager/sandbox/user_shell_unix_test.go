//go:build unix

package sandbox

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUserShell(t *testing.T) {
	dir := t.TempDir()
	fish := filepath.Join(dir, "fish")
	if err := os.WriteFile(fish, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	passwd := filepath.Join(dir, "passwd")
	list := "# accounts\n" +
		"root:x:0:0:root:/root:/bin/sh\n" +
		"broken:x:7\n" +
		"www-data:x:33:33::/var/www:/usr/sbin/nologin\n" +
		"ann:x:1000:1000:Ann,,,:/home/ann:" + fish + "\n" +
		"bob:x:1001:1001::/home/bob:/opt/gone\n" +
		"eve:x:1002:1002::/home/eve:\n"
	if err := os.WriteFile(passwd, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	next := "/bin/bash"
	if _, err := os.Stat(next); err != nil {
		next = "/bin/sh"
	}
	for _, c := range []struct {
		name, env, passwd string
		uid               int
		want              string
	}{
		{"SHELL goes first", fish, passwd, 0, fish},
		{"a SHELL that is no program", "/opt/gone", passwd, 0, "/bin/sh"},
		{"the user's own line", "", passwd, 1000, fish},
		{"an account without a shell", "", passwd, 33, next},
		{"a shell that was removed", "", passwd, 1001, next},
		{"an empty field", "", passwd, 1002, next},
		{"a user nobody knows", "", passwd, 4242, next},
		{"no list", "", filepath.Join(dir, "none"), 0, next},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := userShell(c.env, c.passwd, c.uid); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
