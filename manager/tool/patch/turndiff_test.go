package patch

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var hash = regexp.MustCompile(`[0-9a-f]{40}`)

func TestTurnDiff(t *testing.T) {
	long := "l1\nl2\nl3\nl4\nl5\nl6\nl7\nl8\nl9\nl10\nl11\nl12\n"
	dir := tree(t, map[string]string{".git/": "", "sub/": "", "a": "one\n", "d": "d1\n", "long": long, "m": "1\n2\n", "n": "old\n", "o": "1\n"})
	d := NewTurnDiff(filepath.Join(dir, "sub"))
	if d.String() != "" {
		t.Error("a turn that did nothing has a difference")
	}
	out := tree(t, nil)
	for _, text := range []string{
		"*** Update File: a\n@@\n-one\n+1\n*** Add File: z\n+z\n",
		"*** Update File: a\n@@\n-1\n+2\n",
		"*** Add File: gone\n+1\n", "*** Delete File: gone\n",
		"*** Delete File: d\n*** Update File: long\n@@\n-l2\n+L2\n@@\n-l11\n+L11\n",
		"*** Update File: m\n*** Move to: sub/m\n@@\n-1\n+x\n",
		"*** Update File: o\n*** Move to: n\n@@\n-1\n+2\n",
		"*** Add File: " + out + "/e\n+1\n",
	} {
		plan, err := run(wrap(text), dir)
		if err != nil {
			t.Fatal(err)
		}
		d.Applied(plan)
	}
	want := `diff --git a/$O/e b/$O/e
new file mode 100644
index <h>..<h>
--- /dev/null
+++ b/$O/e
@@ -0,0 +1 @@
+1
diff --git a/a b/a
index <h>..<h>
--- a/a
+++ b/a
@@ -1 +1 @@
-one
+2
diff --git a/d b/d
deleted file mode 100644
index <h>..<h>
--- a/d
+++ /dev/null
@@ -1 +0,0 @@
-d1
diff --git a/long b/long
index <h>..<h>
--- a/long
+++ b/long
@@ -1,5 +1,5 @@
 l1
-l2
+L2
 l3
 l4
 l5
@@ -8,5 +8,5 @@
 l8
 l9
 l10
-l11
+L11
 l12
diff --git a/n b/n
index <h>..<h>
--- a/n
+++ b/n
@@ -1 +1 @@
-old
+2
diff --git a/o b/o
deleted file mode 100644
index <h>..<h>
--- a/o
+++ /dev/null
@@ -1 +0,0 @@
-1
diff --git a/m b/sub/m
rename from m
rename to sub/m
index <h>..<h>
--- a/m
+++ b/sub/m
@@ -1,2 +1,2 @@
-1
+x
 2
diff --git a/z b/z
new file mode 100644
index <h>..<h>
--- /dev/null
+++ b/z
@@ -0,0 +1 @@
+z
`
	got := strings.ReplaceAll(hash.ReplaceAllString(d.String(), "<h>"), out, "$O")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestGitTakesTheDiff undoes a turn with git, which checks hashes and lines.
func TestGitTakesTheDiff(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git to compare with")
	}
	dir := tree(t, map[string]string{"a": "one\ntwo", "d": "d1\r\nd2\r\n", "m": "1\n2\n3\n", "same": "x\n", "sp ace": "1\n", "empty": "", "run.sh": "1\n"})
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	d := NewTurnDiff(dir)
	for _, text := range []string{
		"*** Update File: a\n@@\n-one\n+1\n*** Add File: n/z\n+z\n*** Add File: nothing\n", "*** Delete File: d\n",
		"*** Update File: m\n*** Move to: sub/m\n@@\n-1\n+x\n", "*** Update File: same\n*** Move to: other\n@@\n x\n",
		"*** Update File: sp ace\n@@\n-1\n+2\n", "*** Update File: empty\n@@\n+1\n", "*** Delete File: run.sh\n",
	} {
		plan, err := run(wrap(text), dir)
		if err != nil {
			t.Fatal(err)
		}
		d.Applied(plan)
	}
	cmd := exec.Command(git, "apply", "-R", "--unsafe-paths", "--whitespace=nowarn", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(d.String())
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, d.String())
	}
	if got := snapshot(t, dir); !sameFiles(got, before) {
		t.Errorf("got %v\nwant %v", got, before)
	}
}

func TestTurnDiffSeesWhatCommandsDid(t *testing.T) {
	dir := tree(t, map[string]string{"a": "1\n", "b": "1\n"})
	d := NewTurnDiff(dir)
	plan, err := run(wrap("*** Update File: a\n@@\n-1\n+2\n*** Add File: bin\n+1\n*** Update File: b\n@@\n-1\n+2\n"), dir)
	if err != nil {
		t.Fatal(err)
	}
	d.Applied(plan)
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "3\n")
	write("b", "1\n")
	write("bin", "\x00\x01")
	got := d.String()
	for _, want := range []string{"-1\n+3\n", "Binary files /dev/null and b/bin differ\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "a/b b/b") {
		t.Errorf("a file that is as it was before is shown:\n%s", got)
	}
}
