package rpc

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func TestBase64Faults(t *testing.T) {
	long := strings.Repeat("abcd", 40) // decoded in a different way
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"aGk=", ""},
		{"aGkhAA==", ""},
		{long + "aGk=", ""},
		{"***", "Invalid symbol 42, offset 0."},
		{"aGk", "Invalid padding"},
		{"ab", "Invalid padding"},
		{long + "aGk", "Invalid padding"},
		{"aGk==", "Invalid symbol 61, offset 3."},
		{"aG k=", "Invalid symbol 32, offset 2."},
		{"aGk=\n", "Invalid symbol 10, offset 4."},
		{"aG\nk", "Invalid symbol 10, offset 2."},
		{"\n\n\n\n", "Invalid symbol 10, offset 0."},
		{long + "aG\nkaGkh", "Invalid symbol 10, offset 162."},
		{"aGl=", "Invalid last symbol 108, offset 2."},
		{long + "aGl=", "Invalid last symbol 108, offset 162."},
		{"====", "Invalid symbol 61, offset 0."},
		{"a", "Invalid input length: 1"},
		{"abcde", "Invalid input length: 5"},
		{"-_8=", "Invalid symbol 45, offset 0."},
		{"aGkh\u00e9", "Invalid symbol 195, offset 4."},
		{"aGkhA===", "Invalid symbol 61, offset 5."},
		{"aGk=aGk=", "Invalid symbol 61, offset 3."},
		{"aGk=" + long, "Invalid symbol 61, offset 3."},
	} {
		got := ""
		if _, err := decodeBase64(c.text); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// What is decoded is what a decoder without shortcuts makes of it, and line
// breaks are no base64 here.
func FuzzBase64(f *testing.F) {
	f.Add("aGk=")
	f.Add(strings.Repeat("abcd", 20) + "aGl=")
	f.Add("ab\ncd" + strings.Repeat("abcd", 20))
	f.Fuzz(func(t *testing.T, s string) {
		for _, s := range []string{s, strings.Repeat(s, 20), s + strings.Repeat("A", 96), base64.StdEncoding.EncodeToString([]byte(s))} {
			got, err := decodeBase64(s)
			want, wrong := base64.StdEncoding.Strict().DecodeString(s)
			fine := wrong == nil && !strings.ContainsAny(s, "\r\n")
			if (err == nil) != fine || fine && !bytes.Equal(got, want) {
				t.Errorf("%q: %q %v, want %q %v", s, got, err, want, wrong)
			}
		}
	})
}

// A file's answer is what any encoder would make of it.
func TestFileContents(t *testing.T) {
	for n := range 200 {
		data := bytes.Repeat([]byte{0xff, 0, 7, byte(n)}, n)[:n]
		got, err := appendMessage([]byte("before "), fileContents(data))
		if want := `before {"dataBase64":"` + base64.StdEncoding.EncodeToString(data) + `"}`; string(got) != want || err != nil {
			t.Fatalf("%d bytes: %s %v, want %s", n, got, err, want)
		}
	}
}

func BenchmarkFileContents(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	out := make([]byte, 0, 2<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := appendMessage(out, fileContents(data)); err != nil {
			b.Fatal(err)
		}
	}
}
