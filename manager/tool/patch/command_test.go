package patch

import (
	"errors"
	"testing"
)

func TestFromCommand(t *testing.T) {
	text := wrap("*** Add File: a\n+x$HOME `y` \"z\" 'w\n")
	bash := func(script string) []string { return []string{"/bin/bash", "-lc", script} }
	for _, c := range []struct {
		name string
		argv []string
		dir  string
		ok   bool
		err  error
	}{
		{"quoted mark", bash("apply_patch <<'EOF'\n" + text + "EOF\n"), "", true, nil},
		{"double quoted mark", bash("apply_patch <<\"EOF\"\n" + text + "EOF"), "", true, nil},
		{"plain mark", bash("apply_patch <<EOF\n" + text + "EOF"), "", true, nil},
		{"other mark", bash("apply_patch << 'PATCH'\n" + text + "PATCH\n"), "", true, nil},
		{"no blank", bash("apply_patch<<'EOF'\n" + text + "EOF\n"), "", true, nil},
		{"tabs", bash("apply_patch <<-'EOF'\n\t" + text + "\tEOF\n"), "", true, nil},
		{"other name", bash("applypatch <<'EOF'\n" + text + "EOF\n"), "", true, nil},
		{"cd", bash("cd sub && apply_patch <<'EOF'\n" + text + "EOF\n"), "sub", true, nil},
		{"cd quoted", bash("cd 'sub dir' && apply_patch <<'EOF'\n" + text + "EOF\n"), "sub dir", true, nil},
		{"cd double quoted", bash("cd \"sub dir\" &&apply_patch <<'EOF'\n" + text + "EOF\n"), "sub dir", true, nil},
		{"cd absolute", bash("cd /a/b && apply_patch <<'EOF'\n" + text + "EOF\n"), "/a/b", true, nil},
		{"sh -c", []string{"sh", "-c", "apply_patch <<'EOF'\n" + text + "EOF\n"}, "", true, nil},
		{"words", []string{"apply_patch", text}, "", true, nil},

		{"cd of two", bash("cd a b && apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"cd expanded", bash("cd $x && apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"cd expanded in quotes", bash("cd \"$x\" && apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"cd glued", bash("cd 'a'b && apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"cd home", bash("cd ~ && apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"cd option", bash("cd -P && apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"cd then not and", bash("cd sub; apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"something before", bash("echo hi; apply_patch <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"something after", bash("apply_patch <<'EOF' && echo ok\n" + text + "EOF\n"), "", false, nil},
		{"something below", bash("apply_patch <<'EOF'\n" + text + "EOF\necho ok\n"), "", false, nil},
		{"redirected", bash("apply_patch <<'EOF' > x\n" + text + "EOF\n"), "", false, nil},
		{"no end", bash("apply_patch <<'EOF'\n" + text), "", false, nil},
		{"other program", bash("apply_patches <<'EOF'\n" + text + "EOF\n"), "", false, nil},
		{"other shell", []string{"fish", "-c", "apply_patch <<'EOF'\n" + text + "EOF\n"}, "", false, nil},
		{"other option", []string{"bash", "-x", "apply_patch <<'EOF'\n" + text + "EOF\n"}, "", false, nil},
		{"three words", []string{"apply_patch", text, "x"}, "", false, nil},
		{"nothing", nil, "", false, nil},
		{"no patch", bash("ls"), "", false, nil},
		{"patch alone", bash(text), "", false, ErrImplicit},
		{"patch as a program", []string{text}, "", false, ErrImplicit},
	} {
		got, ok, err := FromCommand(c.argv)
		if ok != c.ok || !errors.Is(err, c.err) || err != nil && c.err == nil || got.Dir != c.dir && ok || ok && got.Text != text {
			t.Errorf("%s: %+v %t %v", c.name, got, ok, err)
		}
	}
	quoted, ok, _ := FromCommand(bash("apply_patch '*** Begin Patch\n*** Add File: a\n+x\n*** End Patch'"))
	if !ok || quoted.Text != "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch" {
		t.Errorf("as one word: %+v %t", quoted, ok)
	}
}
